/* SPDX-License-Identifier: MIT */
/* Files of xinetd and inetd.conf as files of porterd: all of them on standard output, or one for each service. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "front/front.h"
#include "front/personality.h"
#include "load/convert.h"

/* What stands around the services goes here. */
#define REST_NAME    "defaults"
#define LETTERS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
/* Files of one name get numbers up to this. */
#define MOST_OF_NAME 1000

struct conversions {
	const struct settings *settings;
	struct conversion all;
	struct problems problems;
	struct source **sources;
	size_t source_count;
};

static void
convert_file(struct conversions *c, const char *path, enum input_kind kind)
{
	struct source *source =
	    source_read(path, &c->settings->load.trust, &(struct place){ 0 }, &c->problems);

	if (source == NULL) {
		conversion_add_gap(&c->all);
		return;
	}
	c->sources = mem_grow(c->sources, c->source_count + 1, sizeof(struct source *));
	c->sources[c->source_count++] = source; /* places point into it */
	convert_source(&c->all, source, kind, &c->settings->load, &c->problems);
}

static void
convert_input(struct conversions *c, const struct load_input *input)
{
	struct strings paths = { 0 };
	struct stat st = { 0 };

	if (stat(input->path, &st) < 0 && input->may_lack)
		return;
	if (!S_ISDIR(st.st_mode)) {
		convert_file(c, input->path, input->kind);
		return;
	}
	if (source_list(input->path, &c->settings->load.trust, &(struct place){ 0 }, &paths,
		&c->problems) == 0)
		for (size_t i = 0; i < paths.count; i++)
			convert_file(c, paths.item[i], input->kind);
	strings_done(&paths);
}

/* A name that includedir reads: letters, digits, - and _. */
static char *
file_name(const struct conversions *c, const char *id, unsigned number)
{
	const char *first = id != NULL ? id + strcspn(id, LETTERS) : REST_NAME;
	char *name = mem_dup(*first != '\0' ? first : "service"), *path;

	for (char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '_')
			*p = '-';
	if (number > 1)
		path = mem_format("%s/%s-%u.conf", c->settings->output, name, number);
	else
		path = mem_format("%s/%s.conf", c->settings->output, name);
	free(name);
	return path;
}

/* Nothing that is there is written over. -errno; heap in *path. */
static int
open_new(const struct conversions *c, const char *id, char **path)
{
	int fd = -1;

	for (unsigned n = 1; n <= MOST_OF_NAME; n++) {
		*path = file_name(c, id, n);
		fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd >= 0 || errno != EEXIST || n == MOST_OF_NAME)
			break;
		free(*path);
	}
	return fd >= 0 ? fd : -errno;
}

static bool
write_piece(const struct conversions *c, const char *id, const char *text)
{
	char *path;
	int fd = open_new(c, id, &path);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool is_written = out != NULL && fputs(text, out) >= 0;

	if (out != NULL && fclose(out) != 0)
		is_written = false;
	if (!is_written)
		fprintf(stderr, "porterd: %s: %s\n", path, strerror(fd < 0 ? -fd : errno));
	free(path);
	return is_written;
}

/* All that is no service in one file. */
static bool
write_rest(const struct conversions *c)
{
	char *text = NULL;
	bool is_written = true;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return false;
	for (size_t i = 0; i < c->all.count; i++)
		if (c->all.item[i].id == NULL)
			fputs(c->all.item[i].text, out);
	fclose(out);
	if (text[strspn(text, "\n")] != '\0')
		is_written = write_piece(c, NULL, text);
	free(text);
	return is_written;
}

static bool
write_directory(const struct conversions *c)
{
	bool is_written;

	if (mkdir(c->settings->output, 0755) < 0 && errno != EEXIST) {
		fprintf(stderr, "porterd: %s: %s\n", c->settings->output, strerror(errno));
		return false;
	}
	is_written = write_rest(c);
	for (size_t i = 0; is_written && i < c->all.count; i++)
		if (c->all.item[i].id != NULL)
			is_written = write_piece(c, c->all.item[i].id, c->all.item[i].text);
	return is_written;
}

static bool
write_all(const struct conversions *c)
{
	for (size_t i = 0; i < c->all.count; i++)
		fputs(c->all.item[i].text, stdout);
	return fflush(stdout) == 0 && !ferror(stdout);
}

int
front_convert(struct settings *s)
{
	struct conversions c = { .settings = s };
	const struct load_input main_file = {
		.path = s->config != NULL ? s->config : s->personality->config, .kind = INPUT_BLOCKS
	};
	bool is_written;
	int status;

	s->load.trust.is_checked = false; /* nothing is served from them */
	if (s->load.input_count == 0)
		convert_input(&c, &main_file);
	for (size_t i = 0; i < s->load.input_count; i++)
		convert_input(&c, &s->load.inputs[i]);
	problems_print(&c.problems, stderr);
	is_written = s->output != NULL ? write_directory(&c) : write_all(&c);
	status = is_written && c.problems.by_severity[SEVERITY_ERROR] == 0 ? EXIT_OK : EXIT_ERRORS;
	conversion_done(&c.all);
	problems_done(&c.problems);
	for (size_t i = 0; i < c.source_count; i++)
		source_free(c.sources[i]);
	free(c.sources);
	return status;
}
