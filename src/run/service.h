/* SPDX-License-Identifier: MIT */
/* A running service: its listeners, programs and counters. Lives across reloads; the settings behind it change. */
#ifndef RUN_SERVICE_H
#define RUN_SERVICE_H

#include <sys/queue.h>
#include <sys/resource.h>

#include "base/counters.h"
#include "base/rate.h"
#include "launch/plan.h"
#include "policy/admit.h"
#include "policy/throttle.h"
#include "run/listener.h"
#include "run/refusals.h"
#include "run/runtime.h"

struct banners;
struct door;
struct pool;
struct worker;

struct service {
	struct runtime *runtime;
	uint64_t serial;       /* no other service of this daemon has or had it; grows */
	struct config *config; /* keeps conf alive */
	const struct service_conf *conf;
	struct plan *plan;
	struct pool *pool; /* of its workers; NULL: it never had any */
	struct door *door; /* NULL: everybody may come, at any time and as often as he likes */
	struct banners *banners; /* NULL: it says nothing of its own */
	unsigned greeted;        /* clients whose banner is not sent yet, see run/lobby.h */
	unsigned muxed;          /* clients that have not said yet what they want, see run/mux.h */
	struct sink *sink;       /* of its own log_type; NULL if it has none */
	struct listener_list listeners;
	LIST_HEAD(, server) servers;
	unsigned running;
	uint64_t asked; /* signals that had come when they were all asked for, see run/reap.h */
	struct throttle start_failures;
	struct rate *rates; /* see service_rate; NULL: nothing was said yet */
	struct refusals
	    *refusals; /* of lines about datagrams that were thrown away; NULL: none was */
	struct counters counters;
	unsigned
	    watchers; /* who want to know every decision about its connections, see run/trace.h */
	bool is_off;  /* by a person's command: it has no listeners until another one */
	bool is_gone; /* removed by a reload: ends with its last program */
	bool is_matched, follows; /* used while a new configuration is applied */
	TAILQ_ENTRY(service) link;
};

/* What the daemon may have to say about a service again and again. */
enum service_message {
	MESSAGE_START,  /* a start that failed */
	MESSAGE_STDERR, /* standard error that is lost */
	MESSAGE_REDIRECT,
	MESSAGE_TIMEOUT,
	MESSAGE_LINGER,
	MESSAGE_MAX
};

/* How often that is said. Most services never need it, and so it is made at the first time. */
struct rate *service_rate(struct service *s, enum service_message message);

/* A service without listeners, added at the end of the runtime's list. */
struct service *service_new(
    struct runtime *rt, struct config *config, const struct service_conf *conf);
/* New settings for the same service; programs that run go on under the old ones. */
void service_configure(struct service *s, struct config *config, const struct service_conf *conf);
/* True if a change to these settings, which are the same as its own, need not touch it: it listens everywhere, nothing holds it,
 * and nothing outside the settings has a part in it, such as files that are read when it is configured. */
bool service_can_follow(const struct service *s, const struct service_conf *conf);
/* The settings of another configuration in place of its own, which are the same. For a service that can follow. */
void service_follow(struct service *s, struct config *config, const struct service_conf *conf);
/* The same as service_configure, and its place among the services and its listeners stay: conf has the same addresses. */
void service_change(struct service *s, struct config *config, const struct service_conf *conf);
/* True if these settings make the workers that it has outdated. */
bool service_replaces_workers(const struct service *s, const struct service_conf *conf);
/* By a person's command: no client is taken any more; those that it has are served, and its workers end then. */
void service_turn_off(struct service *s);
/* Another listener, not bound yet. e: of the service's settings, or NULL for a socket handed over by name. */
struct listener *service_add_listener(struct service *s, const struct endpoint *e, const char *key);
/* A listener of this or of another service now serves this one. */
void service_take_listener(struct service *s, struct listener *l, const struct endpoint *e);
/* Its programs go on. */
void service_close_listeners(struct service *s);
/* No listeners any more; freed when its last program ends. */
void service_remove(struct service *s);
/* Frees it, whatever runs. */
void service_free(struct service *s);

/* Connections that its programs and workers have, and clients that get their banner; workers without one do not count. */
unsigned service_connections(const struct service *s);
/* Its listeners are those of its settings now. */
void service_settle(struct service *s);

/* Whether somebody may come now: everything that depends on who it is and on the clock. Takes the tokens, and may let the
 * listeners rest. VERDICT_SENSOR: he has come to one, and what follows from that is for the caller to do. */
enum verdict service_judge(struct service *s, const struct addr *peer);
/* Nobody from there is served, by whichever service. */
bool service_is_banned(const struct service *s, const struct addr *peer);

/* Whether it matters who comes; otherwise service_judge would let in everybody. */
static inline bool
service_asks_who(const struct service *s)
{
	return s->door != NULL || s->runtime->bans != NULL;
}

/* The same as service_admits, but where it matters who comes nothing is started yet: for him who does it is asked again. */
enum verdict service_looks(struct service *s);
/* What admission says now, before anybody is accepted. A pool may start a worker for it. */
enum verdict service_admits(struct service *s);
/* Starts the program for a connection. waits: the listener that is handed over, or NULL. 0, or -errno of fork. */
int service_start(struct service *s, struct listener *waits, const struct connection *c);
/* Starts the program for a person: c->fd becomes descriptors 0 and 1, err_fd 2. No limit is looked at. In *started_server the
 * caller may then say who wants to know its end. 0, or -errno of fork. */
int service_start_for(
    struct service *s, const struct connection *c, int err_fd, struct server **started_server);
/* Starts the process of a worker; its channel and log are filled in. 0 or -errno. */
int service_start_worker(struct service *s, struct worker *w);
/* Its program has ended. Frees the server, and the service if it was the last of one that is gone. */
void service_ended(struct service *s, struct server *ended, int status, const struct rusage *usage);

#endif
