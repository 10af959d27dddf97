/* SPDX-License-Identifier: MIT */
/* The connection to the daemon, see porterd-control(7). What goes wrong is said by these functions in one sentence; they
 * then return the exit status, CTL_OK (0) otherwise. */
#ifndef CTL_LINK_H
#define CTL_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct call;

struct link {
	int fd; /* -1: not connected */
	char *text;
	size_t len, size; /* bytes that came and were not used yet, room for them */
	size_t searched;  /* of those, without a newline */
	int fds[2];       /* go with the next request; -1: none */
	int patience_ms;  /* for an answer; -1: for ever, as loading may take its time */
};

void link_init(struct link *l);
void link_close(struct link *l);

/* Connects if it is not connected. */
int link_open(struct call *c);
/* Sends the request, whose reference is taken, and waits for the answer: its result, which the caller decrefs. */
int link_ask(struct call *c, json_t *request, json_t **result);
/* The same for a list that comes in pages: one result with the whole list in it. */
int link_ask_all(struct call *c, json_t *request, const char *list, json_t **result);
/* The next line of a stream, which the caller decrefs; waits for it. NULL: the daemon has closed the connection. */
int link_event(struct call *c, json_t **event);
/* What has come so far, without waiting: NULL if that is no whole line. *is_closed: nothing more will come. */
int link_poll(struct call *c, json_t **event, bool *is_closed);

/* {"command": name, "protocol": …}, a new reference. */
json_t *link_request(const char *name);
/* Adds a member; bytes that are no UTF-8 are escaped. A NULL is left out. */
void link_put_text(json_t *request, const char *name, const char *text);

#endif
