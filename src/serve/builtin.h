/* SPDX-License-Identifier: MIT */
/* The services porterd provides itself: echo, discard, daytime, time, chargen (RFC 862 to 864, 867, 868), tcpmux (RFC 1078),
 * and the lists servers and services. */
#ifndef SERVE_BUILTIN_H
#define SERVE_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* The longest answer of an answer function. */
#define BUILTIN_ANSWER_SIZE 64

/* Served by those parts of the daemon that know its services; see run/inside.h. */
enum builtin_inside { INSIDE_NOTHING, INSIDE_TCPMUX, INSIDE_SERVERS, INSIDE_SERVICES, INSIDE_MAX };

struct builtin {
	const char *name;
	/* Serves a connected, blocking stream socket until its client ends; for a process of its
	 * own. NULL for those that the daemon serves itself. The descriptor stays open. */
	void (*stream)(int fd);
	/* The whole answer to a connection, its length returned; never waits. NULL for others. */
	size_t (*answer)(char *out, size_t size, time_t now);
	/* The answer to one datagram, its length returned; -1: none, while 0 is an empty datagram. */
	ssize_t (*datagram)(const char *in, size_t in_len, char *out, size_t out_size, time_t now);
	/* What serves a connection in place of both. */
	enum builtin_inside inside;
	const char *text; /* one sentence of manual */
};

const struct builtin *builtin_find(const char *name); /* whatever its case; NULL if there is none */
bool builtin_exists(const char *name, int socket_type); /* SOCK_STREAM or SOCK_DGRAM */

#endif
