/* SPDX-License-Identifier: MIT */
#include "run/activity.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/mem.h"
#include "run/activity_format.h"

/* Where there are many lines they are written together, this often. */
#define LINES_APART_MS 5
/* So many writes may come at once before that. */
#define LINES_BURST    32

/* xinetd's stamp of log files: YY/M/D@HH:MM:SS, month and day without a leading zero. The same text for a whole second. */
static const char *
stamp(int64_t wall_ms)
{
	static char text[40];
	static time_t last = -1;
	const time_t now = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (now == last)
		return text;
	localtime_r(&now, &tm);
	snprintf(text, sizeof(text), "%02d/%d/%d@%02d:%02d:%02d: ", tm.tm_year % 100, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	last = now;
	return text;
}

static void
on_lines(struct loop_timer *t, int64_t now_ms)
{
	struct runtime *rt = t->arg;

	sink_flush_all();
	rt->lines_ms = (rt->lines_ms > now_ms ? rt->lines_ms : now_ms) + LINES_APART_MS;
}

/* A line is written at the end of this turn; after many of them soon, with those that come meanwhile. */
static void
gather(struct runtime *rt, struct sink *sink, const char *now, int priority, const char *line)
{
	if (!sink_gather(sink, now, priority, line) || loop_timer_runs(&rt->lines_timer))
		return;
	rt->lines_timer.fn = on_lines;
	rt->lines_timer.arg = rt;
	loop_timer_set(
	    rt->loop, &rt->lines_timer, rt->lines_ms - (int64_t)LINES_BURST * LINES_APART_MS);
}

/* Whoever looks at the running daemon sees all services in one form. */
static void
keep(const struct activity_event *e, enum conf_log_format format, struct line *l)
{
	struct journal_record r = {
		.wall_ms = e->wall_ms,
		.kind = JOURNAL_ACTIVITY,
		.level = e->kind == ACTIVITY_FAIL ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
		.connection = e->value[FIELD_CONN].number,
		.service = e->service,
	};

	if (!journal_is_open())
		return;
	if (format != CONF_FORMAT_XINETD) {
		l->len = 0;
		activity_format(l, CONF_FORMAT_XINETD, e);
	}
	r.text = l->text;
	journal_add(&r);
}

static void
emit(const struct service *s, struct activity_event *e)
{
	const struct sink_target *own = &s->conf->log_type;
	const enum conf_log_format format = s->conf->log_format;
	struct sink *sink = own->is_set ? s->sink : s->runtime->activity;
	char text[ACTIVITY_LINE_SIZE] UNINITIALIZED;
	struct line l = { .text = text, .size = sizeof(text) };
	const char *before = "";

	e->service = s->conf->id;
	e->wall_ms = clock_wall_ms();
	if (format == CONF_FORMAT_XINETD)
		before = stamp(e->wall_ms);
	activity_format(&l, format, e);
	if (sink != NULL && sink != s->runtime->terminal)
		gather(s->runtime, sink, before, own->kind == SINK_SYSLOG ? own->level : LOG_INFO,
		    text);
	if (s->runtime->terminal != NULL)
		gather(s->runtime, s->runtime->terminal, before, LOG_INFO, text);
	keep(e, format, &l);
}

static bool
is_silent(const struct service *s, unsigned flags)
{
	return flags == 0 || (s->conf->log_type.is_set && s->conf->log_type.kind == SINK_NONE);
}

static void
set_peer(struct activity_event *e, const struct addr *peer)
{
	e->peer = peer;
	e->fields |= 1u << FIELD_FROM;
}

void
activity_start(const struct service *s, pid_t pid, const struct addr *peer, uint64_t connection)
{
	unsigned flags = s->conf->log_on_success;
	struct activity_event e UNINITIALIZED;

	if (is_silent(s, flags))
		return;
	e.kind = ACTIVITY_START;
	e.fields = 0;
	if (flags & CONF_LOG_PID)
		activity_number(&e, FIELD_PID, (uint64_t)pid);
	if (flags & CONF_LOG_HOST)
		set_peer(&e, peer);
	activity_number(&e, FIELD_CONN, connection);
	emit(s, &e);
}

static uint64_t
milliseconds(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000 + (uint64_t)tv->tv_usec / 1000;
}

/* The kernel counts what goes to disks in blocks of this many bytes. */
#define BLOCK 512u

/* A forked child begins with the daemon's own pages: a peak below them says nothing of the program. The daemon's own peak never
 * falls: where the one that is known is not exceeded, it need not be asked for. */
static bool
is_larger(const struct rusage *usage)
{
	static long known;
	struct rusage own;

	if (usage->ru_maxrss <= known || getrusage(RUSAGE_SELF, &own) < 0)
		return false;
	known = own.ru_maxrss;
	return usage->ru_maxrss > known;
}

static void
set_usage(struct activity_event *e, const struct rusage *usage)
{
	activity_number(
	    e, FIELD_CPU, milliseconds(&usage->ru_utime) + milliseconds(&usage->ru_stime));
	if (is_larger(usage))
		activity_number(e, FIELD_RSS, (uint64_t)usage->ru_maxrss);
	if (usage->ru_inblock > 0)
		activity_number(e, FIELD_READ, (uint64_t)usage->ru_inblock * BLOCK);
	if (usage->ru_oublock > 0)
		activity_number(e, FIELD_WRITTEN, (uint64_t)usage->ru_oublock * BLOCK);
}

static void
set_status(struct activity_event *e, int status)
{
	if (WIFSIGNALED(status))
		activity_number(e, FIELD_SIGNAL, (unsigned)WTERMSIG(status));
	else
		activity_number(e, FIELD_STATUS, (unsigned)WEXITSTATUS(status));
}

/* A line of its own, for those who know it from xinetd; the others find the bytes in that of the end. */
static void
say_traffic(const struct service *s, const struct activity_end *end)
{
	struct activity_event e UNINITIALIZED;

	e.kind = ACTIVITY_TRAFFIC;
	e.fields = 0;
	activity_number(&e, FIELD_TRAFFIC_IN, end->traffic->in);
	activity_number(&e, FIELD_TRAFFIC_OUT, end->traffic->out);
	activity_number(&e, FIELD_CONN, end->connection);
	emit(s, &e);
}

void
activity_exit(const struct service *s, const struct activity_end *end)
{
	unsigned flags = s->conf->log_on_success;
	unsigned traffic = end->traffic != NULL ? CONF_LOG_TRAFFIC : 0;
	struct activity_event e UNINITIALIZED;

	if (is_silent(s, flags & (CONF_LOG_EXIT | CONF_LOG_DURATION | traffic)))
		return;
	if ((flags & traffic) != 0 && s->conf->log_format == CONF_FORMAT_XINETD)
		say_traffic(s, end);
	e.kind = ACTIVITY_EXIT;
	e.fields = 0;
	if (flags & CONF_LOG_EXIT)
		set_status(&e, end->status);
	if (flags & CONF_LOG_PID)
		activity_number(&e, FIELD_PID, (uint64_t)end->pid);
	if (flags & CONF_LOG_DURATION)
		activity_number(&e, FIELD_DURATION, (uint64_t)end->duration_us / 1000);
	if (end->usage != NULL)
		set_usage(&e, end->usage);
	if (flags & traffic) {
		activity_number(&e, FIELD_BYTES_IN, end->traffic->in);
		activity_number(&e, FIELD_BYTES_OUT, end->traffic->out);
	}
	if (end->result != NULL)
		activity_text(&e, FIELD_RESULT, end->result);
	activity_number(&e, FIELD_CONN, end->connection);
	emit(s, &e);
}

void
activity_fail(
    const struct service *s, const char *reason, const struct addr *peer, uint64_t connection)
{
	unsigned flags = s->conf->log_on_failure;
	struct activity_event e UNINITIALIZED;

	if (is_silent(s, flags))
		return;
	e.kind = ACTIVITY_FAIL;
	e.fields = 0;
	activity_text(&e, FIELD_REASON, reason);
	if (flags & CONF_LOG_HOST)
		set_peer(&e, peer);
	activity_number(&e, FIELD_CONN, connection);
	emit(s, &e);
}
