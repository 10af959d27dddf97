/* SPDX-License-Identifier: MIT */
/* Feeds each file named to a fuzz target, where there is no libFuzzer. A directory stands for the
 * files in it. */
#include <errno.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long files;

static int
feed(const char *path, const struct stat *st, int type)
{
	size_t size = (size_t)st->st_size, got;
	uint8_t *data;
	FILE *in;

	if (type != FTW_F)
		return 0;
	in = fopen(path, "rb");
	if (in == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	data = mem_alloc(size);
	got = fread(data, 1, size, in);
	fclose(in);
	LLVMFuzzerTestOneInput(data, got);
	free(data);
	files++;
	return 0;
}

int
main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; i < argc; i++) {
		int one = ftw(argv[i], feed, 16);

		if (one < 0)
			fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
		r |= one != 0;
	}
	printf("%lu files replayed\n", files);
	return r != 0 || files == 0;
}
