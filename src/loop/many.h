/* SPDX-License-Identifier: MIT */
/* Many descriptors of which few have something to say at a time: those that have nothing, be they thousands, cost a turn of
 * the loop nothing. A loop with epoll(7) watches them itself; one with poll(2) watches an epoll of theirs. */
#ifndef LOOP_MANY_H
#define LOOP_MANY_H

#include <sys/epoll.h>

#include "loop/loop.h"

/* How many of them are called in one turn at least, if they are ready. */
#define MANY_A_TURN 32

/* Embedded in the object that owns the descriptor. */
struct many_member {
	int fd;
	void (*fn)(void *arg); /* there is something to read, or the other end was closed */
	void *arg;
	/* private */
	struct loop_io io; /* where the loop watches it */
};

struct many {
	struct loop *loop;
	enum loop_order order;
	struct loop_io io; /* of the epoll; its descriptor is -1 if the loop needs none */
	struct epoll_event
	    ready[MANY_A_TURN]; /* those of the present turn; without a member: gone meanwhile */
	int ready_count;
	unsigned count; /* of members; without any the loop does not watch */
};

/* order: of all members. 0 or -errno. */
int many_init(struct many *m, struct loop *loop, enum loop_order order);
/* When its members were removed. */
void many_done(struct many *m);
/* 0 or -errno. */
int many_add(struct many *m, struct many_member *member);
/* Before its descriptor is closed; from any callback. */
void many_del(struct many *m, struct many_member *member);

#endif
