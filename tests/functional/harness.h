/* SPDX-License-Identifier: MIT */
/* What all functional tests stand on: a directory of their own, deadlines, files, processes. */
#ifndef FUNCTIONAL_HARNESS_H
#define FUNCTIONAL_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "unit/suite.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A service program of ours; a path in the build directory. */
#define PROGRAM(name) BUILD_DIR "/tests/programs/" name

/* main of a functional test: run_suite() in a temporary directory that is gone afterwards, as are all processes that
 * a failed test left behind. PORTER_KEEP in the environment keeps the directory. */
int run_functional(const char *suite, const struct suite_test *tests, size_t count);

/* A new directory for this test; mode 0711, so that services of another user reach what lies in it. Static text. */
const char *make_directory(void);

int64_t now_ms(void); /* monotonic */
int64_t deadline_after(
    void); /* now_ms() plus what an answer may take at most: 10 s, more in slow builds; or PORTER_ANSWER_MS */
/* Waits until the descriptor has one of the events; false when the deadline has passed. */
bool wait_for(int fd, short events, int64_t deadline_ms);

/* Files. All of them fail the test when they cannot do what they are asked. */
void write_file(const char *path, mode_t mode, const char *text);
void write_bytes(const char *path, const void *bytes, size_t len);
const char *read_file(const char *path); /* static text, at most 1 MiB; "" if there is none */
void copy_file(const char *from, const char *to, mode_t mode);
bool path_exists(const char *path); /* a dangling symbolic link exists too */
const char *text_format(const char *format, ...)
    __attribute__((format(printf, 1, 2))); /* one of 64 static texts */

/* Processes. */
struct run_result {
	int status;   /* exit status; 128 + signal if one ended it */
	char *output; /* standard output and error together; static */
};
/* Runs a command to its end, with /dev/null as standard input. A NULL ends the arguments. */
struct run_result run_command(const char *const *argv);
/* The words behind the name of a line of /proc/PID/status; "" if there is none. Static text. */
const char *process_status(pid_t pid, const char *name);
bool process_is_gone(pid_t pid); /* no such process, or a zombie */
void wait_gone(pid_t pid);       /* not a child of ours: until it has ended */
int wait_exit(pid_t pid);        /* a child of ours: its wait status; fails at the deadline */
bool has_child(void);            /* some child of ours, dead or alive */
unsigned count_descriptors(pid_t pid);

bool is_slow(void); /* sanitized, or the daemon runs below PORTERD_WRAPPER */
bool is_root(void);
bool has_ipv6(void);
const char *user_name(void); /* of whoever runs the tests */

#endif
