/* SPDX-License-Identifier: MIT */
/* Builtin services over UDP: reads, judges and answers datagrams without ever waiting. */
#ifndef SERVE_DATAGRAM_H
#define SERVE_DATAGRAM_H

#include <stdbool.h>
#include <time.h>

#include "base/addr.h"

struct builtin;

/* Each function may be NULL. Addresses are canonical: never an IPv4 address mapped into IPv6. */
struct datagram_rules {
	bool (*is_refused)(const struct addr *peer, void *arg); /* asked first: it is thrown away */
	bool (*is_own)(const struct addr *peer, void *arg); /* one of our sockets: never answered */
	/* A datagram was taken and answered, as far as the builtin answers at all. */
	void (*on_answer)(const struct addr *peer, void *arg);
	void *arg;
};

/* Takes up to budget datagrams and answers each from the address it was sent to. Never answered are
 * sources that could be another automaton (ports below 1024 and well-known ones), our own sockets,
 * sources or destinations that are not one host's, and more than 100 a second of one source, or 1000
 * at once. Returns how many were taken. */
unsigned datagram_serve(int fd, const struct builtin *b, const struct datagram_rules *rules,
    unsigned budget, time_t now);

#endif
