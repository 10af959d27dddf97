/* SPDX-License-Identifier: MIT */
/* The daemon: one configuration, one runtime, and what its signals do to them. */
#ifndef CONTROL_DAEMON_H
#define CONTROL_DAEMON_H

#include <stdbool.h>

#include "control/loading.h"
#include "control/stop.h"
#include "load/load.h"
#include "loop/signals.h"
#include "run/runtime.h"

struct control;
struct arrival;
struct loading;
struct pidfile;
struct self;
struct side;
struct upgrade;

/* What signals mean: as to porterd, or as to the daemon in whose place it runs. */
enum daemon_manner { DAEMON_PORTERD, DAEMON_XINETD, DAEMON_INETD, DAEMON_MANNER_MAX };

struct daemon_options {
	const char *config_path;  /* absolute */
	const char *dump_path;    /* of the state dump */
	const char *control_path; /* of the control socket, absolute; NULL: none */
	bool is_foreground;
	bool needs_services; /* without any it ends as soon as it has started */
	enum daemon_manner manner;
	const struct self *self; /* how the daemon is started again for an upgrade */
	/* It takes the place of a daemon in this very process; NULL: it starts anew. Until daemon_start has returned. */
	const struct arrival *arrival;
	struct pidfile *pidfile; /* open; NULL: none. The daemon removes it last */
	struct load_options load;
};

struct daemon {
	struct daemon_options options;
	struct loop *loop;
	struct runtime runtime;
	struct signals *signals;
	struct control *control; /* NULL: nobody can ask */
	struct config *config;
	struct sink *log_sink; /* of daemon_log */
	struct sink *
	    terminal; /* standard error: in the foreground always, in the background until it has started */
	int64_t started_ms;
	time_t started, loaded;
	unsigned reloads, refused_reloads;
	unsigned upgrades; /* that were done */
	char *
	    reload_refusal; /* why the latest reload was refused; NULL: it was not, or there was none */
	struct strings forced; /* ids of services that are on whatever the configuration says */
	bool has_set_limit;    /* max_servers was set by hand since the configuration was loaded */
	unsigned runs;         /* programs whose end a control client waits for */
	struct side *side;     /* what a child works out for a client; NULL: nothing */
	struct upgrade *upgrade;    /* under way; NULL: none is */
	struct loading *loading;    /* of the configuration, that goes on; NULL: none does */
	struct load_asks load_asks; /* that were made since it began */
	bool is_reloading;          /* whoever supervises the daemon was told so */
	struct loop_timer kill_timer, leave_timer;
	struct stop_groups
	    groups; /* of programs that have ended and left others behind, while stopping */
};

/* Loads the configuration and opens its listeners; what is wrong is said on the terminal and in the log. 0, or -1 if the
 * daemon must not go on: the file cannot be read, every service has an error, or nothing at all could be bound. */
int daemon_start(
    struct daemon *d, const struct daemon_options *options, const struct origin *origin);
/* The terminal is no longer written to. */
void daemon_leave_terminal(struct daemon *d);
/* Serves until a signal ends it. */
void daemon_run(struct daemon *d);
/* Opens the control socket, or gives it to whom the configuration says now. */
void daemon_open_control(struct daemon *d);
void daemon_done(struct daemon *d);

#endif
