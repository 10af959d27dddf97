/* SPDX-License-Identifier: MIT */
/* The table of running programs: bounded, allocated once, found by pid in constant time. */
#ifndef RUN_SERVER_H
#define RUN_SERVER_H

#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/addr.h"
#include "run/launch.h"

struct service;
struct listener;
struct worker;

struct server {
	pid_t pid;
	struct service *service;
	struct listener *listener; /* that waits until the program ends; NULL if none does */
	struct worker *worker;     /* of a pool; NULL: it serves one connection */
	struct addr peer;
	uint64_t connection;
	uint64_t queue_mark; /* of the listener when the program started */
	int64_t started_ms;
	int64_t kill_ms; /* when it is killed, while the daemon stops; 0: never */
	LIST_ENTRY(server) in_service;
	LIST_ENTRY(server) in_bucket; /* private */
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
void servers_give(struct servers *t, struct server *s);             /* started or not */
struct launch_fault *servers_fault(
    struct servers *t, const struct server *s); /* its place in shared memory */

#endif
