/* SPDX-License-Identifier: MIT */
#include "run/address_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/address_file.h"
#include "run/address_table.h"

/* What happens to a file within this time is one change. */
#define GATHER_MS      50
/* How often those are looked at of which not everything is heard: they cannot be watched, or links lead to them. */
#define LOOK_MS        5000
/* And all: on a file system of the network others change them, and a directory above may be another one now. */
#define LOOK_RARELY_MS 60000
/* One that was written such a short time before it was first used is read again. */
#define FRESH_S        60
/* Larger ones are read by a child: with this size it takes some milliseconds. */
#define READ_HERE      (32 << 10)
/* Reading takes one part in so many of the daemon's time at most, and one in so many of a child's. */
#define READ_PART      10
#define CHILD_PART     2

/* ---- looking ---- */

static void
look_within(struct address_files *f, int64_t time_ms)
{
	int64_t at_ms = clock_now_ms() + time_ms;

	if (loop_timer_runs(&f->look) && f->look_ms <= at_ms)
		return;
	f->look_ms = at_ms;
	loop_timer_set(f->loop, &f->look, at_ms);
}

static void
watch(struct address_files *f, struct address_file *file)
{
	int error = address_watch(f, file);

	file->is_watched = error == 0;
	look_within(f, file->is_watched && !file->has_links ? LOOK_RARELY_MS : LOOK_MS);
	if (error == 0 || f->has_said_unwatched)
		return;
	log_warn("event=address-file-unwatched file=%s error=\"%s\" interval=%d(ms) "
		 "reason=\"it is looked at from time to time\"",
	    file->path, strerror(-error), LOOK_MS);
	f->has_said_unwatched = true;
}

/* ---- reading ---- */

/* What came of it. */
struct result {
	struct ip_set *set;
	int error;
	const char *why;
};

static bool
is_same(const struct stat *x, const struct stat *y)
{
	return x->st_dev == y->st_dev && x->st_ino == y->st_ino && x->st_size == y->st_size &&
	       x->st_ctim.tv_sec == y->st_ctim.tv_sec && x->st_ctim.tv_nsec == y->st_ctim.tv_nsec;
}

static void
say_refused(const struct address_file *file, const char *why)
{
	const char *digits = strncmp(why, "line ", 5) == 0 ? why + 5 : why;
	char *end;
	unsigned long line = strtoul(digits, &end, 10);

	if (digits != why && strncmp(end, ": ", 2) == 0)
		log_warn("event=address-file-refused file=%s line=%lu error=\"%s\" "
			 "reason=\"what it held before goes on to count\"",
		    file->path, line, end + 2);
	else
		log_warn("event=address-file-refused file=%s error=\"%s\" "
			 "reason=\"what it held before goes on to count\"",
		    file->path, why);
}

/* That is no fault of the file, which does not change by it. */
static bool
passes(int error)
{
	static const int errors[] = { EMFILE, ENFILE, ENOMEM, EAGAIN, ECHILD, ETIMEDOUT };

	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i] == -error)
			return true;
	return false;
}

/* It was tried to read the file as it was then. */
static void
settle(struct address_files *f, struct address_file *file, const struct stat *then,
    const struct result *r)
{
	file->known = *then;
	file->is_current = r->error == 0;
	if (r->error < 0)
		say_refused(file, r->why);
	if (passes(r->error)) {
		file->known.st_ino = 0;
		look_within(f, LOOK_MS);
	}
	if (r->error < 0)
		return;
	log_info("event=address-file-read file=%s ranges=%zu", file->path, ip_set_ranges(r->set));
	ip_set_unref(file->set);
	file->set = r->set;
}

static void
read_here(struct address_files *f, struct address_file *file, const struct stat *now)
{
	char why[256] = "";
	struct result r = { .why = why };

	r.error = address_file_read(&r.set, file->path, f->trust, why);
	settle(f, file, now, &r);
}

/* Others wait until it is over, and then as long as it took, so that a file which never rests does not keep a processor. */
static void
rest_from_reading(struct address_files *f)
{
	int64_t now = clock_now_ms();

	f->reading = NULL;
	f->read_file = NULL;
	f->read_ms = now + (now - f->read_ms) * (CHILD_PART - 1);
	loop_timer_set(f->loop, &f->again, f->read_ms);
}

static void
on_read(void *arg, struct ip_set *set, int error, const char *why)
{
	struct address_files *f = arg;
	struct address_file *file = f->read_file;
	const struct result r = { .set = set, .error = error, .why = why };

	rest_from_reading(f);
	settle(f, file, &f->read_as, &r);
}

static void
on_again(struct loop_timer *t, int64_t now_ms)
{
	struct address_files *f = t->arg;
	struct address_file *file;

	(void)now_ms;
	LIST_FOREACH(file, &f->files, link) {
		if (!file->is_waiting)
			continue;
		file->is_waiting = false;
		address_file_set_due(f, file);
	}
}

