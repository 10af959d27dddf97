/* SPDX-License-Identifier: MIT */
/* What all running services share. One per daemon, handed down. */
#ifndef RUN_RUNTIME_H
#define RUN_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/counters.h"
#include "base/log.h"
#include "base/rate.h"
#include "base/sink.h"
#include "launch/origin.h"
#include "loop/loop.h"
#include "run/listener.h"
#include "run/moment.h"
#include "run/reap.h"
#include "run/server.h"

TAILQ_HEAD(service_list, service);

struct address_files;
struct drains;
struct lobby;

struct runtime {
	struct loop *loop;
	const struct listener_handler *handler; /* of every listener */
	struct origin origin;
	struct servers *servers;
	struct starts *starts; /* programs that share memory with the daemon until their exec */
	struct service_list
	    services;          /* in file order, and those removed that still have programs */
	struct sink *activity; /* where services without log_type write; NULL: nowhere */
	struct sink *terminal; /* standard error in the foreground; NULL otherwise */
	struct loop_timer lines_timer; /* lines of these wait for others */
	int64_t
	    lines_ms; /* when all writes so far were due if they came evenly, on the monotonic clock */
	struct network_watch *network; /* NULL: no listener waits for an address or has a device */
	struct reaper reaper;
	int null_fd; /* /dev/null, for programs whose standard error goes nowhere; a low number, see launch/launch.h */
	unsigned running; /* programs of all services */
	unsigned max_servers;
	uint64_t connections;        /* id of the latest one */
	uint64_t serials;            /* that of the latest service */
	struct counters past;        /* of services that are gone: what counters_add adds */
	struct drains *drains;       /* clients that are said good-bye to */
	struct leftovers *leftovers; /* what programs have left behind */
	struct lobby *lobby;         /* clients that are greeted */
	struct mux *mux;             /* clients of tcpmux; NULL: there were none yet */
	struct dialogs *dialogs;     /* of datagram services; NULL: there were none yet */
	struct address_files *files; /* that lists name; NULL: there is nobody to read them */
	struct moment moment;        /* the time of the day and the load of the machine */
	struct bans *bans; /* nobody from there is served; owned, NULL: nobody is banned */
	bool is_stopping;
	bool
	    is_restoring; /* programs and workers of the daemon of before are yet to be taken over */
	bool is_resting;  /* no descriptors or memory left: all listeners rest */
	struct loop_timer rest_timer;
	struct rate rest_rate;
	bool has_waiting; /* some listener was held because max_servers was reached */
	/* Called for every child that was reaped while stopping; kill_ms is its server's, 0 if it was none. */
	void (*on_reaped)(void *arg, pid_t pid, int64_t kill_ms);
	void *on_reaped_arg;
	/* Called for every child that is no program of a service; NULL: nobody wants to know. */
	void (*on_stranger)(void *arg, pid_t pid, int status);
	void *on_stranger_arg;
};

/* Room for programs: the table's size, never changed. */
#define RUNTIME_MOST_SERVERS 65536

void runtime_init(struct runtime *rt, struct loop *loop, const struct listener_handler *handler,
    const struct origin *origin);
void runtime_done(struct runtime *rt); /* after its services were freed; ends no program */

/* Sets max_servers from the configuration's value and what descriptors allow; says so when it clamps. */
void runtime_set_max_servers(struct runtime *rt, unsigned configured);

#endif
