/* SPDX-License-Identifier: MIT */
/* Where log lines end: a file, the system log, or standard error. A sink that cannot be written never blocks and
 * never fails its caller: lines are counted as lost, and a line says so when it works again. */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stdbool.h>
#include <stdint.h>

enum sink_kind { SINK_NONE, SINK_FILE, SINK_SYSLOG, SINK_STDERR };

/* What the configuration says; strings are owned by it. */
struct sink_target {
	enum sink_kind kind;
	bool is_set;        /* the attribute was given; kind SINK_NONE then means silence */
	char *path;         /* SINK_FILE */
	int facility;       /* SINK_SYSLOG: LOG_DAEMON and the like of <syslog.h> */
	int level;          /* SINK_SYSLOG: LOG_INFO and the like */
	int64_t soft_bytes; /* SINK_FILE: one warning at this size; 0: no limit */
	int64_t hard_bytes; /* SINK_FILE: no more lines beyond this size; 0: no limit */
};

void sink_target_copy(struct sink_target *to, const struct sink_target *from);
void sink_target_done(struct sink_target *t);
bool sink_target_equal(const struct sink_target *a, const struct sink_target *b);

struct sink;

/* A sink for the target; never NULL. Sinks on one file or one syslog facility and level are shared and counted. */
struct sink *sink_open(const struct sink_target *target);
void sink_close(struct sink *s); /* NULL is allowed */
void sink_reopen_all(void);      /* after a rotation: files are opened anew, limits start over */
/* One line without its newline. stamp: what stands before it in files and on standard error ("" for
 * none). priority: for syslog, of <syslog.h>; -1: the level of the target. errno is preserved. The
 * program must ignore or block SIGPIPE, SIGXFSZ and SIGTTOU, which a write may raise. */
void sink_write(struct sink *s, const char *stamp, int priority, const char *line);
/* The same for a line that may be written later, with others of its file at once: before the next
 * one that comes by sink_write, when there are many, and by sink_flush_all at the latest. True if
 * it waits for that. */
bool sink_gather(struct sink *s, const char *stamp, int priority, const char *line);
void sink_flush_all(void);
uint64_t sink_lost_total(void); /* lines lost by all sinks since start */

/* For tests: another socket than /dev/log (borrowed), another monotonic clock. NULL: the usual. */
/* Gets what sinks have to say of themselves, one message without newline a call. */
typedef void sink_report_fn(const char *text);
void sink_set_reporter(sink_report_fn *fn); /* NULL: nobody */
void sink_set_syslog_path(const char *path);
void sink_set_clock(int64_t (*now_ms)(void));

#endif
