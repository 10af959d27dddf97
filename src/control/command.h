/* SPDX-License-Identifier: MIT */
/* What a control client can ask for: one row a command. */
#ifndef CONTROL_COMMAND_H
#define CONTROL_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client_conn;
struct daemon;

/* The version of the protocol; see porterd-control(7). */
#define CONTROL_PROTOCOL 1
/* Items of one answer at most; the rest comes with the next page. */
#define CONTROL_PAGE     256
/* Descriptors that may come with a request. */
#define CONTROL_FDS      2

enum role { ROLE_NONE, ROLE_LOOK, ROLE_ADMIN };

struct request {
	struct daemon *daemon;
	/* Who asks: for streams and later answers; NULL, for what is answered later: he has gone. */
	struct client_conn *client;
	const json_t *args; /* the request, an object; borrowed */
	int fds
	    [CONTROL_FDS]; /* that came with it, -1: none; what the command keeps it sets to -1 */
};

/* The result, a new reference, which becomes "result"; NULL after request_fail or request_fail_with; REQUEST_LATER if the
 * client gets its answer by client_answer or client_fail later. */
typedef json_t *command_fn(struct request *r);
extern json_t request_later;
#define REQUEST_LATER (&request_later)

struct command {
	const char *name;
	enum role role; /* the least that may ask */
	command_fn *fn;
	unsigned fds; /* descriptors that come with it */
	const char *args
	    [8]; /* names of its arguments beside command, id and protocol; "!name": it must be there */
	const char *text; /* one sentence */
};

extern const struct command commands[];
extern const size_t command_count;

/* Ends the request with an error; returns NULL for the command to return. code: of porterd-control(7). */
json_t *request_fail(struct request *r, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with more members of "error", e.g. "problems"; extra: an object, the reference is taken. */
json_t *request_fail_with(struct request *r, const char *code, json_t *extra, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

/* A string argument; NULL if it is not there (a wrong type was refused before by request_check). */
const char *request_text(const struct request *r, const char *name);

/* For commands that answer later; c may have gone meanwhile: clients are known by a number. */
uint64_t client_number(const struct client_conn *c);
struct client_conn *client_find(struct daemon *d, uint64_t number); /* NULL: it has gone */
void client_answer(struct client_conn *c, json_t *result);          /* takes the reference */
void client_fail(struct client_conn *c, const char *code, json_t *extra,
    const char *text); /* extra may be NULL */
void client_event(
    struct client_conn *c, json_t *event); /* takes the reference; "event" is set in it */
unsigned client_uid(const struct client_conn *c);

/* What a stream of the journal lets through. */
struct journal_filter {
	uint64_t from;       /* seq of the first record */
	bool follows;        /* goes on with what comes; else {"event":"end"} */
	unsigned kinds;      /* 1 << enum journal_kind */
	int level;           /* enum log_level: this and graver ones, of daemon messages */
	uint64_t connection; /* 0: all */
	char *service;       /* heap, taken over; NULL: all */
	char *match;         /* heap, taken over; NULL: all */
	bool is_trace;       /* the watchers of that service's id are counted while it runs */
};

struct journal_record;
/* Whether a record is for such a stream. */
bool control_passes(const struct journal_filter *f, const struct journal_record *r);
void client_stream(struct client_conn *c, const struct journal_filter *filter);
int control_level(const char *word); /* "error" … "debug": enum log_level; -1: no such word */
int control_kind(const char *word);  /* "daemon" …: enum journal_kind; -1: no such word */
void client_lower(struct client_conn *c); /* ROLE_LOOK at most from now on */
enum role client_role(const struct client_conn *c);

/* Services that "ID" or "ID@ADDRESS" names, gone ones left out; calls fn for each, and returns how many there are. */
struct service;
unsigned services_named(
    struct daemon *d, const char *selector, void (*fn)(struct service *s, void *arg), void *arg);

#endif
