/* SPDX-License-Identifier: MIT */
/* A line echo that knows nothing of sockets: what comes in on standard input goes out on standard output. */
#include <stdio.h>
#include <stdlib.h>

int
main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		fwrite(line, 1, (size_t)len, stdout);
		/* A socket is no terminal: without this the answer would wait in the buffer. */
		if (fflush(stdout) != 0)
			break;
	}
	free(line);
	return 0;
}
