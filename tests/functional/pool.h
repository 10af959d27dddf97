/* SPDX-License-Identifier: MIT */
/* What tests of pools need besides: the numbers of the state dump, and injected time. */
#ifndef FUNCTIONAL_POOL_H
#define FUNCTIONAL_POOL_H

#include <stdbool.h>
#include <sys/types.h>

#include "functional/daemon.h"

#define WORKERS_MAX 64

/* A fresh state dump; static text until the next one. Marks and lines of the log stay as they are. */
const char *state_dump(struct daemon *d);
/* The number behind "key=" in the service's part of a fresh dump; -1 if there is none. workers, idle, busy, leaving and
 * most are of the pool's line, all others counters. */
long long pool_number(struct daemon *d, const char *service, const char *key);
/* Dumps until the number is this one. */
void expect_number(struct daemon *d, const char *service, const char *key, long long value);
/* Dumps until so many workers are there, so many of them idle, and none leaves. */
void expect_workers(struct daemon *d, const char *service, int workers, int idle);
/* The workers of the service that are in this state (NULL: in any), from a fresh dump; at most WORKERS_MAX. */
size_t worker_pids(struct daemon *d, const char *service, const char *state, pid_t *pids);
/* Dumps until this worker is in the state. */
void expect_state(struct daemon *d, const char *service, pid_t pid, const char *state);
/* Until the daemon has this many descriptors, or fewer. */
void expect_fds(struct daemon *d, unsigned most);
/* Until this worker has no connection (descriptor 3), and waits for one: it has said that it is free. */
void expect_waiting(struct daemon *d, pid_t pid);
/* Nobody is being served, and each connection that the service accepted is in one counter of how it ended. */
void expect_accounts(struct daemon *d, const char *service);

/* Moves the daemon's monotonic clock on, and waits until it has done what was due. Needs daemon_inject(). */
void pass_time(struct daemon *d, int seconds);

/* Until the daemon has so many children, ended ones that it has not reaped among them. */
void expect_children(struct daemon *d, unsigned count);
unsigned count_children(pid_t parent);
/* Until it is stopped: a process that waits in a system call may still take what comes after the signal. */
void stop_process(pid_t pid);
void wait_stopped(pid_t pid); /* by whomever */
void end_process(pid_t pid);  /* kills it, and reaps it if it is ours */
/* A process that follows this one and never asks what becomes of it, so that nobody else learns of its end; 0: that is not allowed
 * here. */
pid_t start_tracer(pid_t pid);

/* A FIFO in the daemon's directory, on which a worker waits ("wait"). */
const char *make_fifo(struct daemon *d, const char *name);
/* All who wait there go on; there is at least one, or it is waited for. */
void open_fifo(struct daemon *d, const char *name);
/* The same again and again until there is something to read from the service. */
void open_fifo_until_answer(struct daemon *d, const char *name, int fd);
/* The same again and again until the process has ended, which waits there sooner or later. */
void open_fifo_until_gone(struct daemon *d, const char *name, pid_t pid);

/* The next line; without it the log is printed. */
const char *answer_of(struct daemon *d, int fd);
/* A line to a worker, and its answer. */
const char *ask(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Connected to the service, and served by this worker. */
int worker_open(struct daemon *d, const char *service, pid_t *pid);

#endif