static void
read_beside(struct address_files *f, struct address_file *file, const struct stat *now)
{
	struct result r = { 0 };

	if (f->reading != NULL || loop_timer_runs(&f->again)) {
		file->is_waiting = true;
		return;
	}
	r.error = address_reading_start(&f->reading, f->loop, file->path, f->trust);
	if (r.error < 0) {
		r.why = strerror(-r.error);
		settle(f, file, now, &r);
		return;
	}
	address_reading_tell(f->reading, on_read, f);
	f->read_file = file;
	f->read_as = *now;
	f->read_ms = clock_now_ms();
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
		(now.st_size > READ_HERE ? read_beside : read_here)(f, file, &now);
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

void
address_file_set_due(struct address_files *f, struct address_file *file)
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

	(void)now_ms;
	LIST_FOREACH(file, &f->files, link)
		look_at(f, file);
}

/* ---- the table ---- */

struct address_files *
address_files_new(struct loop *loop, const struct trust *trust)
{
	struct address_files *f = mem_alloc(sizeof(*f));

	f->loop = loop;
	f->trust = trust;
	f->io.fd = -1;
	f->gather = (struct loop_timer){ .fn = on_gathered, .arg = f };
	f->look = (struct loop_timer){ .fn = on_look, .arg = f };
	f->again = (struct loop_timer){ .fn = on_again, .arg = f };
	return f;
}

void
address_files_free(struct address_files *f)
{
	if (f == NULL)
		return;
	address_watch_close(f);
	address_reading_stop(f->reading);
	loop_timer_stop(f->loop, &f->gather);
	loop_timer_stop(f->loop, &f->look);
	loop_timer_stop(f->loop, &f->again);
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
		address_watch_open(f);
	watch(f, file);
	if (loaded == NULL || stat(path, &file->known) < 0 ||
	    clock_wall() - file->known.st_ctim.tv_sec < FRESH_S) {
		file->known.st_ino = 0;
		address_file_set_due(f, file);
	}
	file->is_current = loaded != NULL;
	return file;
}

struct address_file *
address_files_use(struct address_files *f, const char *path, struct ip_set *loaded)
{
	struct address_file *file = find(f, path);

	if (file == NULL)
		file = new_file(f, path, loaded);
	else
		address_file_set_due(
		    f, file); /* where nothing can be watched a reload looks, too */
	file->users++;
	return file;
}

void
address_files_leave(struct address_files *f, struct address_file *file)
{
	if (--file->users > 0)
		return;
	LIST_REMOVE(file, link);
	address_watch_leave(f, file);
	if (f->read_file == file) {
		address_reading_stop(f->reading);
		rest_from_reading(f);
	}
	if (LIST_EMPTY(&f->files)) {
		address_watch_close(f);
		loop_timer_stop(f->loop, &f->look);
	}
	ip_set_unref(file->set);
	free(file->path);
	free(file);
}

void
address_files_tell_refused(
    const struct address_files *f, void (*tell)(void *arg, const char *path), void *arg)
{
	const struct address_file *file;

	LIST_FOREACH(file, &f->files, link)
		if (file->is_missing || (!file->is_current && file->known.st_ino != 0))
			tell(arg, file->path);
}

const struct ip_set *
address_file_set(const struct address_file *file)
{
	return file->set;
}

/* ---- what they hold, for others ---- */

struct shot {
	char *path;
	struct stat known;
	struct ip_set *set;
};

struct address_snapshot {
	struct trust trust;
	struct shot *shots;
	size_t count;
};

struct address_snapshot *
address_snapshot_new(const struct address_files *f)
{
	struct address_snapshot *s = mem_alloc(sizeof(*s));
	const struct address_file *file;
	size_t most = 0;

	LIST_FOREACH(file, &f->files, link)
		most += file->is_current;
	s->trust = *f->trust;
	s->shots = mem_array(most, sizeof(*s->shots));
	LIST_FOREACH(file, &f->files, link)
		if (file->is_current)
			s->shots[s->count++] = (struct shot){ .path = mem_dup(file->path),
				.known = file->known,
				.set = ip_set_ref(file->set) };
	return s;
}

void
address_snapshot_free(struct address_snapshot *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++) {
		free(s->shots[i].path);
		ip_set_unref(s->shots[i].set);
	}
	free(s->shots);
	free(s);
}

struct ip_set *
address_snapshot_find(void *arg, const char *path)
{
	const struct address_snapshot *s = arg;
	char why[256];
	struct stat now;

	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->shots[i].path, path) == 0 &&
		    address_file_look(path, &s->trust, &now, why) == 0 &&
		    is_same(&now, &s->shots[i].known))
			return ip_set_ref(s->shots[i].set);
	return NULL;
}
