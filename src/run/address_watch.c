/* SPDX-License-Identifier: MIT */
/* Hearing of what happens to address files, by inotify(7). */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "run/address_table.h"

#define WATCH_MASK                                                                   \
 (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | \
     IN_DELETE_SELF | IN_MOVE_SELF)

static bool
is_used(const struct address_files *f, int watch)
{
	const struct address_file *file;

	LIST_FOREACH(file, &f->files, link)
		for (int i = 0; i < WATCHES; i++)
			if (file->watch[i] == watch)
				return true;
	return false;
}

static void
forget_watch(struct address_files *f, int watch)
{
	if (watch != NOTHING && !is_used(f, watch))
		inotify_rm_watch(f->io.fd, watch);
}

/* The directory that a path lies in: "/" of "/x", "." of "x". */
static int
watch_directory(const struct address_files *f, const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];

	if (slash == NULL || slash == path)
		return inotify_add_watch(f->io.fd, slash == NULL ? "." : "/", WATCH_MASK);
	if ((size_t)(slash - path) >= sizeof(directory)) {
		errno = ENAMETOOLONG;
		return NOTHING;
	}
	memcpy(directory, path, (size_t)(slash - path));
	directory[slash - path] = '\0';
	return inotify_add_watch(f->io.fd, directory, WATCH_MASK);
}

static int
add_watch(struct address_files *f, const char *path)
{
	return inotify_add_watch(f->io.fd, path, WATCH_MASK);
}

/* 0 or -errno. */
static int
watch_all(struct address_files *f, struct address_file *file, const char *real)
{
	int error = 0;

	file->watch[WATCH_DIRECTORY] = watch_directory(f, file->path);
	if (file->watch[WATCH_DIRECTORY] == NOTHING)
		error = -errno;
	file->watch[WATCH_FILE] = add_watch(f, file->path);
	if (file->watch[WATCH_FILE] == NOTHING && real != NULL && error == 0)
		error = -errno;
	file->watch[WATCH_TARGET] =
	    real != NULL && file->has_links ? watch_directory(f, real) : NOTHING;
	if (file->watch[WATCH_TARGET] == NOTHING && real != NULL && file->has_links && error == 0)
		error = -errno;
	return error;
}

/* The kernel gives one number to all watches of one file or directory. */
int
address_watch(struct address_files *f, struct address_file *file)
{
	int before[WATCHES], error;
	char *real = realpath(file->path, NULL);

	memcpy(before, file->watch, sizeof(before));
	file->has_links = real == NULL || strcmp(real, file->path) != 0;
	error = watch_all(f, file, real);
	for (int i = 0; i < WATCHES; i++)
		forget_watch(f, before[i]);
	free(real);
	return error;
}

void
address_watch_leave(struct address_files *f, const struct address_file *file)
{
	for (int i = 0; i < WATCHES; i++)
		forget_watch(f, file->watch[i]);
}

/* A file that was just made is empty, and read when it is closed; a link, or a second name, has its contents already. */
static bool
is_whole(const struct address_file *file)
{
	struct stat st;

	return lstat(file->path, &st) == 0 && (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

static bool
concerns(const struct address_file *file, const struct inotify_event *e)
{
	bool is_named = e->len > 0 && strcmp(e->name, file->name) == 0;

	for (int i = 0; i < WATCHES; i++) {
		if (file->watch[i] != e->wd)
			continue;
		if (e->len == 0)
			return true;
		if (is_named && (e->mask & IN_CREATE) != 0)
			return is_whole(file);
		return is_named || file->has_links;
	}
	return false;
}

static void
take_event(struct address_files *f, const struct inotify_event *e)
{
	struct address_file *file;

	LIST_FOREACH(file, &f->files, link) {
		if ((e->mask & IN_Q_OVERFLOW) == 0 && !concerns(file, e))
			continue;
		/* The number may be another's soon. */
		for (int i = 0; i < WATCHES && (e->mask & IN_IGNORED) != 0; i++)
			if (file->watch[i] == e->wd)
				file->watch[i] = NOTHING;
		address_file_set_due(f, file);
	}
}

static void
on_events(struct loop_io *io, short got)
{
	struct address_files *f = io->arg;
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(io->fd, buffer, sizeof(buffer));

	(void)got;
	for (const char *at = buffer; n > 0 && at < buffer + n;) {
		const struct inotify_event *e = (const void *)at;

		take_event(f, e);
		at += sizeof(*e) + e->len;
	}
}

void
address_watch_open(struct address_files *f)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0)
		return;
	f->io =
	    (struct loop_io){ .want = POLLIN, .order = LOOP_CONTROL, .fn = on_events, .arg = f };
	f->io.fd = descriptor_high(fd);
	if (f->io.fd >= 0)
		loop_add(f->loop, &f->io);
	else
		close(fd);
}

void
address_watch_close(struct address_files *f)
{
	if (f->io.fd < 0)
		return;
	loop_del(f->loop, &f->io);
	close(f->io.fd);
	f->io.fd = -1;
}
