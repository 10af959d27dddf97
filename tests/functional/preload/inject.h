/* SPDX-License-Identifier: MIT */
/* The memory that a test shares with the daemon it has loaded inject.so into: which calls fail, and how often each was
 * made. The file that holds it is named by PORTER_INJECT. */
#ifndef PRELOAD_INJECT_H
#define PRELOAD_INJECT_H

#include <stdatomic.h>
#include <stdint.h>

enum inject_call {
	INJECT_ACCEPT4,
	INJECT_FORK,        /* or clone */
	INJECT_CLONE_VM,    /* clone alone, with the daemon's memory */
	INJECT_CLONE_FILES, /* clone alone, without it */
	/* The next are of children alone, for each of which they count once. */
	INJECT_SETGROUPS,
	INJECT_SETRESGID,
	INJECT_SETRESUID,
	INJECT_SETSID,
	INJECT_SETRLIMIT,
	INJECT_CHROOT,
	INJECT_CHDIR,
	INJECT_DUP2,
	INJECT_NICE,
	INJECT_EXECVE,
	INJECT_PRCTL,
	/* Of the daemon. */
	INJECT_POLL,
	INJECT_CLOSE,
	INJECT_RECV,
	INJECT_SEND,
	INJECT_WRITE,
	INJECT_SOCKET,
	INJECT_SOCKETPAIR,
	INJECT_SETSOCKOPT,
	INJECT_EPOLL_ADD, /* epoll_ctl with that operation */
	INJECT_INOTIFY,   /* inotify_init1 */
	INJECT_MAX
};

struct inject_rule {
	atomic_int error; /* errno to fail with */
	atomic_int after; /* this many calls pass first */
	atomic_int count; /* so many fail then; -1: all */
	atomic_int
	    signo; /* not 0: the call raises this signal in its process, and then goes through */
	atomic_int hangs;  /* not 0: in a child the call does not return */
	atomic_uint calls; /* made so far, failed ones too */
};

struct inject {
	struct inject_rule rule[INJECT_MAX];
	atomic_llong realtime_s;  /* added to CLOCK_REALTIME */
	atomic_llong monotonic_s; /* added to CLOCK_MONOTONIC */
	atomic_int load;          /* of the machine, in hundredths, and 1 more; 0: the real one */
};

#endif
