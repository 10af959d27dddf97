/* SPDX-License-Identifier: MIT */
/* Processes that share the daemon's memory until they become their program: each has a stack of its own here, and its own copy of
 * what the next connection would overwrite. */
#ifndef LAUNCH_START_H
#define LAUNCH_START_H

#include <sys/queue.h>

#include "launch/launch.h"
#include "loop/loop.h"

/* How far such a process has come; the kernel writes the last at its exec or its end, see CLONE_CHILD_CLEARTID in clone(2). */
enum start_word { START_HAS_ENDED = 0, START_BEGINS, START_IS_APART };

struct start {
	int word;             /* enum start_word, a futex */
	struct launch launch; /* what it works from */
	void *stack;          /* the end of it, where a stack begins */
	/* private */
	struct plan *plan;
	pid_t pid;
	int64_t begun_ms;
	bool is_slow;   /* the daemon waits no longer for it */
	bool is_killed; /* which some survive for a while, in the kernel */
	TAILQ_ENTRY(start) link;
	char **words; /* of launch.env, and what is in them */
};

/* How long one may take to become its program, and how long one that is stopped, which any process of its user can do: then it is
 * killed. */
#define START_MOST_MS    30000
#define START_STOPPED_MS 1000

struct starts;

/* on_stuck is called when one has taken too long, before it is killed. */
struct starts *starts_new(struct loop *loop, void (*on_stuck)(void *arg, pid_t pid), void *arg);
/* Those that are still there keep what they need. NULL is allowed. */
void starts_free(struct starts *t);

/* Another program takes the daemon's place, which knows nothing of them: those that are stopped are killed now. */
void starts_leave(struct starts *t);

/* Why nobody may share the daemon's memory on this machine; NULL: it is safe. */
const char *starts_obstacle(const struct starts *t);
/* Looks again at what a person may have set meanwhile. */
void starts_look(struct starts *t);
/* It has turned out not to be safe. */
void starts_forbid(struct starts *t, const char *why);

/* A free one, with a copy of l; NULL: there is none, or what belongs to the connection is too long, or too many of this plan are
 * stuck. */
struct start *start_take(struct starts *t, const struct launch *l);
/* It runs; pid <= 0: it came to nothing, and is free again. */
void start_begun(struct starts *t, struct start *s, pid_t pid);

#endif
