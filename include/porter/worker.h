/* SPDX-License-Identifier: MIT */
/*
 * libporter: a preforked worker of porterd in a few lines, see porter_accept(3).
 *
 * A worker is a program of a service with a pool (see porterd.conf(5)). It is started once. On its descriptor 0 it has a
 * channel, over which porterd hands it one connected socket after the other; it serves each, says when it is free again,
 * and ends when the channel ends. Its standard output and error go to porterd's log. The protocol is written down in
 * porter-worker(7): no library is needed to speak it. All numbers are in host byte order unless said otherwise.
 */
#ifndef PORTER_WORKER_H
#define PORTER_WORKER_H

#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The descriptor that a worker has its channel on: a SOCK_SEQPACKET socket. */
#define PORTER_CHANNEL 0

/* ---- the protocol ---- */

#define PORTER_MAGIC       0x52545250u /* "PRTR" in memory of a little-endian machine */
#define PORTER_VERSION     1u   /* another one where what is here would mean something else */
#define PORTER_ID_SIZE     255u /* bytes of a service's id at most; of a longer one the first */
#define PORTER_RESULT_SIZE 256u /* bytes of a result at most */

/* A worker ignores a message of a type that it does not know, and closes the descriptors that came with it. */
enum porter_type {
	PORTER_CONNECTION = 1,    /* to the worker, with one descriptor: serve this */
	PORTER_TAKEN = 2,         /* from the worker: it has the descriptor */
	PORTER_DONE = 3,          /* from the worker: served, it is free again */
	PORTER_NO_DESCRIPTOR = 4, /* from the worker: none arrived, see MSG_CTRUNC in recvmsg(2) */
};

/* Of a header: the worker is to say PORTER_TAKEN. One that always says it is right, too. */
#define PORTER_ASKS        1u
/* The status of PORTER_TAKEN: this worker looks at each message first (MSG_PEEK) and takes it out of its channel only when it
 * has the descriptor. That it has taken one can be seen from the other end, and it is not asked again. */
#define PORTER_LOOKS_FIRST 1

/* 24 bytes. An address of family 0 is not known; that of a unix socket has nothing but its family. IPv4 clients of a
 * dual-stack socket appear as plain IPv4. */
struct porter_address {
	uint16_t family;   /* AF_INET, AF_INET6, AF_UNIX */
	uint16_t port;     /* host byte order */
	uint32_t scope;    /* of link-local IPv6 addresses */
	uint8_t bytes[16]; /* network byte order; of IPv4 the first four */
};

/* 72 bytes, then the service's id without a NUL, then whatever a later version adds. */
struct porter_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;       /* PORTER_CONNECTION */
	uint64_t connection; /* conn= in the logs */
	struct porter_address peer, local;
	uint16_t id_offset, id_length; /* of the service's id within the message */
	uint32_t flags;                /* PORTER_ASKS, or 0 */
};

/* 24 bytes, then as many of the result, and nothing else. */
struct porter_reply {
	uint32_t magic;
	uint16_t version;
	uint16_t type;       /* PORTER_TAKEN, PORTER_DONE or PORTER_NO_DESCRIPTOR */
	uint64_t connection; /* of the header */
	int32_t
	    status; /* of PORTER_DONE: as an exit status, for the log; of PORTER_TAKEN: see above; otherwise 0 */
	uint32_t result_length; /* of PORTER_DONE: bytes of text for the log; otherwise 0 */
};

/* ---- the library ---- */

struct porter_connection {
	int fd;      /* the connected socket, blocking and close-on-exec; -1 once it was closed */
	uint64_t id; /* conn= in the logs */
	struct sockaddr_storage peer, local;
	socklen_t peer_len, local_len; /* 0: not known; of a unix socket the family alone */
	char service[256];             /* the service's id */
};

/*
 * Nothing is kept between calls: channels are independent of each other, and one may be used by several threads, which
 * gains nothing, since porterd hands over no connection before the last one is done.
 */

/* Waits for the next connection on a channel (PORTER_CHANNEL), and says that it has arrived. 1: *c is filled in and belongs
 * to the caller until porter_done; 0: no more will come, since porterd has gone or wants the worker to end; -errno, and
 * *c is as it was: -ENOTSOCK or -EPROTOTYPE if the program was not started as a worker of this protocol, -EPROTO if the
 * other end does not speak it. Signals are waited through, whether or not the channel blocks. A connection whose
 * descriptor did not arrive, for want of a free number here, is given back, and the next one is waited for. */
int porter_accept(int channel, struct porter_connection *c);

/* Closes c->fd if it is open, so that the client sees the end first, and says that the worker is free. status and result
 * (NULL: none; longer ones are cut) go to the log line of the connection. 0, or -errno if porterd has gone: the next
 * porter_accept says so, too. */
int porter_done(int channel, struct porter_connection *c, int status, const char *result);

/* Serves connections until the channel ends. The handler returns the status for the log; it may close c->fd and set it to -1,
 * and need not. SIGPIPE is ignored meanwhile if it was at its default: a client that leaves costs no worker. 0 at the end,
 * or -errno of porter_accept. */
int porter_serve(int channel, int (*serve)(struct porter_connection *c, void *arg), void *arg);

/* The same with buffered streams over the connection. They are flushed and closed afterwards, and not by the handler. -errno
 * of fcntl(2) if there is no descriptor free for the second stream; then no connection was taken. */
int porter_serve_stdio(int channel,
    int (*serve)(FILE *in, FILE *out, const struct porter_connection *c, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
