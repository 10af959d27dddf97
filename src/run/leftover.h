/* SPDX-License-Identifier: MIT */
/* Process groups whose program has ended, and what is to be done when nothing of them is left. Nobody tells when that is: they are
 * looked at now and then. */
#ifndef RUN_LEFTOVER_H
#define RUN_LEFTOVER_H

#include <stdint.h>
#include <sys/types.h>

struct drains;
struct leftovers;
struct loop;
struct servers;

/* At most so many at a time, and fewer where descriptors are few; the client of the oldest is then left to whoever has it, and a group that
 * was to be killed later is killed. */
#define LEFTOVERS_MOST 1024u

struct leftover {
	pid_t pgid;
	int fd; /* the daemon's copy of the connection, which is drained then; 0: none */
	int64_t
	    linger_ms; /* for so long; and for so long at most the daemon waits for it: then whoever has the connection goes on alone */
	int64_t kill_ms; /* the group is killed if it is still there; 0: never */
};

struct leftovers *leftovers_new(struct loop *loop, struct servers *servers, struct drains *drains);
void leftovers_free(struct leftovers *l); /* closes all; NULL is allowed */
/* One of which nothing is left is not kept at all. */
void leftovers_add(struct leftovers *l, const struct leftover *rest);
unsigned leftovers_count(const struct leftovers *l);
/* Each of them, the oldest first. */
void leftovers_each(
    const struct leftovers *l, void (*fn)(const struct leftover *rest, void *arg), void *arg);

#endif
