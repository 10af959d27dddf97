/* SPDX-License-Identifier: MIT */
/* Everything that a child needs, prepared when the configuration is loaded. On the road of a connection only the tail
 * of the environment is written. */
#ifndef LAUNCH_PLAN_H
#define LAUNCH_PLAN_H

#include <stdint.h>
#include <sys/resource.h>

#include "conf/config.h"
#include "launch/origin.h"
#include "serve/builtin.h"
#include "serve/relay.h"

struct plan_rlimit {
	int resource;
	struct rlimit limit;
};

struct plan {
	char *path;  /* of the program; NULL for a builtin */
	char **argv; /* one block with its words, but for those of fills */
	/* The fixed part, then NULL; one block, too, but for what is passed on from origin. */
	char **env;
	size_t env_fixed;
	struct fill *
	    fills; /* words of argv and env that a connection fills in, see launch/fill.h; NULL: none */
	char **
	    porter_gate; /* porter-gate and its words, see launch/porter_gate.h; NULL: nobody is judged */
	size_t porter_gate_always;
	const struct builtin *builtin; /* its stream or answer function runs in the child */
	struct relay
	    relay; /* runs in the child, too; host NULL: it is none. Borrowed from the configuration */
	struct plan_rlimit *rlimits;
	size_t rlimit_count;
	bool resets_oom_score, resets_personality;
	mode_t umask;
	int nice;
	char *chroot, *directory;
	bool changes_ids;
	bool loses_capabilities; /* by the change of its user, all of them */
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t group_count;
	enum conf_spawn spawn;
	unsigned starting; /* processes that share it with the daemon, see launch/start.h */
	bool is_dropped;   /* the last of them frees it */
};

/* One connection, or one start of a wait = yes program. */
struct connection {
	int fd;
	struct addr peer; /* len 0: unknown */
	struct addr local;
	uint64_t id;
	int64_t accepted_us; /* when it came, on the monotonic clock; 0: it did not */
};

/* Of conf only a redirect's target must live as long as the plan. */
struct plan *plan_new(const struct service_conf *conf, const struct origin *origin);
/* At once, or when nobody starts from it any more. NULL is allowed. */
void plan_free(struct plan *p);
/* The settings lie here now, and say the same. */
void plan_follow(struct plan *p, const struct service_conf *conf);
void plan_release(struct plan *p); /* one that has started from it has done so */

/* The environment for this connection: the fixed part and the variables of <porter/environment.h>. Valid until the next
 * call for any plan; nothing is allocated. */
char *const *plan_environment(
    struct plan *p, const struct service_conf *conf, const struct connection *c);

/* What a worker adds to the fixed part of its environment. */
struct worker_variables {
	const struct addr *local; /* len 0, or NULL: not known */
	/* Listening sockets that it gets as 3, 4 …: LISTEN_FDS, LISTEN_FDNAMES (each the service's id) and LISTEN_PID. 0: none. */
	size_t shared_count;
};

/* The environment of a worker: the fixed part, SERVICE_ID, PROTO, and the above; nothing of a connection. *listen_pid is where
 * the child writes its pid (see launch.h), NULL if it is not to. Valid as that of a connection. */
char *const *plan_worker_environment(struct plan *p, const struct service_conf *conf,
    const struct worker_variables *v, char **listen_pid);

/* The fixed part, and behind it room for ENVIRONMENT_TAIL words, which are as they were: a place that all plans share. */
char **plan_vector(const struct plan *p);
/* The tail of plan_vector goes into argv and env where they ask for it; system calls only. */
void plan_fill(struct plan *p);
/* A word of argv or of env's fixed part as it is in the settings. */
const char *plan_text(const struct plan *p, const char *word);

/* The variables of a connection alone, without the fixed part. Valid as above. */
char *const *plan_connection_variables(const struct service_conf *conf, const struct connection *c);

/* True if programs of both would be started alike, down to the fixed environment. */
bool plan_equal(const struct plan *x, const struct plan *y);

#endif
