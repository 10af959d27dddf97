/* SPDX-License-Identifier: MIT */
/* Listening sockets that the daemon of before has left to this one, until each is somebody's listener again. One table for
 * the process: it is filled and emptied while the daemon starts. */
#ifndef NET_HANDED_H
#define NET_HANDED_H

#include <stdbool.h>

#include "net/socket_file.h"

struct service_conf;

struct handed_socket {
	const char *id;  /* of the service that had it */
	const char *key; /* of its endpoint */
	int fd;
	struct socket_file file;  /* that a unix socket made */
	const struct addr *bound; /* what it is bound to */
	bool is_claimed;
};

/* A service that was switched off by a person, and whose sockets are not to be opened. */
struct handed_off {
	const char *id;
	const char *key; /* of one of its endpoints; NULL: whatever they are now */
};

/* The table: borrowed, and what was there is forgotten. */
void handed_set(struct handed_socket *sockets, unsigned count);
/* Borrowed. Where several services have one id, it takes the address to tell which is meant. */
void handed_set_off(const struct handed_off *services, unsigned count);
/* The socket that is bound to what this key says, and in *file its file; -1 if there is none. The caller owns it then. */
int handed_claim(const char *key, struct socket_file *file);
/* One that was claimed and is of no use: it is closed with the others, and its number is nobody else's until then. */
void handed_refuse(int fd);
bool handed_is_off(const struct service_conf *conf);
/* Closes what nobody has claimed, with a line for each, and forgets the table. */
void handed_close_unclaimed(void);

#endif
