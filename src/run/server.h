/* SPDX-License-Identifier: MIT */
/* The table of running programs: bounded, allocated once, found by pid in constant time. */
#ifndef RUN_SERVER_H
#define RUN_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/addr.h"
#include "launch/launch.h"
#include "loop/loop.h"

struct service;
struct server;
struct listener;
struct worker;
struct dialog;

/* Somebody wants to know how a program ends. fault: step 0, or the step that failed before exec. */
typedef void server_end_fn(
    void *arg, const struct server *s, int status, const struct launch_fault *fault);

struct server {
	pid_t pid;
	struct service *service;
	struct listener *listener; /* that waits until the program ends; NULL if none does */
	struct worker *worker;     /* of a pool; NULL: it serves one connection */
	struct dialog *dialog;     /* with the client of a datagram service; NULL: none */
	struct addr peer;
	uint64_t connection;
	uint64_t queue_mark; /* of the listener when the program started */
	bool has_slot;       /* it counts as one of its source, see run/door.h */
	int64_t started_ms;
	int64_t started_us;    /* the same, more exactly; 0: not known */
	int64_t kill_ms;       /* when it is killed, while the daemon stops; 0: never */
	server_end_fn *on_end; /* called before it is given back; NULL: nobody wants to know */
	void *on_end_arg;
	struct loop_timer timer; /* see run/session.h, as the next */
	int64_t deadline_ms;     /* when it is asked to end, and then killed; 0: never */
	bool is_timed_out;       /* it was asked to */
	int kept_fd;             /* a copy of its connection; 0: none */
	int64_t linger_ms;       /* for how long that is drained */
	uint64_t asker;          /* number of the control client that has asked for it; 0: none */
	LIST_ENTRY(server) in_service;
	/* private */
	LIST_ENTRY(server) in_bucket;
	TAILQ_ENTRY(server) in_order;
};

/* Signals its process group: it leads one, but for the first instant after its fork. */
void server_signal(const struct server *s, int signo);

struct servers;

/* Room for `most` programs; pages are touched only as they are used. */
struct servers *servers_new(unsigned most);
void servers_free(struct servers *t); /* NULL is allowed */
unsigned servers_most(const struct servers *t);
struct server *servers_take(struct servers *t); /* a free one, empty; NULL if there is none */
void servers_start(struct servers *t, struct server *s, pid_t pid); /* it now has this pid */
struct server *servers_find(const struct servers *t, pid_t pid);    /* NULL: not ours */
/* The first one that runs from place *at on, which moves behind it; NULL: no more. A program keeps its place until it ends, and
 * those that start meanwhile get any. */
const struct server *servers_next(const struct servers *t, unsigned *at);
/* The one that was started last of those that run, and the one that was before s; NULL: none. */
struct server *servers_latest(const struct servers *t);
struct server *servers_before(const struct server *s);
void servers_give(struct servers *t, struct server *s); /* started or not */
struct launch_fault *servers_fault(
    struct servers *t, const struct server *s); /* its place in shared memory */

/* Across an exec of the daemon. */

/* The place of a program in the table. */
unsigned servers_slot(const struct servers *t, const struct server *s);
/* As servers_take, this very place, which must be free; NULL if there is none of this number. */
struct server *servers_take_slot(struct servers *t, unsigned slot);
/* The shared memory, which stays the table's, and for how many programs it is; -1: it cannot be handed on. */
int servers_faults_fd(const struct servers *t, unsigned *most);
/* Takes over the memory of the table of before, in place of its own. 0 or -errno. */
int servers_take_faults(struct servers *t, int fd, unsigned most);

#endif
