/* SPDX-License-Identifier: MIT */
#include "run/server.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/mem.h"

LIST_HEAD(bucket, server);
TAILQ_HEAD(order, server);

struct servers {
	struct server *item;
	struct launch_fault *faults; /* shared with the children */
	int faults_fd;               /* the memory they lie in, which outlives an exec of ours */
	unsigned faults_most;        /* that fit in there */
	unsigned most, touched;      /* items from `touched` on were never used */
	struct bucket free;
	struct bucket *buckets;
	struct order order; /* those that run, as they were started */
	unsigned mask;
};

void
server_signal(const struct server *s, int signo)
{
	if (kill(-s->pid, signo) < 0)
		kill(s->pid, signo);
}

/* Pages that nobody has touched take no memory. 0 or -errno. */
static int
map_faults(struct servers *t, int fd, unsigned most)
{
	size_t size = most * sizeof(*t->faults);
	void *at;

	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	t->faults = at;
	t->faults_fd = fd;
	t->faults_most = most;
	return 0;
}

/* Memory that cannot be handed on will do. */
static bool
map_anonymous(struct servers *t)
{
	void *at = mmap(NULL, t->most * sizeof(*t->faults), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	t->faults_fd = -1;
	t->faults_most = t->most;
	if (at != MAP_FAILED)
		t->faults = at;
	return at != MAP_FAILED;
}

static bool
open_faults(struct servers *t)
{
	int fd = memfd_create("porterd-faults", MFD_CLOEXEC);
	int high = fd < 0 ? -errno : descriptor_high(fd);

	if (high >= 0 && map_faults(t, high, t->most) == 0)
		return true;
	if (high >= 0 || fd >= 0)
		close(high >= 0 ? high : fd);
	return map_anonymous(t); /* a limit of file sizes holds for such files, too */
}

static void
close_faults(struct servers *t)
{
	munmap(t->faults, t->faults_most * sizeof(*t->faults));
	if (t->faults_fd >= 0)
		close(t->faults_fd);
}

int
servers_take_faults(struct servers *t, int fd, unsigned most)
{
	struct servers old = *t;
	int r = map_faults(t, fd, most > t->most ? most : t->most);

	if (r == 0)
		close_faults(&old);
	return r;
}

int
servers_faults_fd(const struct servers *t, unsigned *most)
{
	*most = t->faults_most;
	return t->faults_fd;
}

struct servers *
servers_new(unsigned most)
{
	struct servers *t = mem_alloc(sizeof(*t));
	unsigned buckets = 64;

	while (buckets < most)
		buckets *= 2;
	t->most = most;
	t->item = mem_array(most, sizeof(*t->item));
	t->buckets = mem_array(buckets, sizeof(*t->buckets));
	t->mask = buckets - 1;
	TAILQ_INIT(&t->order);
	if (!open_faults(t))
		log_fatal("event=out-of-memory what=\"table of programs\"");
	return t;
}

void
servers_free(struct servers *t)
{
	if (t == NULL)
		return;
	/* The memory goes with the last who shares it: a child may yet write there why it has not become its program. */
	if (t->faults_fd >= 0)
		close(t->faults_fd);
	free(t->buckets);
	free(t->item);
	free(t);
}

unsigned
servers_most(const struct servers *t)
{
	return t->most;
}

struct server *
servers_take(struct servers *t)
{
	struct server *s = LIST_FIRST(&t->free);

	if (s != NULL)
		LIST_REMOVE(s, in_bucket);
	else if (t->touched < t->most)
		s = &t->item[t->touched++];
	else
		return NULL;
	*s = (struct server){ 0 };
	return s;
}

struct server *
servers_take_slot(struct servers *t, unsigned slot)
{
	struct server *s;

	if (slot >= t->most)
		return NULL;
	s = &t->item[slot];
	for (; t->touched <= slot; t->touched++)
		LIST_INSERT_HEAD(&t->free, &t->item[t->touched], in_bucket);
	LIST_REMOVE(s, in_bucket);
	*s = (struct server){ 0 };
	return s;
}

unsigned
servers_slot(const struct servers *t, const struct server *s)
{
	return (unsigned)(s - t->item);
}

static struct bucket *
bucket_of(const struct servers *t, pid_t pid)
{
	return &t->buckets[(unsigned)pid & t->mask];
}

void
servers_start(struct servers *t, struct server *s, pid_t pid)
{
	s->pid = pid;
	LIST_INSERT_HEAD(bucket_of(t, pid), s, in_bucket);
	TAILQ_INSERT_TAIL(&t->order, s, in_order);
}

struct server *
servers_find(const struct servers *t, pid_t pid)
{
	struct server *s;

	LIST_FOREACH(s, bucket_of(t, pid), in_bucket)
		if (s->pid == pid)
			return s;
	return NULL;
}

struct server *
servers_latest(const struct servers *t)
{
	return TAILQ_LAST(&t->order, order);
}

struct server *
servers_before(const struct server *s)
{
	return TAILQ_PREV(s, order, in_order);
}

const struct server *
servers_next(const struct servers *t, unsigned *at)
{
	while (*at < t->touched) {
		const struct server *s = &t->item[(*at)++];

		if (s->pid != 0)
			return s;
	}
	return NULL;
}

void
servers_give(struct servers *t, struct server *s)
{
	if (s->pid != 0) {
		LIST_REMOVE(s, in_bucket);
		TAILQ_REMOVE(&t->order, s, in_order);
	}
	s->pid = 0;
	LIST_INSERT_HEAD(&t->free, s, in_bucket);
}

struct launch_fault *
servers_fault(struct servers *t, const struct server *s)
{
	return &t->faults[s - t->item];
}
