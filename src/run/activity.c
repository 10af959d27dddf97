/* SPDX-License-Identifier: MIT */
#include "run/activity.h"

#include <porter/worker.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
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

/* What every line has is put together without a format: it is on the road of each connection. */
static void
put(struct line *l, const char *text)
{
	size_t len = strlen(text), room = sizeof(l->text) - 1 - l->len;

	if (len > room)
		len = room;
	memcpy(l->text + l->len, text, len);
	l->len += len;
	l->text[l->len] = '\0';
}

static void
put_number(struct line *l, const char *key, uint64_t n)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	put(l, key);
	put(l, at);
}

/* xinetd's stamp of log files: YY/M/D@HH:MM:SS, month and day without a leading zero. The same text for a whole second. */
static const char *
stamp(void)
{
	static char text[40];
	static time_t last = -1;
	time_t now = clock_wall();
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
emit(const struct service *s, const struct line *l)
{
	const struct sink_target *own = &s->conf->log_type;
	struct sink *sink = own->is_set ? s->sink : s->runtime->activity;
	const char *now = stamp();

	if (sink != NULL && sink != s->runtime->terminal)
		sink_write(sink, now, own->kind == SINK_SYSLOG ? own->level : LOG_INFO, l->text);
	if (s->runtime->terminal != NULL)
		sink_write(s->runtime->terminal, now, LOG_INFO, l->text);
}

static void
add_head(struct line *l, const char *event, const struct service *s)
{
	char id[256];

	put(l, event);
	put(l, ": ");
	put(l, quote_text(s->conf->id, id, sizeof(id)));
}

static void
add_from(struct line *l, const struct addr *peer)
{
	char host[ADDR_TEXT_SIZE];

	put(l, " from=");
	if (addr_family(peer) == AF_UNIX)
		put(l, "unix");
	else
		put(l, peer->len == 0 ? "<no address>" : addr_format(peer, host));
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
		put_number(&l, " pid=", (uint64_t)pid);
	if (flags & CONF_LOG_HOST)
		add_from(&l, peer);
	put_number(&l, " conn=", connection);
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

static void
add_result(struct line *l, const char *result)
{
	char quoted[2 * PORTER_RESULT_SIZE];

	put(l, " result=");
	put(l, quote_text(result, quoted, sizeof(quoted)));
}

void
activity_exit(const struct service *s, const struct activity_end *end)
{
	unsigned flags = s->conf->log_on_success;
	struct line l = { 0 };

	if (is_silent(s, flags & (CONF_LOG_EXIT | CONF_LOG_DURATION)))
		return;
	add_head(&l, "EXIT", s);
	if (flags & CONF_LOG_EXIT) {
		if (WIFSIGNALED(end->status))
			put_number(&l, " signal=", (unsigned)WTERMSIG(end->status));
		else
			put_number(&l, " status=", (unsigned)WEXITSTATUS(end->status));
	}
	if (flags & CONF_LOG_PID)
		put_number(&l, " pid=", (uint64_t)end->pid);
	if (flags & CONF_LOG_DURATION) {
		put_number(&l, " duration=", (uint64_t)(clock_now_ms() - end->since_ms) / 1000);
		put(&l, "(sec)");
	}
	if (end->usage != NULL)
		add_usage(&l, end->usage);
	if (end->result != NULL)
		add_result(&l, end->result);
	put_number(&l, " conn=", end->connection);
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
	put(&l, " ");
	put(&l, reason);
	if (flags & CONF_LOG_HOST)
		add_from(&l, peer);
	emit(s, &l);
}
