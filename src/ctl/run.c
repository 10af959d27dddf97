/* SPDX-License-Identifier: MIT */
/* The program of a service, started by the daemon as ever, with this process as its client. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "control/json_text.h"
#include "ctl/command_row.h"
#include "ctl/get.h"
#include "ctl/run_ends.h"

/* No datagram is longer. */
#define BLOCK_BYTES 65536

struct session {
	struct call *call;
	struct run_ends ends;
	long long pid;
	bool input_ended, output_ended, program_ended;
	int status;  /* when it has */
	char *input; /* what the program has not taken yet */
	size_t input_len, input_at;
	char *line; /* with --json: output that is no whole line yet */
	size_t line_len;
};

static volatile sig_atomic_t caught;

static void
note_signal(int signo)
{
	caught = signo;
}

/* Signals are seen while it waits alone; mask: as it was before. */
static void
catch_signals(sigset_t *mask)
{
	const struct sigaction action = { .sa_handler = note_signal };
	sigset_t both;

	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	sigprocmask(SIG_BLOCK, &both, mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* The program may end without having read all. */
	signal(SIGPIPE, SIG_IGN);
}

/* To the program, over a connection of its own: a request on ours would end its events. */
static void
forward_signal(struct session *s)
{
	struct call other = *s->call;
	json_t *request = link_request("kill"), *result;

	link_init(&other.link);
	other.is_json = false;
	json_object_set_new(request, "pid", json_integer(s->pid));
	json_object_set_new(request, "signal", json_integer(caught));
	caught = 0;
	if (link_ask(&other, request, &result) == CTL_OK)
		json_decref(result);
	link_close(&other.link);
}

/* One line of output as an event; NULs, which JSON strings here do not hold, as \x00. */
static void
flush_line(struct session *s)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	if (s->line_len == 0 || (out = open_memstream(&text, &len)) == NULL)
		return;
	for (size_t i = 0; i < s->line_len; i++)
		if (s->line[i] != '\0')
			fputc(s->line[i], out);
		else
			fputs("\\x00", out);
	fclose(out);
	call_json(s->call, json_pack("{s:s, s:o}", "event", "output", "text", json_text(text)));
	free(text);
	s->line_len = 0;
}

static void
put_output(struct session *s, const char *text, size_t len)
{
	if (!s->call->is_json) {
		/* Who reads our output has gone: so do we, as a client. */
		if (fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0)
			shutdown(s->ends.ours, SHUT_RDWR);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		s->line[s->line_len++] = text[i];
		if (text[i] == '\n' || s->line_len == BLOCK_BYTES)
			flush_line(s);
	}
}

/* What others who hold the connection may say after the program's end is not waited for. */
static void
take_output(struct session *s)
{
	static char block[BLOCK_BYTES];
	ssize_t n = recv(s->ends.ours, block, sizeof(block), MSG_DONTWAIT);
	bool is_empty = n < 0 && (errno == EAGAIN || errno == EINTR);

	if (n > 0)
		put_output(s, block, (size_t)n);
	else if (is_empty ? s->program_ended : n < 0 || !s->ends.is_datagram)
		s->output_ended = true;
}

static void
take_input(struct session *s)
{
	ssize_t n = read(STDIN_FILENO, s->input, BLOCK_BYTES);

	s->input_at = 0;
	s->input_len = n > 0 ? (size_t)n : 0;
	if (n > 0 || (n < 0 && errno == EINTR))
		return;
	s->input_ended = true;
	if (!s->ends.is_datagram)
		shutdown(s->ends.ours, SHUT_WR);
}

static void
give_input(struct session *s)
{
	ssize_t n = send(s->ends.ours, s->input + s->input_at, s->input_len - s->input_at,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && !s->ends.is_datagram)
		s->input_ended = true; /* nobody reads any more */
	s->input_at += n < 0 ? s->input_len - s->input_at : (size_t)n;
}

static int
take_event(struct session *s, json_t *event)
{
	const char *name = get_text(event, "event");

	if (strcmp(name, "failed") == 0)
		return call_fail(s->call, CTL_REFUSED, "failed",
		    "the program was not started: %s: %s", get_text(event, "step"),
		    get_text(event, "error"));
	if (strcmp(name, "ended") != 0)
		return CTL_OK;
	s->program_ended = true;
	s->status = get_has(event, "signal") ? 128 + (int)get_number(event, "signal")
					     : (int)get_number(event, "status");
	while (s->ends.ours >= 0 && !s->output_ended)
		take_output(s);
	flush_line(s);
	if (s->call->is_json)
		call_json(s->call, json_incref(event));
	return CTL_OK;
}

