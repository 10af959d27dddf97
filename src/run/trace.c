/* SPDX-License-Identifier: MIT */
#include "run/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/journal.h"
#include "run/pool.h"

/* Longer ones are cut. */
#define TEXT_SIZE 1024

void
trace_say(const struct service *s, uint64_t connection, const char *format, ...)
{
	char text[TEXT_SIZE];
	const struct journal_record r = {
		.kind = JOURNAL_TRACE,
		.level = LOG_LEVEL_DEBUG,
		.connection = connection,
		.service = s->conf->id,
		.text = text,
	};
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0)
		return;
	/* One decision is one line whatever its arguments hold. */
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	journal_add(&r);
}

const char *
trace_peer(const struct addr *peer)
{
	static char text[ADDR_TEXT_SIZE + 16];
	char host[ADDR_TEXT_SIZE];

	if (peer->len == 0)
		return "an unknown address";
	if (addr_family(peer) == AF_UNIX)
		return "unix";
	snprintf(text, sizeof(text), "%s port %u", addr_format(peer, host), addr_port(peer));
	return text;
}

const char *
trace_status(int status)
{
	static char text[32];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "status %d", WEXITSTATUS(status));
	return text;
}

static void
say_service_limit(const struct service *s, uint64_t connection, const char *outcome)
{
	unsigned running = service_connections(s), instances = s->conf->instances;

	if (!conf_has_pool(s->conf))
		trace_say(s, connection, "%s: %u of %u programs run (instances)", outcome, running,
		    instances);
	else if (running >= instances)
		trace_say(s, connection, "%s: %u of %u connections are served (instances)", outcome,
		    running, instances);
	else if (s->pool->is_closed)
		trace_say(s, connection, "%s: its workers are being ended", outcome);
	else
		trace_say(s, connection,
		    "%s: %u workers of at most %u are busy (pool_max), %u are leaving", outcome,
		    pool_busy(s->pool), s->pool->rule.max, s->pool->leaving_count);
}

static void
say_failing(const struct service *s, uint64_t connection, const char *outcome)
{
	int64_t left_ms = s->start_failures.until_ms - clock_now_ms();

	trace_say(s, connection,
	    "%s: its program could not be started, again and again; it is tried again in %lld ms",
	    outcome, (long long)(left_ms > 0 ? left_ms : 0));
}

void
trace_say_verdict(const struct service *s, uint64_t connection, const char *outcome, enum verdict v)
{
	switch (v) {
	case VERDICT_SERVICE_LIMIT:
		say_service_limit(s, connection, outcome);
		break;
	case VERDICT_PROCESS_LIMIT:
		trace_say(s, connection, "%s: %u of %u programs of all services run (max_servers)",
		    outcome, s->runtime->running, s->runtime->max_servers);
		break;
	case VERDICT_EXEC:
		say_failing(s, connection, outcome);
		break;
	case VERDICT_LATER:
		trace_say(s, connection, "%s: no worker is free, and %u of at most %u are there",
		    outcome, pool_workers(s->pool), s->pool->rule.max);
		break;
	default:
		trace_say(s, connection, "%s: %s", outcome, verdict_reason(v));
		break;
	}
}
