/* SPDX-License-Identifier: MIT */
/* The client's side of a connection. Everything fails the test at the deadline. */
#ifndef FUNCTIONAL_CLIENT_H
#define FUNCTIONAL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

void send_text(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *read_line(int fd); /* without its newline; static text until the next call */
const char *read_all(int fd);  /* until the other side closes; static text, at most 4 MiB */
size_t read_bytes(int fd, void *to, size_t size); /* exactly size, or fewer at the end */
void expect_closed(int fd);    /* the other side has closed or reset, and sent nothing before */
void half_close(int fd);       /* no more from us */
void reset_connection(int fd); /* RST, and the descriptor is closed */

/* Of the program "hold". */
pid_t ask_pid(int fd);                      /* "pid": its process id */
void expect_echo(int fd, const char *text); /* the line comes back */

/* The value of the line "key VALUE" in what the program "show" printed; NULL if there is none. */
const char *show_value(const char *shown, const char *key);
unsigned show_count(const char *shown, const char *prefix); /* lines that start so */

/* Nothing waits to be read here, now. */
bool is_silent(int fd);

#endif
