/* SPDX-License-Identifier: MIT */
/* Many descriptors behind one: an epoll(7) of their own watches them, so that those with nothing to say, be they thousands,
 * cost a turn of the loop nothing. */
#ifndef LOOP_MANY_H
#define LOOP_MANY_H

#include <sys/epoll.h>

#include "loop/loop.h"

/* How many of them are called in one turn at most. */
#define MANY_A_TURN 32

/* Embedded in the object that owns the descriptor. */
struct many_member {
	int fd;
	void (*fn)(void *arg); /* there is something to read, or the other end was closed */
	void *arg;
};

struct many {
	struct loop *loop;
	struct loop_io io;
	struct epoll_event
	    ready[MANY_A_TURN]; /* those of the present turn; without a member: gone meanwhile */
	int ready_count;
	unsigned count; /* of members; without any the loop does not watch */
};

/* order: of all members. 0 or -errno. */
int many_init(struct many *m, struct loop *loop, enum loop_order order);
void many_done(struct many *m);
/* 0 or -errno. */
int many_add(struct many *m, struct many_member *member);
/* Before its descriptor is closed; from any callback. */
void many_del(struct many *m, struct many_member *member);

#endif
