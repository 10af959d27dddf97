/* SPDX-License-Identifier: MIT */
#include "conf/address_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/access_word.h"

/* A line is an address and a comment. */
#define MOST_LINE 1024
#define CHUNK     65536

/* A file while it is read. */
struct reading {
	int fd;
	char *text; /* CHUNK bytes; a line that began in the last piece stands at its front */
	size_t len;
	unsigned long line;
	uint64_t bytes;
	struct prefix_list list;
	char *why; /* 256 bytes */
};

static int
refuse(struct reading *r, int error, const char *text)
{
	snprintf(r->why, 256, "%s", text);
	return error;
}

static int
refuse_line(struct reading *r, const char *text)
{
	snprintf(r->why, 256, "line %lu: %.220s", r->line, text);
	return -EINVAL;
}

/* What an address file may hold, of what only_from may. */
static int
add_word(struct reading *r, const char *word)
{
	char why[ATTR_WHY_SIZE] = "", shown[160];
	enum access_form form;

	if (!access_word_read(&form, &r->list, word, why))
		return refuse_line(r, why);
	if (form == ACCESS_PREFIXES)
		return 0;
	snprintf(shown, sizeof(shown),
	    "'%.60s' is no address: names and files stand in the configuration", word);
	return refuse_line(r, shown);
}

/* The line ends at `end`, where a byte is free to be overwritten. */
static int
read_line(struct reading *r, char *line, char *end)
{
	static const char blanks[] = " \t\r\f\v";

	r->line++;
	if (end - line > MOST_LINE)
		return refuse_line(r, "it is too long");
	if (memchr(line, '\0', (size_t)(end - line)) != NULL)
		return refuse_line(r, "it holds a byte 0");
	*end = '\0';
	if (r->line == 1)
		line += text_mark_len(line, (size_t)(end - line));
	line[strcspn(line, "#")] = '\0';
	line += strspn(line, blanks);
	size_t len = strcspn(line, blanks);
	if (line[len + strspn(line + len, blanks)] != '\0')
		return refuse_line(r, "one address stands in a line");
	line[len] = '\0';
	return len == 0 ? 0 : add_word(r, line);
}

/* All lines that are whole; what is left over moves to the front. */
static int
read_lines(struct reading *r)
{
	char *from = r->text, *end;
	int error;

	while ((end = memchr(from, '\n', (size_t)(r->text + r->len - from))) != NULL) {
		error = read_line(r, from, end);
		if (error < 0)
			return error;
		from = end + 1;
	}
	r->len = (size_t)(r->text + r->len - from);
	memmove(r->text, from, r->len);
	if (r->len > MOST_LINE) {
		r->line++;
		return refuse_line(r, "it is too long");
	}
	return 0;
}

static int
read_all(struct reading *r)
{
	int error = 0;

	for (;;) {
		ssize_t n = read(r->fd, r->text + r->len, CHUNK - 1 - r->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(r, -errno, strerror(errno));
		if (n == 0)
			break;
		r->len += (size_t)n;
		r->bytes += (uint64_t)n;
		if (r->bytes > ADDRESS_FILE_MOST_BYTES)
			return refuse(r, -EFBIG, "it is too large");
		error = read_lines(r);
		if (error < 0)
			return error;
	}
	return r->len == 0 ? 0 : read_line(r, r->text, r->text + r->len);
}

/* A file that was written to meanwhile may have been half there. */
static int
check_unchanged(struct reading *r, const struct stat *before)
{
	struct stat after;

	if (fstat(r->fd, &after) < 0)
		return refuse(r, -errno, strerror(errno));
	if ((uint64_t)after.st_size != r->bytes || after.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	    after.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
		return refuse(r, -EAGAIN, "it changed while it was being read");
	return 0;
}

/* A descriptor for a regular file, or -errno. */
static int
open_file(struct reading *r, const char *path, struct stat *st)
{
	/* Opening a device can do things; what is no file is not even opened. */
	if (stat(path, st) < 0)
		return refuse(r, -errno, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return refuse(r, -EINVAL, "it is no regular file");
	r->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (r->fd < 0 || fstat(r->fd, st) < 0)
		return refuse(r, -errno, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return refuse(r, -EINVAL, "it is no regular file");
	return 0;
}

static int
check_trust(struct reading *r, const char *path, const struct stat *st, const struct trust *trust)
{
	struct problems problems = { 0 };
	int error = 0;

	if (!trust_check(path, st, trust, &(struct place){ 0 }, &problems))
		error = refuse(r, -EPERM, problems_first_error(&problems, 0));
	problems_done(&problems);
	return error;
}

int
address_file_look(const char *path, const struct trust *trust, struct stat *st, char why[256])
{
	struct reading r = { .fd = -1, .why = why };
	int error = open_file(&r, path, st);

	if (error == 0)
		error = check_trust(&r, path, st, trust);
	if (r.fd >= 0)
		close(r.fd);
	return error;
}

int
address_file_read(struct ip_set **out, const char *path, const struct trust *trust, char why[256])
{
	struct reading r = { .fd = -1, .why = why };
	struct stat st;
	int error = open_file(&r, path, &st);

	*out = NULL;
	if (error == 0)
		error = check_trust(&r, path, &st, trust);
	if (error == 0) {
		r.text = mem_alloc(CHUNK);
		error = read_all(&r);
	}
	if (error == 0)
		error = check_unchanged(&r, &st);
	if (error == 0)
		*out = ip_set_new(r.list.item, r.list.count);
	if (r.fd >= 0)
		close(r.fd);
	free(r.text);
	prefix_list_done(&r.list);
	return error;
}
