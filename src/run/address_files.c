/* SPDX-License-Identifier: MIT */
#include "run/address_files.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/address_file.h"
#include "run/socket.h"

/* What happens to a file within this time is one change. */
#define GATHER_MS 50
/* How often those are looked at that cannot be watched. */
#define LOOK_MS   5000
/* One that was written such a short time before it was first used is read again. */
#define FRESH_S   60
/* Reading takes one part in so many of the daemon's time at most. */
#define READ_PART 10
#define NOTHING   (-1)
#define WATCH_MASK                                                                   \
 (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | \
     IN_DELETE_SELF | IN_MOVE_SELF)

/* Its directory, that of the file itself where the path is a symbolic link, and the file. */
enum { WATCH_DIRECTORY, WATCH_TARGET, WATCH_FILE, WATCHES };

struct address_file {
	char *path;
	const char *name; /* the last part of it */
	struct ip_set *set;
	unsigned users;
	int watch[WATCHES]; /* NOTHING: none */
	bool has_links;     /* what happens elsewhere may change where the path leads */
	bool is_watched;    /* every change is heard of */
	bool is_missing;    /* and that was said */
	bool is_due;        /* it has to be looked at */
	struct stat known;  /* of the file as it was last read; st_ino 0: it was not */
	LIST_ENTRY(address_file) link;
};

struct address_files {
	struct loop *loop;
	const struct trust *trust;
	LIST_HEAD(, address_file) files;
	struct loop_io io; /* fd -1: nothing is watched yet */
	struct loop_timer gather, look;
	int64_t next_ms; /* nothing is read before then */
	bool has_said_unwatched;
};

/* ---- watching ---- */

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

static void
look_later(struct address_files *f)
{
	if (!loop_timer_runs(&f->look))
		loop_timer_set(f->loop, &f->look, clock_now_ms() + LOOK_MS);
}

/* The kernel gives one number to all watches of one file or directory. */
static void
watch(struct address_files *f, struct address_file *file)
{
	int before[WATCHES];
	char *real = realpath(file->path, NULL);

	memcpy(before, file->watch, sizeof(before));
	file->has_links = real == NULL || strcmp(real, file->path) != 0;
	file->watch[WATCH_DIRECTORY] = watch_directory(f, file->path);
	file->watch[WATCH_TARGET] =
	    real != NULL && file->has_links ? watch_directory(f, real) : NOTHING;
	file->watch[WATCH_FILE] = inotify_add_watch(f->io.fd, file->path, WATCH_MASK);
	file->is_watched =
	    file->watch[WATCH_DIRECTORY] != NOTHING &&
	    (real == NULL || file->watch[WATCH_FILE] != NOTHING) &&
	    (real == NULL || !file->has_links || file->watch[WATCH_TARGET] != NOTHING);
	for (int i = 0; i < WATCHES; i++)
		forget_watch(f, before[i]);
	free(real);
	if (file->is_watched)
		return;
	look_later(f);
	if (!f->has_said_unwatched)
		log_warn("event=address-file-unwatched file=%s error=\"%s\" interval=%d(ms) "
			 "reason=\"it is looked at from time to time\"",
		    file->path, strerror(errno), LOOK_MS);
	f->has_said_unwatched = true;
}

/* ---- reading ---- */

static bool
is_same(const struct stat *x, const struct stat *y)
{
	return x->st_dev == y->st_dev && x->st_ino == y->st_ino && x->st_size == y->st_size &&
	       x->st_ctim.tv_sec == y->st_ctim.tv_sec && x->st_ctim.tv_nsec == y->st_ctim.tv_nsec;
}

static void
say_refused(const struct address_file *file, const char *why)
{
	unsigned line = 0;
	int behind = 0;

	if (sscanf(why, "line %u: %n", &line, &behind) == 1 && behind > 0)
		log_warn("event=address-file-refused file=%s line=%u error=\"%s\" "
			 "reason=\"what it held before goes on to count\"",
		    file->path, line, why + behind);
	else
		log_warn("event=address-file-refused file=%s error=\"%s\" "
			 "reason=\"what it held before goes on to count\"",
		    file->path, why);
}

static void
read_again(struct address_files *f, struct address_file *file, const struct stat *now)
{
	struct ip_set *set = NULL;
	char why[256] = "";
	int r = address_file_read(&set, file->path, f->trust, why);

	file->known = *now;
	if (r < 0)
		say_refused(file, why);
	if (r == -EMFILE || r == -ENFILE) {
		/* That passes, and the file does not change by it. */
		file->known.st_ino = 0;
		file->is_watched = false;
		look_later(f);
	}
	if (r < 0)
		return;
	log_info("event=address-file-read file=%s ranges=%zu", file->path, ip_set_ranges(set));
	ip_set_unref(file->set);
	file->set = set;
}

