/* SPDX-License-Identifier: MIT */
/* A connection passed on to another address, in a process of its own. */
#ifndef SERVE_RELAY_H
#define SERVE_RELAY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct relay {
	const char *host, *port; /* names or numbers; looked up for each connection */
	int64_t connect_ms;      /* for the lookup, and for all its addresses together */
	int64_t idle_ms;         /* without a byte in any direction; 0: any time */
	bool nodelay, keepalive; /* of the outgoing connection */
};

/* Room for relay_target, in bytes. */
#define RELAY_TARGET_SIZE (ADDR_TEXT_SIZE + 8)

enum relay_end {
	RELAY_NONE,        /* there is none */
	RELAY_OPEN,        /* it was ended from outside, if it has ended */
	RELAY_DONE,        /* both sides have said their last word, or one has reset */
	RELAY_IDLE,        /* nothing was said for too long */
	RELAY_NO_NAME,     /* error: that of getaddrinfo(3) */
	RELAY_SLOW_NAME,   /* no answer within connect_ms */
	RELAY_UNREACHABLE, /* error: errno of the last address, which is the target */
	RELAY_END_MAX
};

/* Lies in memory that the daemon shares with its children: what it reads there may be anything. */
struct relay_report {
	uint64_t in, out; /* bytes from the client, and to it */
	int end;          /* enum relay_end */
	int error;

	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} target; /* family AF_UNSPEC: none was tried */
};

/* Serves a connected stream socket until the end. The report is kept up to date all the time, so that it holds when the process is
 * killed. Descriptors that it opens are left to the end of the process. True: the target was reached. */
bool relay_serve(const struct relay *r, int fd, struct relay_report *report);

/* Connects, non-blocking. The descriptor; -1: the report says why not. */
int relay_connect(const struct relay *r, struct relay_report *report);
/* Both directions, until both have ended. */
void relay_pass(int client, int target, int64_t idle_ms, struct relay_report *report);

/* Why nobody was reached, in words; NULL: somebody was. */
const char *relay_error(const struct relay_report *report);
/* Who was tried last, as 192.0.2.1:80 or [2001:db8::1]:80; NULL: nobody. */
const char *relay_target(const struct relay_report *report, char text[RELAY_TARGET_SIZE]);

#endif
