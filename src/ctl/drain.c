/* SPDX-License-Identifier: MIT */
/* Switching a service off, and waiting for those that it serves. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/glyph.h"
#include "control/json_text.h"
#include "ctl/command_row.h"
#include "ctl/get.h"
#include "ctl/show.h"

/* Between two looks at what is still running. */
#define LOOK_MS      250
#define MOST_SECONDS INT64_C(31536000)

static volatile sig_atomic_t is_interrupted;

static void
note_interrupt(int signo)
{
	(void)signo;
	is_interrupted = 1;
}

static unsigned
count_running(const json_t *result)
{
	const json_t *service;
	unsigned running = 0;
	size_t i;

	json_array_foreach(json_object_get(result, "services"), i, service)
		running += (unsigned)get_number(service, "running");
	return running;
}

/* On a terminal in place of what it said before. */
static void
show_progress(struct call *c, unsigned running, unsigned before)
{
	if (c->is_json || running == before)
		return;
	if (c->screen.is_terminal)
		fputs("\r\033[K", stdout);
	glyph_put_text(c->args[0], stdout);
	printf(": %u running%s", running, c->screen.is_terminal ? "" : "\n");
	fflush(stdout);
}

static int
leave(struct call *c, int status, unsigned running, const char *why)
{
	if (c->screen.is_terminal && !c->is_json)
		putchar('\n');
	return call_fail(c, status, "waiting",
	    "%s: %u programs of %s still run; it stays off, porterctl enable serves again", why,
	    running, c->args[0]);
}

/* Until the next look, or the signal. */
static void
rest(int64_t left_ms)
{
	sigset_t none;
	struct timespec ts = { 0 };

	if (left_ms > LOOK_MS)
		left_ms = LOOK_MS;
	ts.tv_nsec = (left_ms > 0 ? (long)left_ms : 0) * 1000000;
	sigemptyset(&none);
	ppoll(NULL, 0, &ts, &none);
}

static int
finish(struct call *c, json_t *result)
{
	if (c->is_json)
		return call_json(c, result);
	if (c->screen.is_terminal)
		fputs("\r\033[K", stdout);
	glyph_put_text(c->args[0], stdout);
	puts(": drained");
	json_decref(result);
	return CTL_OK;
}

/* What still runs. A service that a reload has removed meanwhile is gone when its last program is. */
static int
look_again(struct call *c, json_t **result)
{
	struct call quiet = *c;
	json_t *request = link_request("services");
	int status;

	link_put_text(request, "service", c->args[0]);
	quiet.is_json = false;
	quiet.is_quiet = true;
	status = link_ask_all(&quiet, request, "services", result);
	c->link = quiet.link;
	if (status == CTL_OK)
		return CTL_OK;
	if (strcmp(quiet.code, "unknown-service") != 0)
		return call_fail(c, status, quiet.code,
		    "porterd answers no more; %s stays off while it runs", c->args[0]);
	*result =
	    json_pack("{s:[{s:o, s:i}]}", "services", "id", json_text(c->args[0]), "running", 0);
	return CTL_OK;
}

static int
await_programs(struct call *c, json_t *result, int64_t most_ms)
{
	int64_t end = clock_now_ms() + most_ms;
	unsigned running = count_running(result), before = ~0U;
	int status;

	while (running > 0) {
		json_decref(result);
		show_progress(c, running, before);
		before = running;
		rest(most_ms > 0 ? end - clock_now_ms() : LOOK_MS);
		if (is_interrupted)
			return leave(c, 128 + SIGINT, running, "interrupted");
		status = look_again(c, &result);
		if (status != CTL_OK)
			return status;
		running = count_running(result);
		if (running > 0 && most_ms > 0 && clock_now_ms() >= end) {
			json_decref(result);
			return leave(c, CTL_REFUSED, running, "the time is over");
		}
	}
	return finish(c, result);
}

int
ctl_drain(struct call *c)
{
	const struct sigaction action = { .sa_handler = note_interrupt };
	json_t *request, *result;
	int64_t seconds = 0;
	sigset_t interrupt;
	int status = call_number(c, CTL_OPTION_TIMEOUT, 1, MOST_SECONDS, &seconds);

	if (status != CTL_OK)
		return status;
	request = link_request("drain");
	link_put_text(request, "service", c->args[0]);
	status = link_ask(c, request, &result);
	if (status != CTL_OK)
		return status;
	/* Only from here on: before, there is nothing to say. Seen while it waits alone. */
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, NULL);
	sigaction(SIGINT, &action, NULL);
	return await_programs(c, result, seconds * 1000);
}
