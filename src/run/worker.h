/* SPDX-License-Identifier: MIT */
/* One worker of a pool: its process, its channel, and the connection it has. Private to the pool's files and to those who
 * print its state. */
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include "launch/channel.h"
#include "launch/launch.h"
#include "launch/plan.h"
#include "loop/loop.h"

struct pool;
struct server;
struct stderr_log;

enum worker_state {
	WORKER_IDLE, /* also one that accepts by itself: nobody knows what it does */
	WORKER_SENT, /* a connection was sent, and is the daemon's until the worker has it */
	WORKER_BUSY,
	WORKER_STATE_MAX
};

/* The steps of a worker's end, each stop_grace after the one before. */
enum worker_end {
	WORKER_STAYS,
	WORKER_ASKED,     /* its channel was shut: it ends after its present connection */
	WORKER_SIGNALLED, /* stop_signal */
	WORKER_KILLED,
};

/* A client on its way to a worker. */
struct client {
	struct connection c;
	unsigned tries;    /* hand-overs that came to nothing */
	int64_t handed_us; /* when a worker got it; 0: not known more exactly than its since_ms */
	TAILQ_ENTRY(client) link;
};

TAILQ_HEAD(worker_list, worker);

struct worker {
	struct channel channel;
	struct loop_io io; /* of the channel */
	struct pool *pool;
	struct server *server;
	struct stderr_log *log; /* of its standard error; NULL: none */
	enum launch_kind kind;
	enum channel_protocol protocol;
	bool accepts; /* by itself */
	enum worker_state state;
	enum worker_end end;
	bool is_outdated; /* of settings that are gone */
	bool
	    is_dismissed; /* it ends because the pool has no use for it, and not for its own sake */
	bool has_taken;   /* some connection, ever */
	/* When it is too late to say that it has the message it took; 0: nothing is awaited. */
	int64_t late_ms;
	unsigned served, most, strays;
	struct client client; /* c.fd: our copy, -1 when it is the worker's alone */
	struct client next;   /* plain: sent while it was busy; c.fd -1: none */
	int64_t since_ms;     /* since when it is idle, or has its connection */
	int64_t busy_ms; /* since when it has had its connection, or another one waits behind it */
	int64_t end_ms;  /* when the next step of its end is due; INT64_MAX: not by time */
	struct worker_list *list; /* of the pool, that it is in */
	TAILQ_ENTRY(worker) link;
};

/* A worker that has not taken a connection after this long is stopped or stuck. */
#define WORKER_TAKE_MS      5000
/* The first look at whether a worker that does not say so has taken its connection; for one that says when it is free
 * again, which most do before that. */
#define WORKER_LOOK_MS      1
#define WORKER_LATE_LOOK_MS 4
/* Replies out of place after which a worker is beyond hope. */
#define WORKER_STRAYS       16u

/* Starts one, idle, and puts it at the end of the idle ones. 0, or -errno. */
int worker_start(struct pool *p);
/* Sends the client to it. 0: the client is the worker's, under the rules of acknowledgement; -errno: nothing was sent. */
int worker_hand(struct worker *w, const struct client *client);

/* That it has taken a message is seen from here, and need not be said. */
static inline bool
worker_is_looked_at(const struct worker *w)
{
	return w->protocol == CHANNEL_PLAIN || w->channel.looks_first;
}

/* Its channel has something to read; until it is empty or some replies were read. */
void worker_receive(struct worker *w);
/* A look at whether it has taken what was sent, for protocols that do not say so. */
void worker_look(struct worker *w, int64_t now_ms);
/* It ends after its present connection. */
void worker_retire(struct worker *w);
/* It is made to end: by stop_signal now, later by a kill. why: for the log. */
void worker_signal(struct worker *w, const char *why);
void worker_kill(struct worker *w, const char *why);
/* The next step of its end is due. */
void worker_end_further(struct worker *w, int64_t now_ms);
/* Its process has ended: what it has said before is heard, and what it has not taken goes to others. */
void worker_settle(struct worker *w);
/* After worker_settle; is_failed: it ended before its exec, which was said already. Frees it. */
void worker_ended(struct worker *w, bool is_failed, int status, const struct rusage *usage);
/* Closes what the daemon has of it and frees it, whatever the process does. */
void worker_free(struct worker *w);

/* Its channel has a reply. */
void worker_react(struct worker *w, const struct channel_reply *reply);
/* What nobody has taken out of its channel goes to others. */
void worker_take_back(struct worker *w);
/* Its present connection is over, and it is idle since now: usage and result may be NULL. */
void worker_finish(struct worker *w, int status, const struct rusage *usage, const char *result);
/* It was of no use: after some such workers there is a pause. */
void worker_count_failure(struct worker *w);
int worker_watch_channel(struct worker *w); /* 0 or -errno */
void worker_close_channel(struct worker *w);
void client_close(struct client *client);

struct service *worker_service(const struct worker *w);
const char *worker_id(const struct worker *w); /* of its service */

/* Words for a state dump. */
const char *worker_state_word(const struct worker *w);

#endif
