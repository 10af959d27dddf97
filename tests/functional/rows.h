/* SPDX-License-Identifier: MIT */
/* For the tests of what porterd does otherwise than xinetd: clients from chosen addresses, and what --check says. */
#ifndef FUNCTIONAL_ROWS_H
#define FUNCTIONAL_ROWS_H

#include "functional/daemon.h"
#include "functional/sources.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define SHOW "\tserver = @PROGRAMS@/show\n"

/* A client at an address of this machine, such as 127.0.0.2 or ::1, of the listener with this name. */
int client_of(struct daemon *d, const char *name, const char *source);
/* The same at an address and port. */
int client_from(const char *source, const char *to, unsigned port);
unsigned port_of(const struct daemon *d, const char *name);
/* True if "hold" answers on the connection, false if it is closed. */
bool is_answered(int fd);
/* Connects, asks, closes. */
bool serves(struct daemon *d, const char *name, const char *source);
/* What --check says of the configuration, which is written first. */
struct run_result checked(struct daemon *d);
/* Some line names this line of the configuration, with this severity, and holds the words; severity "" is any. */
bool names_line(const struct run_result *r, unsigned line, const char *severity, const char *words);
/* The daemon resolves names that end in ".test" from this text alone, "name address" a line. */
void names_are(struct daemon *d, const char *text);
void names_change(struct daemon *d, const char *text); /* the same, once it runs */
/* A file in /etc of this test alone; false where that cannot be had. */
bool own_file(const char *path, const char *text);

#endif