static void
look_at(struct address_files *f, struct address_file *file)
{
	struct stat now;

	file->is_due = false;
	watch(f, file);
	if (stat(file->path, &now) < 0) {
		if (!file->is_missing)
			say_refused(file, strerror(errno));
		file->is_missing = true;
		return;
	}
	if (file->is_missing || !is_same(&now, &file->known))
		read_again(f, file, &now);
	file->is_missing = false;
}

static void
on_gathered(struct loop_timer *t, int64_t now_ms)
{
	struct address_files *f = t->arg;
	struct address_file *file;
	int64_t after_ms;

	LIST_FOREACH(file, &f->files, link)
		if (file->is_due)
			look_at(f, file);
	after_ms = clock_now_ms();
	f->next_ms = after_ms + (after_ms - now_ms) * READ_PART;
}

static void
set_due(struct address_files *f, struct address_file *file)
{
	int64_t at_ms = clock_now_ms() + GATHER_MS;

	file->is_due = true;
	if (!loop_timer_runs(&f->gather))
		loop_timer_set(f->loop, &f->gather, at_ms > f->next_ms ? at_ms : f->next_ms);
}

static void
on_look(struct loop_timer *t, int64_t now_ms)
{
	struct address_files *f = t->arg;
	struct address_file *file;
	bool is_any = false;

	LIST_FOREACH(file, &f->files, link) {
		if (file->is_watched)
			continue;
		look_at(f, file);
		is_any |= !file->is_watched;
	}
	if (is_any)
		loop_timer_set(f->loop, t, now_ms + LOOK_MS);
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
		set_due(f, file);
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

/* ---- the table ---- */

struct address_files *
address_files_new(struct loop *loop, const struct trust *trust)
{
	struct address_files *f = mem_alloc(sizeof(*f));

	f->loop = loop;
	f->trust = trust;
	f->io = (struct loop_io){
		.fd = -1, .want = POLLIN, .order = LOOP_CONTROL, .fn = on_events, .arg = f
	};
	f->gather = (struct loop_timer){ .fn = on_gathered, .arg = f };
	f->look = (struct loop_timer){ .fn = on_look, .arg = f };
	return f;
}

static void
open_watch(struct address_files *f)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0)
		return;
	f->io.fd = socket_high(fd);
	if (f->io.fd >= 0)
		loop_add(f->loop, &f->io);
	else
		close(fd);
}

static void
close_watch(struct address_files *f)
{
	if (f->io.fd < 0)
		return;
	loop_del(f->loop, &f->io);
	close(f->io.fd);
	f->io.fd = -1;
}

void
address_files_free(struct address_files *f)
{
	if (f == NULL)
		return;
	close_watch(f);
	loop_timer_stop(f->loop, &f->gather);
	loop_timer_stop(f->loop, &f->look);
	free(f);
}

static struct address_file *
find(const struct address_files *f, const char *path)
{
	struct address_file *file;

	LIST_FOREACH(file, &f->files, link)
		if (strcmp(file->path, path) == 0)
			break;
	return file;
}

/* It is watched first: what happens from then on is heard of, and what had happened shortly before is looked for. */
static struct address_file *
new_file(struct address_files *f, const char *path, struct ip_set *loaded)
{
	struct address_file *file = mem_alloc(sizeof(*file));
	const char *slash;

	file->path = mem_dup(path);
	slash = strrchr(file->path, '/');
	file->name = slash != NULL ? slash + 1 : file->path;
	file->set = ip_set_ref(loaded);
	for (int i = 0; i < WATCHES; i++)
		file->watch[i] = NOTHING;
	LIST_INSERT_HEAD(&f->files, file, link);
	if (f->io.fd < 0)
		open_watch(f);
	watch(f, file);
	if (loaded == NULL || stat(path, &file->known) < 0 ||
	    clock_wall() - file->known.st_ctim.tv_sec < FRESH_S) {
		file->known.st_ino = 0;
		set_due(f, file);
	}
	return file;
}

struct address_file *
address_files_use(struct address_files *f, const char *path, struct ip_set *loaded)
{
	struct address_file *file = find(f, path);

	if (file == NULL)
		file = new_file(f, path, loaded);
	else
		set_due(f, file); /* where nothing can be watched a reload looks, too */
	file->users++;
	return file;
}

void
address_files_leave(struct address_files *f, struct address_file *file)
{
	if (--file->users > 0)
		return;
	LIST_REMOVE(file, link);
	for (int i = 0; i < WATCHES; i++)
		forget_watch(f, file->watch[i]);
	if (LIST_EMPTY(&f->files))
		close_watch(f);
	ip_set_unref(file->set);
	free(file->path);
	free(file);
}

const struct ip_set *
address_file_set(const struct address_file *file)
{
	return file->set;
}
