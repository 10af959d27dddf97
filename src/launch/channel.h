/* SPDX-License-Identifier: MIT */
/* The daemon's end of a worker's channel: connections go out with their descriptor, replies come back. What goes over it
 * is in <porter/worker.h> and in porter-worker(7). Nothing here blocks. */
#ifndef LAUNCH_CHANNEL_H
#define LAUNCH_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/config.h"
#include "launch/plan.h"

/* The longest message to a worker, in bytes. */
#define CHANNEL_MESSAGE_SIZE 8192

enum channel_protocol {
	CHANNEL_PORTER, /* over SOCK_SEQPACKET alone */
	CHANNEL_PLAIN,  /* a byte with each descriptor, a byte back */
	CHANNEL_WARM, /* to a process of ours before its exec, over SOCK_SEQPACKET: as CHANNEL_PORTER, and behind
	                 * the id the variables of the connection, each with its NUL, up to the message's end */
};

struct channel {
	int fd; /* -1: none */
	/* The other end was closed while a message was still in the channel, so that nobody has got its descriptor. The
	 * kernel says so once, to whichever call comes first: before the replies that are left (SOCK_SEQPACKET), after
	 * them (SOCK_STREAM), or instead of sending. It is remembered here. */
	bool left_unread;
	/* Of CHANNEL_PORTER: the worker has said that it takes a message out of the channel only when it has the descriptor,
	 * so that channel_is_empty tells as much as CHANNEL_TAKEN does; it is no longer asked for that. */
	bool looks_first;
	bool
	    brought_descriptors; /* some message of the worker's, which has no reason to send any */
};

/* The count of garbage after which there is no need for more. */
#define CHANNEL_HOSTILE 1000u

enum channel_event {
	CHANNEL_NOTHING, /* no reply at present */
	CHANNEL_TAKEN,
	CHANNEL_DONE,
	CHANNEL_NO_DESCRIPTOR,
	CHANNEL_GARBAGE, /* no reply of this protocol */
	CHANNEL_END,     /* the other end was closed, and all that it had sent was received */
};

struct channel_reply {
	enum channel_event event;
	uint64_t
	    connection; /* of TAKEN, DONE and NO_DESCRIPTOR; 0 where the protocol has none (plain) */
	unsigned count; /* of DONE and GARBAGE: how many; more than 1 in plain alone */
	int status;     /* of DONE */
	bool has_result;
	char result
	    [257]; /* of DONE: text, NUL-terminated, as the worker sent it ('?' for NUL): to be quoted */
	bool left_unread; /* of END: that of the channel */
};

/* A pair of sockets of this type, SOCK_SEQPACKET or SOCK_STREAM. Both close-on-exec; *ours non-blocking with a number from
 * 64 up, *theirs blocking. 0 or -errno. */
int channel_open(int type, struct channel *ours, int *theirs);
void channel_close(
    struct channel *ch); /* the daemon's end; one that is closed already is left alone */

/* Sends the connection's descriptor, and what the protocol says of it. env: the variables of the connection, for
 * CHANNEL_WARM alone. The caller keeps its copy of the descriptor. 0 or -errno; then nothing was sent. */
int channel_send(struct channel *ch, enum channel_protocol protocol, const struct connection *c,
    const char *id, char *const *env);

/* The next reply. Descriptors that come with it are closed. The bytes of plain that are there are one event
 * with their count; of very many, some are left for the next call. After CHANNEL_END there is nothing more. */
void channel_receive(
    struct channel *ch, enum channel_protocol protocol, struct channel_reply *reply);

/* True if the worker has taken out everything that was sent. False if it ended and left something. */
bool channel_is_empty(struct channel *ch);

#endif
