/* SPDX-License-Identifier: MIT */
/* The control socket of a daemon, as its clients see it, and porterctl. Everything fails the test at the deadline. */
#ifndef FUNCTIONAL_CONTROL_H
#define FUNCTIONAL_CONTROL_H

#include <jansson.h>

#include "functional/daemon.h"

const char *control_path(const struct daemon *d); /* static text */
int control_connect(struct daemon *d);            /* connected to its control socket */
/* Sends a line, its newline is added, and reads one: the whole answer, the caller decrefs. */
json_t *control_request(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* On a connection of its own; the "result", the caller decrefs. Fails the test if the answer is an error. */
json_t *control_ask(struct daemon *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* On a connection of its own; the error's code, static text. Fails the test if the answer is none. */
const char *control_refused(struct daemon *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "services.0.id"; fails the test if it is not there. */
const json_t *json_at(const json_t *j, const char *path);
const char *json_text_at(const json_t *j, const char *path);  /* the same, a string */
json_int_t json_number_at(const json_t *j, const char *path); /* the same, a whole number */
json_t *control_event(int fd); /* the next line, an event; the caller decrefs */
/* Runs porterctl with --control of that daemon; a NULL ends the arguments. */
struct run_result porterctl(struct daemon *d, const char *arg, ...) __attribute__((sentinel));

#endif
