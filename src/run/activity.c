/* SPDX-License-Identifier: MIT */
#include "run/activity.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/quote.h"

struct line {
	char text[1024];
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) add(struct line *l, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, format, ap);
	va_end(ap);
	if (n > 0)
		l->len +=
		    (size_t)n < sizeof(l->text) - l->len ? (size_t)n : sizeof(l->text) - l->len - 1;
}

/* xinetd's stamp of log files: YY/M/D@HH:MM:SS, month and day without a leading zero. */
static const char *
stamp(char text[40])
{
	time_t now = clock_wall();
	struct tm tm;

	localtime_r(&now, &tm);
	snprintf(text, 40, "%02d/%d/%d@%02d:%02d:%02d: ", tm.tm_year % 100, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return text;
}

static void
emit(const struct service *s, const struct line *l)
{
	const struct sink_target *own = &s->conf->log_type;
	struct sink *sink = own->is_set ? s->sink : s->runtime->activity;
	char now[40];

	stamp(now);
	if (sink != NULL && sink != s->runtime->terminal)
		sink_write(sink, now, own->kind == SINK_SYSLOG ? own->level : LOG_INFO, l->text);
	if (s->runtime->terminal != NULL)
		sink_write(s->runtime->terminal, now, LOG_INFO, l->text);
}

static void
add_head(struct line *l, const char *event, const struct service *s)
{
	char id[256];

	add(l, "%s: %s", event, quote_text(s->conf->id, id, sizeof(id)));
}

static void
add_from(struct line *l, const struct addr *peer)
{
	char host[ADDR_TEXT_SIZE];

	if (addr_family(peer) == AF_UNIX)
		add(l, " from=unix");
	else
		add(l, " from=%s", peer->len == 0 ? "<no address>" : addr_format(peer, host));
}

static bool
is_silent(const struct service *s, unsigned flags)
{
	return flags == 0 || (s->conf->log_type.is_set && s->conf->log_type.kind == SINK_NONE);
}

void
activity_start(const struct service *s, pid_t pid, const struct addr *peer, uint64_t connection)
{
	unsigned flags = s->conf->log_on_success;
	struct line l = { 0 };

	if (is_silent(s, flags))
		return;
	add_head(&l, "START", s);
	if (flags & CONF_LOG_PID)
		add(&l, " pid=%d", (int)pid);
	if (flags & CONF_LOG_HOST)
		add_from(&l, peer);
	add(&l, " conn=%llu", (unsigned long long)connection);
	emit(s, &l);
}

static long
milliseconds(const struct timeval *tv)
{
	return (long)tv->tv_sec * 1000 + (long)tv->tv_usec / 1000;
}

/* A forked child begins with the daemon's own pages: a peak below them says nothing of the program. */
static void
add_usage(struct line *l, const struct rusage *usage)
{
	long cpu = milliseconds(&usage->ru_utime) + milliseconds(&usage->ru_stime);
	struct rusage own;

	add(l, " cpu=%ld.%03ld(sec)", cpu / 1000, cpu % 1000);
	if (getrusage(RUSAGE_SELF, &own) == 0 && usage->ru_maxrss > own.ru_maxrss)
		add(l, " rss=%ld(kB)", usage->ru_maxrss);
}

void
activity_exit(
    const struct service *s, const struct server *ended, int status, const struct rusage *usage)
{
	unsigned flags = s->conf->log_on_success;
	int64_t seconds = (clock_now_ms() - ended->started_ms) / 1000;
	struct line l = { 0 };

	if (is_silent(s, flags & (CONF_LOG_EXIT | CONF_LOG_DURATION)))
		return;
	add_head(&l, "EXIT", s);
	if (flags & CONF_LOG_EXIT) {
		if (WIFSIGNALED(status))
			add(&l, " signal=%d", WTERMSIG(status));
		else
			add(&l, " status=%d", WEXITSTATUS(status));
	}
	if (flags & CONF_LOG_PID)
		add(&l, " pid=%d", (int)ended->pid);
	if (flags & CONF_LOG_DURATION)
		add(&l, " duration=%lld(sec)", (long long)seconds);
	add_usage(&l, usage);
	add(&l, " conn=%llu", (unsigned long long)ended->connection);
	emit(s, &l);
}

void
activity_fail(const struct service *s, const char *reason, const struct addr *peer)
{
	unsigned flags = s->conf->log_on_failure;
	struct line l = { 0 };

	if (is_silent(s, flags))
		return;
	add_head(&l, "FAIL", s);
	add(&l, " %s", reason);
	if (flags & CONF_LOG_HOST)
		add_from(&l, peer);
	emit(s, &l);
}
