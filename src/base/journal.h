/* SPDX-License-Identifier: MIT */
/* The latest log lines, kept in memory for whoever looks at the running daemon: a ring in which the newest overwrite the
 * oldest. Readers have a place of their own and are told how many records they have missed; none of them can hold up a
 * writer. */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

enum journal_kind {
	JOURNAL_DAEMON,   /* a message of the daemon */
	JOURNAL_ACTIVITY, /* START, EXIT, FAIL */
	JOURNAL_TRACE,    /* a decision about a connection of a service that somebody watches */
};

struct journal_record {
	uint64_t seq;    /* set by journal_add; the first is 1 */
	int64_t wall_ms; /* milliseconds since 1970; 0: set by journal_add */
	enum journal_kind kind;
	enum log_level level;
	uint64_t connection; /* 0: of none */
	const char *service; /* id; NULL: of none */
	const char *text;    /* one line without newline */
};

/* Room for so many bytes of records, at least for the longest; before that, and with 0, nothing is kept. What was there is lost. */
void journal_open(size_t bytes);
void journal_close(void);
bool journal_is_open(void); /* otherwise there is no need to put a text together */
void journal_add(const struct journal_record *r); /* longer texts are cut at 4096 bytes */
uint64_t journal_next(void);                      /* seq of the next record to come */
/* The next record has this number, for readers who go on with the records of another process. What was there is lost. */
void journal_go_on(uint64_t seq);
/* The first record from *seq on; moves *seq behind it, and adds the number of those that were overwritten before they were
 * read to *lost. 0 stands for the oldest that is there: nothing is missed then. Its strings are valid until the next
 * journal_add. False: there is none yet. */
bool journal_read(uint64_t *seq, struct journal_record *out, uint64_t *lost);
/* Called after each record was added; must not add any. NULL: nobody. */
void journal_set_listener(void (*fn)(void *arg), void *arg);

#endif
