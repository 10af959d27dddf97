/* SPDX-License-Identifier: MIT */
/* A datagram as it came in: from whom, and to which of our addresses. */
#ifndef SERVE_ARRIVAL_H
#define SERVE_ARRIVAL_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/addr.h"

/* Longer than any datagram of IPv4 or IPv6. */
#define ARRIVAL_SIZE 65536

struct arrival {
	struct addr from; /* as the socket says it, maybe mapped */
	size_t len;
	bool has_v4, has_v6;
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
};

/* Lets the socket say which address a datagram was sent to. family is that of the socket. 0 or -errno. */
int arrival_prepare(int fd, int family);
/* Takes the next one, without waiting. 0, or -errno; -EMSGSIZE for one that does not fit. */
int arrival_take(int fd, struct arrival *a, void *buffer, size_t size);
/* The same, and leaves it there. */
int arrival_look(int fd, struct arrival *a, void *buffer, size_t size);
/* The address of ours that an answer comes from, canonical. False if there is none: it was sent to many by IPv6. */
bool arrival_local(const struct arrival *a, uint16_t port, struct addr *local);
/* It was sent to several hosts at a time. */
bool arrival_was_for_many(const struct arrival *a);
/* "This network", multicast, the reserved range and broadcast are nobody's addresses. a is canonical. */
bool arrival_is_one_host(const struct addr *a);

#endif
