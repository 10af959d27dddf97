/* SPDX-License-Identifier: MIT */
/* Listening sockets: opened from an endpoint, or repaired after a program had them. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/config.h"
#include "net/socket_file.h"

/* What the service's attributes say of its sockets; the rest is in the endpoint. */
struct socket_options {
	unsigned backlog;
	bool nodelay, keepalive;
	bool freebind;      /* bound to addresses that the machine does not have yet */
	const char *device; /* that clients must come by, borrowed; NULL: any */
	mode_t mode;        /* of a unix socket's file */
	uid_t uid;          /* (uid_t)-1: unchanged */
	gid_t gid;
};

struct socket_options socket_options_of(const struct service_conf *conf);

/* A bound, listening, non-blocking, close-on-exec socket with a number from 64 up, so that accepted connections stay
 * low. -errno of the step that failed. A unix path is removed first if it is a socket that nobody answers on; *file is
 * then the one that was made, and empty for all others. */
int socket_open(
    const struct endpoint *e, const struct socket_options *options, struct socket_file *file);
/* Whether it could be bound now; nobody gets to it meanwhile. Of a unix socket nothing is said. 0 or -errno. */
int socket_try(const struct endpoint *e, const struct socket_options *options);
/* Applies the options to a socket that is open already. file is what socket_open said; where it is NULL or empty, as for
 * a socket that was handed over, no file is touched, and e may be NULL. 0, or -errno of the first that failed; -ESTALE
 * if the path of a unix socket does not lead to it any more: it must be opened anew. */
int socket_configure(int fd, const struct endpoint *e, const struct socket_file *file,
    const struct socket_options *options);
/* True if the network device that the socket is bound to has gone, and nobody can come by it any more. */
bool socket_lacks_device(int fd);
/* Programs that get a listening socket expect it to block; the daemon must never block on it. */
int socket_set_blocking(int fd, bool blocks);
/* After a program had it: non-blocking again, listening again where it was bound if the program shut it down, and open to
 * all again if the program connected it (Linux then forgets a port that it had picked). 0, or -errno if it is beyond
 * repair and must be opened anew: -ESHUTDOWN for a unix or datagram socket that was shut down. */
int socket_repair(int fd, int socket_type, unsigned backlog, const struct addr *bound);
/* A value that stays the same only while nobody takes from the queue of a listening or datagram socket; 0: the queue
 * is empty. Tells a program that reads what woke it from one that ends without reading. */
uint64_t socket_queue_mark(int fd, int socket_type);
/* There is somebody to accept, or something to read, at this moment. */
bool socket_is_ready(int fd);
/* Clients that nobody has accepted yet from a listening TCP socket; 0 of any other, where that is not to be had. */
unsigned socket_queued(int fd);
/* Closes it and removes the file of a unix socket, unless somebody still answers on it. e may be NULL. */
void socket_close(int fd, const struct endpoint *e);

#endif
