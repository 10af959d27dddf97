/* SPDX-License-Identifier: MIT */
/* Closing sockets that other programs had, too, and accepting on those. */
#ifndef NET_LINGER_H
#define NET_LINGER_H

#include <sys/socket.h>

/* Closes a socket without waiting. Whoever closes a TCP socket last may have to wait until its data is sent (SO_LINGER,
 * socket(7)), as long as any program that shares it has asked for, while its client does not read: that is taken back first.
 * One who asks again in the same instant gets a tenth of a second at most: a timer's signal (SIGALRM) ends the wait. */
void linger_close(int fd);
/* Before a call in which the kernel may close sockets of others: from now on for some time no such wait is longer than that. */
void linger_guard(void);
/* Closes a socket in whose queue others may lie, and in theirs others again: each would have to be waited for. A child does
 * it by its exit, which waits for none of them. */
void linger_close_queue(int fd);
/* accept4(2) on a listener that should not block, and may although it was just told not to: a process that still has it can
 * undo that at any time. The connection, close-on-exec, or -errno: -EINTR if it has blocked. */
int linger_accept(int fd, struct sockaddr *peer, socklen_t *len);

#endif
