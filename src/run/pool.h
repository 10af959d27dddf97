/* SPDX-License-Identifier: MIT */
/* The workers of one service: at size, and each client to a free one. */
#ifndef RUN_POOL_H
#define RUN_POOL_H

#include <sys/stat.h>

#include "base/counters.h"
#include "base/rate.h"
#include "policy/admit.h"
#include "policy/pool_size.h"
#include "run/worker.h"

struct service;
struct service_conf;

TAILQ_HEAD(client_list, client);

struct pool {
	struct service *service;
	struct pool_rule rule;
	struct pool_pace pace;
	struct pool_counters counters;
	struct worker_list workers[WORKER_STATE_MAX]; /* each in the order of time */
	struct worker_list leaving;                   /* asked to end, in whatever state */
	unsigned count[WORKER_STATE_MAX], leaving_count;
	unsigned leaving_busy;      /* of those, with a connection */
	unsigned outdated;          /* of those that are not leaving */
	struct client_list waiting; /* for a worker, after one came to nothing */
	unsigned waiting_count;
	struct loop_timer timer;
	int64_t due_ms;     /* of the timer */
	int64_t replace_ms; /* when the next outdated worker may be replaced */
	int64_t start_ms;   /* no worker is started before then: starting one has failed */
	int64_t
	    pass_ms; /* no client is passed before then: passing one has failed; 0: it has not */
	struct stat program; /* the file as it was when the settings were read; st_ino 0: none */
	ino_t shared[LAUNCH_SHARED]; /* inodes of the listeners that workers accept on */
	size_t shared_count;
	bool sends_bytes; /* plain: some worker has sent a byte back */
	bool is_holding;  /* listeners wait until a worker is free */
	bool is_probed;   /* a worker of the present settings has been started, and lived */
	bool is_closed;   /* takes no client any more */
	unsigned logged_workers;
	uint32_t random;
	struct rate failure_rate, stray_rate, lost_rate, start_rate, full_rate;
};

/* Of a service whose settings ask for one. Starts nothing yet. */
struct pool *pool_new(struct service *s);
/* The service has other settings now; keeps_program: and would start its program as before. Without a pool in them it is closed. */
void pool_configure(struct pool *p, bool keeps_program);
/* After the listeners of the service were opened or changed: starts what is missing. */
void pool_settle(struct pool *p);
/* No more clients; workers end after their present connection. */
void pool_close(struct pool *p);
/* The process of one of its workers has ended, and the worker is gone. */
void pool_worker_ended(struct pool *p);
/* Frees it with its workers; their processes see the end of their channels. NULL is allowed. */
void pool_free(struct pool *p);

/* Whether a client can be served, now that one comes: starts a worker for it if need be. VERDICT_LATER: not at this moment. */
enum verdict pool_prepare(struct pool *p);
/* The same without starting one: VERDICT_OK also if one might be started. */
enum verdict pool_look(struct pool *p);
/* Serves the client, who is the pool's from now on. */
void pool_serve(struct pool *p, const struct connection *c);

bool pool_has_idle(const struct pool *p);    /* some worker is free */
unsigned pool_workers(const struct pool *p); /* that are not leaving */
unsigned pool_busy(const struct pool *p);    /* with a connection, leaving ones too */

/* For the workers. */

/* The state or the end has changed: moves it to the list where it belongs, at its end; idle ones that have served, at the front. */
void pool_place(struct worker *w, enum worker_state state);
void pool_place_leaving(struct worker *w);
void pool_forget(struct worker *w); /* takes it out of its list */
/* A hand-over came to nothing: the client goes to another worker, or is given up after too many. */
void pool_again(struct pool *p, const struct client *client);
/* Closes the clients that wait for a worker. */
void pool_give_up_waiting(struct pool *p);
/* A worker is free, has ended or is about to: looks what is to be done. */
void pool_keep(struct pool *p);
/* A worker is idle: waiting clients get it, and listeners wake up. */
void pool_has_room(struct pool *p);
/* Says so if clients wait and all workers are busy. */
void pool_look_at_queue(struct pool *p, int64_t now_ms);
/* Looks at the pool at this time at the latest. */
void pool_wake(struct pool *p, int64_t due_ms);

#endif
