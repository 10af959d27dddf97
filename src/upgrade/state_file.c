/* SPDX-License-Identifier: MIT */
#include "upgrade/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Of a state in bytes: some hundred for each program and listener, and what control clients have not read yet. */
#define MOST_BYTES (1L << 30)

static int
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int
state_file_new(const json_t *state)
{
	char *text = json_dumps(state, JSON_COMPACT);
	int fd = text != NULL ? memfd_create("porterd-state", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;
	int r;

	if (fd < 0)
		r = text != NULL ? -errno : -EILSEQ;
	else
		r = write_all(fd, text, strlen(text));
	if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		r = -errno;
	free(text);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* Why it is not to be believed; NULL: it is. */
static const char *
distrust(int fd, struct stat *st)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || fstat(fd, st) < 0)
		return "it is no file of that kind";
	if ((seals & SEALS) != SEALS)
		return "it is not sealed";
	if (st->st_uid != geteuid())
		return "it belongs to another user";
	return st->st_size <= 0 || st->st_size > MOST_BYTES ? "it has no size of a state" : NULL;
}

json_t *
state_file_read(int fd, const char **why)
{
	struct stat st;
	json_t *state;
	void *text;

	*why = distrust(fd, &st);
	if (*why != NULL)
		return NULL;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED) {
		*why = strerror(errno);
		return NULL;
	}
	state = json_loadb(text, (size_t)st.st_size, JSON_REJECT_DUPLICATES, NULL);
	munmap(text, (size_t)st.st_size);
	if (!json_is_object(state)) {
		json_decref(state);
		*why = "it holds no JSON object";
		return NULL;
	}
	return state;
}

struct fds {
	int *item;
	size_t count, room;
};

static void
add(struct fds *f, const json_t *number)
{
	json_int_t fd = json_integer_value(number);

	if (!json_is_integer(number) || fd < 3 || fd > (1 << 30))
		return;
	if (f->count == f->room) {
		f->room = f->room == 0 ? 64 : 2 * f->room;
		f->item = mem_grow(f->item, f->room, sizeof(*f->item));
	}
	f->item[f->count++] = (int)fd;
}

static bool
ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

static void collect(struct fds *f, json_t *j);

static void
collect_member(struct fds *f, const char *name, json_t *j)
{
	if (strcmp(name, "fd") == 0 || ends_in(name, "_fd"))
		add(f, j);
	else if (strcmp(name, "fds") == 0)
		for (size_t i = 0; i < json_array_size(j); i++)
			add(f, json_array_get(j, i));
	else
		collect(f, j);
}

/* As deep as jansson reads at most: 2048. */
static void
collect(struct fds *f, json_t *j)
{
	for (size_t i = 0; i < json_array_size(j); i++)
		collect(f, json_array_get(j, i));
	for (void *at = json_object_iter(j); at != NULL; at = json_object_iter_next(j, at))
		collect_member(f, json_object_iter_key(at), json_object_iter_value(at));
}

static int
compare(const void *x, const void *y)
{
	const int *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

int *
state_fds(json_t *state, size_t *count)
{
	struct fds f = { 0 };
	size_t kept = 0;

	collect(&f, state);
	if (f.count > 0)
		qsort(f.item, f.count, sizeof(*f.item), compare);
	for (size_t i = 0; i < f.count; i++)
		if (kept == 0 || f.item[i] != f.item[kept - 1])
			f.item[kept++] = f.item[i];
	*count = kept;
	return f.item;
}

int
state_fds_set_cloexec(const int *fds, size_t count, bool closes)
{
	int r = 0;

	for (size_t i = 0; i < count; i++)
		if (fcntl(fds[i], F_SETFD, closes ? FD_CLOEXEC : 0) < 0)
			r = -errno;
	return r;
}