/* All events that have come. */
static int
take_events(struct session *s)
{
	json_t *event;
	bool is_closed;
	int status;

	do {
		status = link_poll(s->call, &event, &is_closed);
		if (status == CTL_OK && event != NULL) {
			status = take_event(s, event);
			json_decref(event);
		} else if (status == CTL_OK && is_closed)
			return call_fail(s->call, CTL_REFUSED, "gone",
			    "porterd has ended; the program may still run");
	} while (status == CTL_OK && event != NULL && !s->program_ended);
	return status;
}

enum { POLL_EVENTS, POLL_CONNECTION, POLL_INPUT, POLL_COUNT };

/* Input is read when the program has taken what was read before. */
static void
prepare_poll(const struct session *s, struct pollfd p[POLL_COUNT])
{
	bool has_input = s->input_at < s->input_len;
	bool reads = s->ends.ours >= 0 && !s->input_ended && !has_input;
	int events = (s->output_ended ? 0 : POLLIN) | (has_input ? POLLOUT : 0);

	p[POLL_EVENTS] = (struct pollfd){ .fd = s->call->link.fd, .events = POLLIN };
	p[POLL_CONNECTION] =
	    (struct pollfd){ .fd = events != 0 ? s->ends.ours : -1, .events = (short)events };
	p[POLL_INPUT] = (struct pollfd){ .fd = reads ? STDIN_FILENO : -1, .events = POLLIN };
}

static void
serve_connection(struct session *s)
{
	if (!s->output_ended)
		take_output(s);
	if (s->input_at < s->input_len)
		give_input(s);
}

static int
relay(struct session *s, const sigset_t *mask)
{
	int status = take_events(s);

	while (status == CTL_OK && !s->program_ended) {
		struct pollfd p[POLL_COUNT];

		prepare_poll(s, p);
		if (ppoll(p, POLL_COUNT, NULL, mask) < 0) {
			if (caught != 0)
				forward_signal(s);
			continue;
		}
		if (p[POLL_CONNECTION].revents != 0)
			serve_connection(s);
		if (p[POLL_INPUT].revents != 0)
			take_input(s);
		if (p[POLL_EVENTS].revents != 0)
			status = take_events(s);
	}
	return status != CTL_OK ? status : s->status;
}

/* The descriptors that the program gets: [0] for its standard input and output, [1] for its standard error. */
static int
start(struct session *s, int connection, int error)
{
	struct call *c = s->call;
	json_t *request = link_request("run"), *result;
	int status;

	link_put_text(request, "service", c->args[0]);
	c->link.fds[0] = connection;
	c->link.fds[1] = error;
	status = link_ask(c, request, &result);
	if (status != CTL_OK)
		return status;
	s->pid = get_number(result, "pid");
	if (c->is_json)
		return call_json(c, result);
	json_decref(result);
	return CTL_OK;
}

static int
run_on_terminal(struct session *s, const sigset_t *mask)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC), status;
	struct termios before;
	bool is_known;

	if (fd < 0)
		return call_fail(s->call, CTL_REFUSED, "failed", "there is no terminal here");
	is_known = tcgetattr(fd, &before) == 0;
	status = start(s, fd, fd);
	if (status == CTL_OK)
		status = relay(s, mask);
	if (is_known)
		tcsetattr(fd, TCSADRAIN, &before);
	close(fd);
	return status;
}

static int
run_as_client(struct session *s, const sigset_t *mask)
{
	json_t *request = link_request("show"), *result;
	int status, r;

	link_put_text(request, "service", s->call->args[0]);
	status = link_ask(s->call, request, &result);
	if (status != CTL_OK)
		return status;
	r = run_ends_open(&s->ends, json_array_get(json_object_get(result, "services"), 0));
	json_decref(result);
	if (r < 0)
		return call_fail(s->call, CTL_REFUSED, "failed",
		    "no connection can be made here: %s", strerror(-r));
	status = start(s, s->ends.theirs, STDERR_FILENO);
	close(s->ends.theirs);
	s->ends.theirs = -1;
	if (status == CTL_OK)
		status = relay(s, mask);
	run_ends_close(&s->ends);
	return status;
}

int
ctl_run(struct call *c)
{
	struct session s = { .call = c,
		.ends = { .ours = -1, .theirs = -1 },
		.input = mem_alloc(BLOCK_BYTES),
		.line = mem_alloc(BLOCK_BYTES) };
	sigset_t mask;
	int status;

	catch_signals(&mask);
	status = call_has(c, CTL_OPTION_TERMINAL) ? run_on_terminal(&s, &mask)
						  : run_as_client(&s, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	free(s.input);
	free(s.line);
	return status;
}
