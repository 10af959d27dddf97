/* SPDX-License-Identifier: MIT */
/* Datagram services with wait = no: one program for each client. A dialog is a socket that is connected to one client, and bound to
 * the address of ours that he has written to. Its program has it as descriptors 0, 1 and 2; the daemon keeps it, too, so that
 * what the client sends always has somewhere to go, and another program reads what one has left behind. */
#ifndef RUN_DIALOG_H
#define RUN_DIALOG_H

#include <stdbool.h>

#include "conf/config.h"

struct dialogs;
struct listener;
struct runtime;
struct server;
struct service;

/* Its clients are served in dialogs. */
static inline bool
conf_has_dialogs(const struct service_conf *conf)
{
	return conf->socket_type == SOCK_DGRAM && !conf->wait && !conf_is_internal(conf) &&
	       conf->protocol == IPPROTO_UDP;
}

/* What waits on the listener of such a service: takes some of it, and starts programs. */
void dialogs_take(struct listener *l);
/* The program of one of them has ended, and does not count any more; but it has its place in the table yet. Starts another one if the client has said
 * something since. */
void dialog_ended(struct service *s, struct server *ended);
void dialogs_free(struct dialogs *d); /* closes all; NULL is allowed */

/* Across an exec of the daemon. */

/* The socket and our address; -1 if the program has none. */
int dialog_of(const struct server *server, struct addr *local);
/* Takes fd over: it is the one of a program that runs already. */
void dialog_adopt(struct server *server, int fd, const struct addr *local);

#endif
