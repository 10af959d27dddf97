/* SPDX-License-Identifier: MIT */
/* Listening sockets that came with the daemon: LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, see sd_listen_fds(3). A socket
 * named as a service's id is that service's listener; one without such a name serves the endpoint it is bound to. */
#ifndef NET_INHERIT_H
#define NET_INHERIT_H

#include <stdbool.h>

#include "conf/config.h"

/* How many descriptors from 3 on were handed to this very process; 0 if none, or if they were meant for another. */
unsigned inherit_announced(void);
/* Takes them over: numbers of 64 and up, close-on-exec, non-blocking; what is no listening socket or datagram socket is
 * closed with a warning, and so is said that there are fewer than announced. Removes the variables from the environment. */
void inherit_take(unsigned announced);
/* True if a socket of this name and type was handed over and is still open, unclaimed or as a listener of this name. */
bool inherit_has(const char *id, int socket_type);
/* The next unclaimed socket of this name and type; -1 if there is none. The caller owns it then. */
int inherit_claim_id(const char *id, int socket_type);
/* The unclaimed socket that is bound to what the endpoint asks for; -1 if there is none. */
int inherit_claim_endpoint(const struct endpoint *e);
/* Whoever claimed a socket has closed it; of any other descriptor nothing happens. */
void inherit_closed(int fd);
/* Closes what nobody claimed, with a warning for each. */
void inherit_close_unclaimed(void);

/* Across an exec of the daemon. */

struct inherited_socket {
	int fd;
	const char *name; /* NULL: it serves the endpoint that it is bound to */
	int type;
	struct addr addr;
};

/* Each socket that is still open; strings are borrowed. */
void inherit_each(void (*fn)(const struct inherited_socket *socket, void *arg), void *arg);
/* One of those of before, unclaimed. The descriptor is not looked at. */
void inherit_restore(const struct inherited_socket *socket);

#endif
