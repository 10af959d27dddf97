/* SPDX-License-Identifier: MIT */
/* A listening socket. It is watched while nothing holds it; while anything does, the kernel queues. */
#ifndef RUN_LISTENER_H
#define RUN_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/rate.h"
#include "launch/plan.h"
#include "loop/loop.h"
#include "net/socket_file.h"
#include "policy/throttle.h"

struct listener;
struct runtime;
struct server;
struct service;

TAILQ_HEAD(listener_list, listener);

/* What is done with clients; the listener itself knows nothing of them. */
struct listener_handler {
	loop_io_fn *ready;                 /* its watcher */
	void (*retry)(struct listener *l); /* another try to fork for its pending client */
	void (*drop)(struct listener *l);  /* its pending client is given up */
	/* A client of the service has got its banner, and is the handler's. */
	void (*greeted)(struct service *s, struct connection *c);
};

/* Why nobody is accepted at present. */
enum listener_hold {
	HOLD_PROGRAM = 1,  /* a wait = yes program has the socket */
	HOLD_FULL = 2,     /* a limit is reached and clients queue */
	HOLD_REST = 4,     /* the daemon is out of descriptors or memory */
	HOLD_FORK = 8,     /* an accepted client waits for a fork that failed */
	HOLD_BACKOFF = 16, /* its program ends without serving, again and again */
	HOLD_SHARED = 64,  /* workers accept by themselves */
	HOLD_POOL = 32,    /* no worker of the pool is free */
	HOLD_OFF = 128,  /* its service is switched off, and the socket could not be opened again */
	HOLD_CPS = 256,  /* too many came in a second */
	HOLD_RATE = 512, /* the next token of rate is yet to come, and clients queue */
};

/* Whose clients come to a listener, and under which settings; all borrowed. */
struct listener_role {
	struct service *service;
	struct listener_list *list;
	const struct service_conf *conf;
	const struct endpoint
	    *endpoint; /* of the settings; NULL for a socket handed over by name */
};

/* What only some listeners ever need. */
struct listener_trouble {
	struct throttle idle_ends; /* of programs that end without serving */
	struct rate idle_rate;     /* of messages about them */
	struct rate accept_rate;   /* of messages about failing accepts */
};

struct listener {
	struct loop_io io; /* fd -1: could not be bound yet */
	struct runtime *runtime;
	struct listener_role role;
	struct server *owner; /* the wait = yes program that has the socket; NULL: none */
	char *key;            /* of the endpoint, or "inherited:stream:id" */
	const struct addr *
	    bound; /* what it is bound to: the endpoint's address, or own_bound; NULL while it is not */
	struct addr *own_bound;
	struct socket_file file; /* that a unix socket of ours made */
	unsigned holds;
	bool is_shared; /* other processes have or had it: it may block although we never let it */
	bool is_kept;   /* used while a new configuration is applied */
	struct loop_timer timer; /* the next try to bind or to fork, or the end of a back-off */
	struct listener_trouble *trouble; /* NULL: there was none yet */
	struct connection *pending;       /* waits for a fork; NULL: none */
	int bind_error;                   /* errno of the last try to bind */
	unsigned retry_ms;                /* the present distance between tries to bind */
	unsigned tries;
	unsigned accept_failures; /* one after the other */
	TAILQ_ENTRY(listener) link;
};

/* What it is bound to; no address while it is not. */
static inline const struct addr *
listener_bound(const struct listener *l)
{
	static const struct addr nothing = { 0 };

	return l->bound != NULL ? l->bound : &nothing;
}

/* Made at the first time. */
struct listener_trouble *listener_trouble(struct listener *l);

/* It is known to be bound to this; len 0: to nothing. */
void listener_set_bound(struct listener *l, const struct addr *bound);

/* A listener that is not bound yet, at the end of the list. */
struct listener *listener_new(
    struct runtime *rt, const struct listener_role *role, const char *key);
/* Takes over an open listening socket and watches it. */
void listener_attach(struct listener *l, int fd);
/* The same without a word: it was listening all the time. */
void listener_adopt(struct listener *l, int fd);
/* Opens the endpoint's socket and watches it; if that fails, listener_open_later. */
void listener_open_or_retry(struct listener *l);
/* It could not be bound: says so with its place in the file, and tries again by itself, ever more rarely. */
void listener_open_later(struct listener *l, int error);
/* Addresses or devices of the machine have come or gone: tries again at once where that may help. */
void listener_network_changed(struct listener *l);
/* True if that matters to it: it waits for its address, or it has a device. */
bool listener_heeds_network(const struct listener *l);
/* Takes another role, at the end of that list. The socket's options are applied; a unix socket whose file is not at its
 * path any more is closed, for the caller to open it anew. */
void listener_move(struct listener *l, const struct listener_role *role);
/* Of one that is bound: its settings lie here now, and say the same. */
void listener_follow(struct listener *l, const struct service_conf *conf, const struct endpoint *e);
/* Closes the socket; clients in its queue get a reset. A wait = yes program keeps its own descriptor. */
void listener_free(struct listener *l);

/* Its service is switched off by a person: closes the socket, and frees the listener unless a client of it waits for a fork; that one is
 * served first. A socket that was handed over by name cannot be opened again: it stays open, and is held. */
void listener_turn_off(struct listener *l);

void listener_hold(struct listener *l, enum listener_hold why);
void listener_release(struct listener *l, enum listener_hold why);
/* Nobody is accepted for this long. */
void listener_back_off(struct listener *l, int64_t until_ms);
/* Clears an error of the socket, and listens again where a program has shut it down. */
void listener_repair(struct listener *l);
/* A program has the socket from now on. */
void listener_lend(struct listener *l, struct server *owner);
/* The program has ended after lifetime_ms; mark_before is what socket_queue_mark said when it began. */
void listener_return(struct listener *l, uint64_t mark_before, int64_t lifetime_ms);

/* It has accepted this client already, for whom a fork has failed so many times; it is tried again at due_ms. */
void listener_wait_for_fork(
    struct listener *l, const struct connection *c, unsigned tries, int64_t due_ms);
/* It waits no more: it is the caller's. */
struct connection listener_take_pending(struct listener *l);

static inline bool
listener_is_bound(const struct listener *l)
{
	return l->io.fd >= 0;
}

/* Words for a state dump: "listening", "unbound", or why it is held. */
const char *listener_state(const struct listener *l);

#endif
