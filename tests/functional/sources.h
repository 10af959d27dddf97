/* SPDX-License-Identifier: MIT */
/* Clients of several addresses. */
#ifndef FUNCTIONAL_SOURCES_H
#define FUNCTIONAL_SOURCES_H

#include "functional/daemon.h"

/* Connected to the listener of that name from an address of this machine; a test fails if that cannot be. */
int connect_from(struct daemon *d, const char *name, const char *source);
/* UDP, connected as well. */
int datagram_from(struct daemon *d, const char *name, const char *source);
/* The same, where "hold" runs behind it: answers the test's first line. */
int hold_open_from(struct daemon *d, const char *name, const char *source);
/* Connects from there, and is closed without a word. */
void expect_refused(struct daemon *d, const char *name, const char *source);

/* From now on this test and the daemon that it starts have a network of their own, with a loopback device alone, in which anybody may
 * connect from 198.51.100.0/24 and 2001:db8::/32 although no device has such an address. False: it is not allowed to. */
bool own_network(void);

/* Puts a new binary in the daemon's place, and waits until it serves. */
void upgrade_daemon(struct daemon *d);

#endif
