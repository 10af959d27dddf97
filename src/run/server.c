/* SPDX-License-Identifier: MIT */
#include "run/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/mem.h"

LIST_HEAD(bucket, server);

struct servers {
	struct server *item;
	struct launch_fault *faults; /* shared with the children */
	unsigned most, touched;      /* items from `touched` on were never used */
	struct bucket free;
	struct bucket *buckets;
	unsigned mask;
};

void
server_signal(const struct server *s, int signo)
{
	if (kill(-s->pid, signo) < 0)
		kill(s->pid, signo);
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
	t->faults = mmap(NULL, most * sizeof(*t->faults), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->faults == MAP_FAILED)
		log_fatal("event=out-of-memory what=\"table of programs\"");
	return t;
}

void
servers_free(struct servers *t)
{
	if (t == NULL)
		return;
	munmap(t->faults, t->most * sizeof(*t->faults));
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

void
servers_give(struct servers *t, struct server *s)
{
	if (s->pid != 0)
		LIST_REMOVE(s, in_bucket);
	s->pid = 0;
	LIST_INSERT_HEAD(&t->free, s, in_bucket);
}

struct launch_fault *
servers_fault(struct servers *t, const struct server *s)
{
	return &t->faults[s - t->item];
}
