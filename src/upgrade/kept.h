/* SPDX-License-Identifier: MIT */
/* What crosses from a daemon to the binary that takes its place, as values: no descriptor is touched, no process is asked.
 * Members of the JSON that are descriptors are named "fd" or end in "_fd"; -1 is none. */
#ifndef UPGRADE_KEPT_H
#define UPGRADE_KEPT_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/counters.h"
#include "conf/config.h"
#include "policy/pool_size.h"
#include "upgrade/record.h"

/* Changes whenever a member comes, goes or means something else, and when the steps of a launch change. */
#define KEPT_FORMAT 2

struct kept_client {
	int fd;
	struct addr peer, local;
	uint64_t id;
	unsigned tries;
};

struct kept_listener {
	const char *key;
	int fd;
	int owner; /* slot of the program that has the socket; -1: none */
	bool is_shared;
	uint64_t dev, ino; /* of the file that it made */
	struct addr bound;
	struct kept_client *pending;
	unsigned tries;
};

struct kept_server {
	int slot; /* in the table of programs */
	int pid;
	struct addr peer;
	uint64_t connection, queue_mark;
	int64_t started_ms;
	int64_t deadline_ms, linger_ms; /* see run/session.h */
	bool is_timed_out;
	int kept_fd;   /* a copy of its connection */
	int dialog_fd; /* its socket, of a datagram service with wait = no; see run/dialog.h */
	struct addr dialog_local;
	uint64_t asker;
};

struct kept_worker {
	int slot; /* of its server */
	int channel_fd;
	int pipe; /* number of the descriptor of its standard error; -1: none */
	bool left_unread, looks_first, brought_descriptors;
	int kind, protocol, state, end;
	bool accepts, is_outdated, is_dismissed, has_taken;
	unsigned served, most, strays;
	struct kept_client client, next;
	int64_t late_ms, since_ms, busy_ms, end_ms;
};

/* A client of tcpmux that has not sent its line yet, see run/mux.h. */
struct kept_muxed {
	struct kept_client client;
	struct record_bytes line;
	int64_t due_ms;
};

/* A client whose banner is not sent yet, see run/lobby.h. */
struct kept_guest {
	struct kept_client client;
	struct record_bytes text; /* that is still to be sent */
	int64_t due_ms;
};

/* What cps and rate have counted, and by which rules: others count anew. */
struct kept_door {
	unsigned cps_per_second, cps_pause_s, cps_count;
	int64_t cps_window_ms, cps_until_ms;
	unsigned rate_count, rate_burst;
	int64_t rate_period_ms, rate_full_ns;
};

struct kept_number {
	uint64_t value;
};

struct kept_pool {
	struct pool_counters counters;
	struct pool_pace pace;
	bool sends_bytes;
	uint64_t fingerprint;      /* see run/fingerprint.h */
	struct record_list shared; /* kept_number: inodes */
	struct record_list
	    workers; /* kept_worker: of each state in the order of time, those that leave last */
	struct record_list waiting; /* kept_client */
};

struct kept_service {
	const char *id;
	bool is_off, is_gone;
	struct counters counters;
	const struct service_conf
	    *conf; /* what its programs need until they end; strings are borrowed */
	struct record_list listeners; /* kept_listener */
	struct record_list servers;   /* kept_server */
	struct record_list muxed;     /* kept_muxed, in the order in which they came */
	struct record_list guests;    /* kept_guest, the same */
	struct kept_door *door;       /* NULL: it has none */
	struct kept_pool *pool;
};

/* What a program writes to standard error. */
struct kept_pipe {
	int fd;
	const char *id;
	uint64_t connection;
	int pid;
	struct record_bytes line; /* the beginning of one */
};

/* A socket that the daemon was started with. */
struct kept_inherited {
	int fd;
	const char *name;
	int type;
	struct addr addr;
};

struct kept_ban {
	const char *address;
	int64_t until_ms;
	uint64_t hits;
};

/* What a program has left behind, see run/leftover.h. */
struct kept_leftover {
	int pgid;
	int fd;
	int64_t linger_ms, kill_ms;
};

/* A client that is said good-bye to, see net/drain.h. */
struct kept_drain {
	int fd;
	struct record_bytes text; /* that it is still to be sent */
	int64_t due_ms;
};

/* The table into which children write why they could not be started. */
struct kept_faults {
	int fd;
	unsigned most;
};

struct kept_runtime {
	uint64_t connections, serials;
	struct counters past;
	struct kept_faults faults;
	struct record_list services, pipes, inherited, bans;
	struct record_list leftovers, drains; /* kept_leftover, kept_drain */
};

struct kept_origin {
	uint64_t files_soft, files_hard;
	int umask;
};

struct kept {
	int format;
	int pid; /* of the daemon */
	const char *version;
	struct kept_origin origin;
	struct kept_runtime runtime;
	json_t *daemon, *control, *journal; /* the upper layers' own */
};

extern const struct record kept_record, kept_service_record, kept_listener_record,
    kept_server_record, kept_worker_record, kept_pool_record, kept_client_record, kept_pipe_record,
    kept_inherited_record, kept_ban_record, kept_number_record, kept_leftover_record,
    kept_drain_record, kept_muxed_record, kept_guest_record, kept_door_record;

/* Whether what was read belongs together; part of kept_read. */
int kept_check(struct record_reader *reader, const struct kept *k);
/* Reads all of it, and checks what belongs together: every program has one pid and one slot, every descriptor one owner.
 * 0; or -EINVAL with the reason in reader->why. A format that is not KEPT_FORMAT is refused before the rest is looked at. */
int kept_read(struct record_reader *reader, const json_t *from, struct kept *out);

/* For all structures of a list that was read. */
#define KEPT_EACH(type, var, list) \
 for (struct type *var = (list)->item, *var##_end = var + (list)->count; var != var##_end; var++)

#endif
