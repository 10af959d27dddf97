/* SPDX-License-Identifier: MIT */
/* One client of the control socket, as the files of the control socket see it. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/rate.h"
#include "control/command.h"
#include "control/control.h"
#include "loop/loop.h"
#include "net/socket_file.h"

/* Bytes of a request with its newline. */
#define CLIENT_LINE_MOST 65536u
/* Bytes of an answer, or of events that wait to be read. */
#define CLIENT_OUT_MOST  (4u << 20)

struct client_conn {
	struct loop_io io;
	struct loop_timer timer; /* the earliest of the times below */
	struct control *control;
	uint64_t number;
	uid_t uid;
	pid_t pid;
	enum role role;

	char *in; /* the line so far; NULL: not begun */
	size_t in_len, in_room;
	int fds[CONTROL_FDS]; /* that came with it, -1: none */

	char *out; /* what is not sent yet begins at out_sent; NULL: everything is */
	size_t out_len, out_sent, out_room;

	json_t *id;          /* of the request under way; NULL: it has none */
	bool is_waiting;     /* a request is under way */
	bool has_asked;      /* it has sent a whole line at some time */
	bool is_closing;     /* ends when everything is sent */
	bool is_gone;        /* out of the list, freed at the end of the turn */
	int64_t since_ms;    /* when it was accepted */
	int64_t line_ms;     /* when the line was begun */
	int64_t progress_ms; /* when it has last read something, or had nothing to read */

	bool has_stream;
	bool has_records; /* the journal may have more for the stream */
	struct journal_filter stream;
	LIST_ENTRY(client_conn) link;

	bool is_queued; /* waits for its turn */
	TAILQ_ENTRY(client_conn) turn;
};

LIST_HEAD(client_list, client_conn);
TAILQ_HEAD(client_queue, client_conn);

struct control {
	struct daemon *daemon;
	char *path;
	struct control_access access;
	struct loop_io io; /* fd -1: does not listen at present */
	struct loop_timer rest_timer;
	struct socket_file file;
	struct client_list clients;
	unsigned client_count;
	struct client_queue turns;    /* who waits for his turn */
	struct loop_timer turn_timer; /* runs while there are such */
	int64_t free_us;              /* when the next may have his turn */
	int64_t spent_us;             /* on turns since the latest rest */
	uint64_t last_number;
	struct rate *denied; /* of messages, one for each command */
	struct rate stranger_rate, busy_rate, slow_rate, accept_rate;
};

/* Without a socket and without clients. */
struct control *control_new(
    struct daemon *d, const char *path, const struct control_access *access);
/* A client with an open socket, which it owns from now on. */
struct client_conn *client_new(struct control *control, int fd, uint64_t number);
/* Closes it; its memory stays until the end of the turn. */
void client_end(struct client_conn *c);
/* Closes a client's socket, in whose queue there may be descriptors that are hard to close. */
void client_close_socket(int fd);
/* After anything has changed: what is waited for, and until when. */
void client_settle(struct client_conn *c);
/* A whole line is there, without its newline; c->in is free afterwards. */
void client_request(struct client_conn *c);
/* An answer to no request, after which the client is closed. */
void client_refuse(struct client_conn *c, const char *code, const char *text);

/* client_turn.c */
void client_take_turn(struct client_conn *c); /* at once, or when it is its turn */
void client_leave_queue(struct client_conn *c);
void control_on_turn(struct loop_timer *t, int64_t now_ms);

/* client_io.c */
void client_read(struct client_conn *c);  /* at most one request */
void client_write(struct client_conn *c); /* as much as the socket takes */
/* Adds a line. False if that would be too much; nothing was added then. */
bool client_put(struct client_conn *c, const json_t *line);
void client_close_fds(struct client_conn *c); /* those that came with the line */

static inline bool
client_has_output(const struct client_conn *c)
{
	return c->out_sent < c->out_len;
}

/* client_stream.c */
void client_pump(struct client_conn *c); /* records of the journal, a bounded number */
void client_end_stream(struct client_conn *c);
/* Of every service, the streams that trace it. Services may have come and gone. */
void control_count_watchers(struct control *control);
/* The journal tells us of new records while there are streams. */
void control_listen_to_journal(struct control *control);
/* The rest of what is written now, and no more. */
void client_finish_stream(struct client_conn *c);

#endif
