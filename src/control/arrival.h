/* SPDX-License-Identifier: MIT */
/* This process in place of a daemon of before, which has executed our binary: to take over, or to say whether it could. */
#ifndef CONTROL_ARRIVAL_H
#define CONTROL_ARRIVAL_H

#include <stdbool.h>

#include "control/self.h"
#include "load/load.h"
#include "upgrade/kept.h"

struct daemon;
struct pidfile;
struct origin;

/* Set for the new binary: "take:FD" or "trial:FD", FD being that of the state. */
#define ARRIVAL_VARIABLE "PORTER_UPGRADE"
/* What the answer of a trial begins with: "ok VERSION" or "no REASON" follows. */
#define ARRIVAL_ANSWER   "porterd-upgrade: "

/* Of the state, what is the daemon's. */
struct kept_daemon {
	const char *binary, *directory;
	const char *notify_path;
	int pid_fd, lock_fd; /* of the pid file; -1: it has none */
	int64_t started, started_ms;
	unsigned reloads, refused_reloads, upgrades;
	const char *reload_refusal;
	uint64_t asker; /* number of the control client who waits for an answer; 0: none */
	struct record_list forced; /* kept_name */
	struct record_list
	    set; /* kept_setting: what was set by hand, and ends with the old binary */
};

struct kept_name {
	const char *name;
};

struct kept_setting {
	const char *service; /* NULL: of all together */
	const char *attribute;
};

/* A record of the journal. */
struct kept_line {
	int64_t wall_ms;
	int kind, level;
	uint64_t connection;
	const char *service, *text;
};

extern const struct record kept_daemon_record, kept_name_record, kept_setting_record,
    kept_line_record;

enum arrival_mode { ARRIVAL_NONE, ARRIVAL_TRIAL, ARRIVAL_TAKE };

struct arrival {
	enum arrival_mode mode;
	char why[512]; /* the state cannot be taken over; empty: it can */
	json_t *state;
	struct record_reader reader;
	struct kept kept;
	struct kept_daemon daemon;
	uint64_t first_line; /* number of the first of the lines */
	struct record_list lines;
	int *fds; /* that the state names, sorted */
	size_t fd_count;
};

/* The very first thing of main: looks for the variable and takes it out of the environment. The state is believed if
 * nobody can have changed it, and if it is from this process (take) or from its parent (trial). */
void arrival_receive(struct arrival *a);
void arrival_done(struct arrival *a);
/* The new binary knows itself by the old one's names. */
void arrival_self(const struct arrival *a, struct self *self);

/* A trial: the answer for the daemon, to standard output; the exit status. Touches nothing. */
int arrival_answer(
    const struct arrival *a, const struct load_options *options, const char *config_path);

/* The parts of a start in place of another daemon. */
void arrival_restore_pidfile(const struct arrival *a, struct pidfile *p, const char *path);
void arrival_restore_daemon(const struct arrival *a, struct daemon *d);
/* At the end: who has asked for the upgrade is answered. */
void arrival_finish(const struct arrival *a, struct daemon *d);

#endif
