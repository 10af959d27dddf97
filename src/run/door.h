/* SPDX-License-Identifier: MIT */
/* What stands before a service: who may come, when, how often and with how many connections at a time. It is made of the settings and
 * goes on across changes of them; services that let in everybody have none. */
#ifndef RUN_DOOR_H
#define RUN_DOOR_H

#include "loop/loop.h"
#include "policy/bucket.h"
#include "policy/cps.h"
#include "policy/sources.h"
#include "run/listener.h"
#include "run/service.h"

struct address_file;

/* Files that a list names; their sets change as the files do. */
struct door_files {
	struct address_file **file;
	size_t count;
};

/* Listeners rest, all of the service together, until a time. */
struct door_rest {
	struct loop_timer timer;
	enum listener_hold why;
};

struct door {
	struct service *service;
	struct door_files only_from, no_access;
	struct cps cps;
	struct bucket rate;
	/* The rules that all of this was counted by. */
	struct cps_conf cps_rule;
	struct rate_conf rate_rule, source_rule;
	/* While it is there, every connection that a program, worker or banner of the service has is counted in it. NULL: nothing
	 * depends on how many there are. */
	struct sources *sources;
	unsigned v6_prefix; /* that they are counted by */
	struct door_rest cps_rest, rate_rest;
};

/* The service has other settings now: makes, changes or frees s->door. */
void door_configure(struct service *s);
void door_free(struct door *d); /* NULL is allowed */

/* See service_judge; bans are not its business. */
enum verdict door_judge(struct door *d, const struct addr *peer, int64_t now_ms);
/* The same for somebody who was let in, and had to wait: settings may be others now. Takes no token. */
enum verdict door_judge_again(const struct door *d, const struct addr *peer);
/* True if of all that only_from says only its domains can admit the peer. */
bool door_needs_name(const struct door *d, const struct addr *peer);
/* Where clients queue for the tokens of rate: true if there is none, and the listeners rest until there is. */
bool door_must_wait(struct door *d, int64_t now_ms);
/* Another listener of the service: it rests if the others do. */
void door_hold(const struct door *d, struct listener *l);

/* What was counted before an exec of the daemon by cps and rate goes on to count, as far as the rules are the same. */
void door_go_on(struct door *d, const struct door *before, int64_t now_ms);

/* The peer has one more connection, or one fewer. */
void door_enter(struct service *s, const struct addr *peer);
void door_leave(struct service *s, const struct addr *peer);
/* Counts anew what programs, workers and banners of the service have. */
void door_recount(struct service *s);

#endif
