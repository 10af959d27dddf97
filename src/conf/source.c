/* SPDX-License-Identifier: MIT */
#include "conf/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "conf/trust.h"

#define NATIVE_SUFFIX ".conf"

static void
report(struct problems *problems, const struct place *from, const char *path, const char *why)
{
	problem_add(problems, SEVERITY_ERROR, CAUSE_TEXT, from, "cannot read %s: %s", path, why);
}

static const char *
kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "it is a directory; use includedir for one";
	case S_IFIFO:
		return "it is a FIFO and no file";
	case S_IFCHR:
	case S_IFBLK:
		return "it is a device and no file";
	case S_IFSOCK:
		return "it is a socket and no file";
	default:
		return "it is no file";
	}
}

/* What makes a file unfit, or NULL. */
static const char *
unfit(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return kind_of(st->st_mode);
	return st->st_size > SOURCE_MAX_BYTES ? "it is larger than 64 MiB" : NULL;
}

/* The bytes from a descriptor into s: as many as fstat said, or the file is being written. */
static const char *
read_all(struct source *s, int fd, const struct stat *st)
{
	size_t want = (size_t)st->st_size;
	struct stat after;

	s->text = mem_alloc(want + 1);
	for (;;) {
		/* One byte more than there should be tells whether the file has grown. */
		ssize_t n = read(fd, s->text + s->len, want + 1 - s->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return strerror(errno);
		s->len += (size_t)n;
		if (n == 0 || s->len > want)
			break;
	}
	if (s->len != want || fstat(fd, &after) < 0 || after.st_size != st->st_size ||
	    after.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    after.st_mtim.tv_nsec != st->st_mtim.tv_nsec)
		return "it changed while it was being read; try again";
	s->text[want] = '\0';
	return NULL;
}

struct source *
source_read(const char *path, const struct trust *trust, const struct place *from,
    struct problems *problems)
{
	struct source *s = NULL;
	const char *why = NULL;
	struct stat st;
	int fd = -1;

	/* Opening a device can do things; what is no file is not even opened. */
	if (stat(path, &st) < 0)
		why = strerror(errno);
	else
		why = unfit(&st);
	if (why == NULL && (fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) < 0)
		why = strerror(errno);
	if (why == NULL && fstat(fd, &st) < 0)
		why = strerror(errno);
	if (why == NULL)
		why = unfit(&st);
	if (why != NULL) {
		report(problems, from, path, why);
	} else if (trust_check(path, &st, trust, from, problems)) {
		s = mem_alloc(sizeof(*s));
		s->path = mem_dup(path);
		why = read_all(s, fd, &st);
		if (why != NULL) {
			report(problems, from, path, why);
			source_free(s);
			s = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return s;
}

void
source_forget_text(struct source *s)
{
	free(s->text);
	s->text = mem_dup("");
	s->len = 0;
}

void
source_free(struct source *s)
{
	if (s == NULL)
		return;
	free(s->path);
	free(s->text);
	free(s);
}

enum naming
source_naming(const char *directory)
{
	static const char name[] = "xinetd.d";
	size_t len = strlen(directory), name_len = sizeof(name) - 1;

	while (len > 0 && directory[len - 1] == '/')
		len--;
	if (len < name_len || memcmp(directory + len - name_len, name, name_len) != 0)
		return NAMING_NATIVE;
	return len == name_len || directory[len - name_len - 1] == '/' ? NAMING_XINETD
								       : NAMING_NATIVE;
}

static const char *
unfit_name(const char *name, enum naming naming)
{
	size_t len = strlen(name), suffix = sizeof(NATIVE_SUFFIX) - 1;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return "its name has a control character";
	if (len == 0 || name[0] == '.')
		return "its name begins with a dot";
	if (name[0] == '#')
		return "its name begins with #";
	if (name[len - 1] == '~')
		return "its name ends in ~";
	if (naming == NAMING_XINETD)
		return strchr(name, '.') == NULL ? NULL : "its name has a dot, as xinetd has it";
	if (len > suffix && strcmp(name + len - suffix, NATIVE_SUFFIX) == 0)
		len -= suffix;
	return memchr(name, '.', len) == NULL ? NULL : "its name has a dot and is not NAME.conf";
}

bool
source_name_loads(const char *name, enum naming naming, const char **why)
{
	*why = unfit_name(name, naming);
	return *why == NULL;
}

/* Why a file of a directory is not read, or NULL. Nothing is opened: what cannot be read is told as
 * the error that it is when it is read. */
static const char *
unfit_entry(int dir, const char *name, enum naming naming)
{
	struct stat st;
	const char *why = unfit_name(name, naming);

	if (why != NULL)
		return why;
	if (fstatat(dir, name, &st, 0) < 0) {
		if (errno == ENOENT)
			return "it is a link to nothing";
		return errno == ELOOP ? strerror(errno) : NULL;
	}
	return S_ISREG(st.st_mode) ? NULL : kind_of(st.st_mode);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One includedir being listed. */
struct listing {
	const char *directory;
	const struct place *from;
	struct problems *problems;
	struct strings names;
};

static void
list_entry(struct listing *l, int dir, const char *name)
{
	const char *why = unfit_entry(dir, name, source_naming(l->directory));
	char quoted[4 * NAME_MAX + 3];

	if (why == NULL)
		strings_add(&l->names, name);
	else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		problem_add(l->problems, SEVERITY_NOTE, CAUSE_TEXT, l->from,
		    "%s in %s is skipped: %s", quote_text(name, quoted, sizeof(quoted)),
		    l->directory, why);
}

static int
list_failed(const struct listing *l, int error)
{
	if (error == ENOENT) {
		problem_add(l->problems, SEVERITY_WARNING, CAUSE_SURROUNDINGS, l->from,
		    "there is no directory %s", l->directory);
		return 0;
	}
	report(l->problems, l->from, l->directory, strerror(error));
	return -error;
}

static int
list_open(struct listing *l, DIR *dir, const struct trust *trust)
{
	struct dirent *entry;
	struct stat st;

	if (fstat(dirfd(dir), &st) < 0)
		return list_failed(l, errno);
	if (!trust_check(l->directory, &st, trust, l->from, l->problems))
		return -EPERM;
	while ((errno = 0, entry = readdir(dir)) != NULL)
		list_entry(l, dirfd(dir), entry->d_name);
	return errno == 0 ? 0 : list_failed(l, errno);
}

int
source_list(const char *directory, const struct trust *trust, const struct place *from,
    struct strings *paths, struct problems *problems)
{
	struct listing l = { .directory = directory, .from = from, .problems = problems };
	size_t len = strlen(directory);
	DIR *dir = opendir(directory);
	int r;

	if (dir == NULL)
		return list_failed(&l, errno);
	r = list_open(&l, dir, trust);
	closedir(dir);
	while (len > 0 && directory[len - 1] == '/')
		len--;
	if (r == 0 && l.names.count > 0) {
		qsort(l.names.item, l.names.count, sizeof(*l.names.item), compare_names);
		for (size_t i = 0; i < l.names.count; i++)
			strings_take(
			    paths, mem_format("%.*s/%s", (int)len, directory, l.names.item[i]));
	}
	strings_done(&l.names);
	return r;
}
