/* SPDX-License-Identifier: MIT */
/* The control socket and its clients. None of them can hold up the daemon: lines, answers, numbers and times are bounded. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct daemon;
struct control;

struct control_access {
	mode_t mode; /* of the socket's file */
	uid_t owner; /* (uid_t)-1: the daemon's */
	gid_t group; /* (gid_t)-1: none; its members may look */
};

/* Listens at the path. NULL if that is not possible, which was logged: the daemon goes on without. */
struct control *control_open(
    struct daemon *d, const char *path, const struct control_access *access);
/* After a reload, whose services may be others: the socket's file is made anew if it has gone. */
void control_set_access(struct control *c, const struct control_access *access);
/* Nobody new is let in, the socket is removed; the clients stay until control_close. NULL is allowed. */
void control_leave(struct control *c);
/* Ends all clients, removes the socket. NULL is allowed. */
void control_close(struct control *c);

unsigned control_clients(const struct control *c); /* how many there are; NULL is allowed */
/* There is no place for another one who may only look. */
bool control_is_full_of_lookers(const struct control *c);

/* Across an upgrade: the listening socket, the clients with their rights, streams, and what they have not read yet, as a
 * value; descriptors by number, close-on-exec is the caller's matter. */
json_t *control_save(const struct control *c);
/* As control_open, from that value. */
struct control *control_restore(
    struct daemon *d, const json_t *saved, const struct control_access *access);

#endif
