/* SPDX-License-Identifier: MIT */
/* Clients that the daemon says good-bye to: what is left to be said is sent, then the connection is closed in our direction, what the
 * client has still sent is read and thrown away, so that no reset overtakes the answer, and at its end, or when the time is over, it is
 * closed. Never blocks; bounded. */
#ifndef NET_DRAIN_H
#define NET_DRAIN_H

#include <stddef.h>
#include <stdint.h>

struct drains;
struct loop;

/* At most so many at a time, and fewer where descriptors are few; of more the oldest is closed. */
#define DRAINS_MOST       1024u
/* What they are still to be sent takes so much memory at most, or what one of them is: of more the oldest that waits for some is closed. */
#define DRAINS_MOST_BYTES (16u << 20)

struct drains *drains_new(struct loop *loop);
void drains_free(struct drains *d); /* closes all; NULL is allowed */
/* Takes fd, a connected stream socket. text (NULL: nothing) is copied as far as the socket does not take it at once. time_ms: from now on,
 * at most. */
void drains_add(struct drains *d, int fd, const char *text, size_t len, int64_t time_ms);
unsigned drains_count(const struct drains *d);

/* Across an exec of the daemon. */

struct drain_state {
	int fd;
	const char *text; /* what is still to be sent */
	size_t len;
	int64_t due_ms;
};

/* Each of them, the oldest first; the text is borrowed. */
void drains_each(
    const struct drains *d, void (*fn)(const struct drain_state *state, void *arg), void *arg);

#endif
