/* SPDX-License-Identifier: MIT */
/* From the daemon to a program: a new process, made in one of several ways, and a table of steps. */
#ifndef LAUNCH_LAUNCH_H
#define LAUNCH_LAUNCH_H

#include <sys/types.h>

#include "launch/plan.h"
#include "launch/traffic.h"
#include "serve/relay.h"

/* Written by the child into memory shared with the daemon when a step fails, read when the child is reaped. */
struct launch_fault {
	int step;  /* number of the step + 1; 0: none failed */
	int error; /* errno */
	bool has_traffic;
	struct traffic traffic;    /* of a builtin over TCP, at its end */
	struct relay_report relay; /* of a redirect */
	bool was_open; /* its memory could be looked into by the service's user for an instant */
	int word;      /* enum start_word, of a start that has memory of its own */
	int verdict; /* enum verdict, VERDICT_OK unless the client was refused: the program was not started then */
};

struct starts;

/* What the process is once it is what the plan says. */
enum launch_kind {
	/* The program, or the builtin's function, on a connection. */
	LAUNCH_PROGRAM,
	/* The program, or a builtin that serves what it is handed until its channel ends. */
	LAUNCH_WORKER,
	/* Waits on a channel for its connection, see warm.h, and is a LAUNCH_PROGRAM then. No exec has taken place until then:
	 * a failed one is reported as any other. */
	LAUNCH_WARM,
	LAUNCH_KIND_MAX
};

/* Every descriptor lies above 2, and stays the caller's. */
struct launch {
	struct plan *plan; /* only its count of starts changes */
	enum launch_kind kind;
	int fd; /* becomes descriptor 0: connection or channel */
	/* Becomes descriptor 1; -1: fd. LAUNCH_WARM closes it while it waits: 1 is the connection then. */
	int out_fd;
	/* Becomes descriptor 2; -1: fd. Of LAUNCH_WARM, -1: out_fd, and the connection once that is there. */
	int err_fd;
	/* Listening sockets with numbers from 64 up that become 3, 4 …, at most LAUNCH_SHARED of them. */
	const int *shared;
	size_t shared_count;
	/* Within env: where the child writes its pid in decimal and a NUL, 11 bytes; NULL: nowhere. */
	char *listen_pid;
	/* Not looked at for LAUNCH_WARM: the plan's fixed part, and what comes with the connection. */
	char *const *env;
	/* Whom porter-gate judges if it must, with his variables in env; NULL: nobody. */
	const struct connection *client;
	struct starts *starts; /* NULL: by fork(2), whatever the plan says */
	bool by_name; /* of all that only_from says only its domains can admit this client */
	struct launch_fault *fault;
};

#define LAUNCH_SHARED CONF_MOST_SHARED

/* The exit status of a child in which a step failed, or which has refused its client. */
#define LAUNCH_EXIT 126

/* Starts the program. Its pid, or -errno of fork(2). The caller keeps the descriptors.
 *
 * The ways, which differ in what the child shares with the daemon until its exec. `shared`: memory, and for an instant the
 * table of descriptors; nothing is copied, so that it costs the same however large the daemon is. `files`: the table for an
 * instant. `fork`: nothing. The first is taken where it is safe, else the second if there are many descriptors. Unlike with
 * vfork(2), nobody waits for an exec, which the service's user could prevent. */
pid_t launch_start(const struct launch *l);
/* Why no program of this plan is started by `shared`; NULL: they are, unless too many of them are stuck before their exec. */
const char *launch_not_shared(const struct plan *p, const struct starts *t);
/* "shared", "files" or "fork": the way that one is started now. */
const char *launch_way(const struct plan *p, const struct starts *t);
/* The name of a failed step, e.g. "exec", "groups", "chroot". */
const char *launch_step_name(const struct launch_fault *fault);

#endif
