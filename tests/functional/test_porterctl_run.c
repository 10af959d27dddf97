/* SPDX-License-Identifier: MIT */
/* porterctl run: the program of a service, with porterctl as its client; and metrics --http as such a program. */
#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/control.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

/* By a shell: "CTL" in the command is porterctl with its --control. */
static struct run_result
shell(struct daemon *d, const char *command)
{
	const char *const argv[] = { "/bin/bash", "-c",
		text_format("set -o pipefail; CTL() { %s --control %s \"$@\"; }; %s", PORTERCTL,
		    control_path(d), command),
		NULL };

	return run_command(argv);
}

static void
gives(struct daemon *d, const char *command, int status, const char *output)
{
	struct run_result r = shell(d, command);

	ck_assert_msg(strcmp(r.output, output) == 0 && r.status == status,
	    "%s: status %d, output: %s", command, r.status, r.output);
}

static struct daemon *
started(void)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "hold", "tcp", HOLD "\tinstances = 1\n");
	daemon_service(d, "show", "tcp", "\tserver = @PROGRAMS@/show\n\tenv = COLOR=blue\n");
	daemon_service(d, "cat", "tcp", "\tserver = /bin/cat\n");
	daemon_service(d, "none", "tcp", "\tserver = @DIR@/gone\n");
	daemon_entry(d, "local", "\tserver = /bin/cat\n\tlisten = unix:@DIR@/local\n");
	daemon_entry(
	    d, "shout", "\tserver = @DIR@/gone\n\tlisten = @ADDR@:3600\n\tdisable = yes\n");
	write_file(text_format("%s/gone", d->dir), 0755, "#!/bin/sh\n");
	daemon_start(d);
	return d;
}

START_TEST(what_goes_in_comes_out)
{
	struct daemon *d = started();

	gives(d, "printf 'one\\ntwo\\n' | CTL run hold", 0, "one\ntwo\n");
	gives(d, "CTL run hold </dev/null", 0, "");
	gives(d, "printf 'by a unix socket' | CTL run local", 0, "by a unix socket");
	/* More than all buffers hold, through a program that reads and writes at the same time. */
	const char *file = text_format("%s/data", d->dir);
	gives(d,
	    text_format("head -c 3000000 /dev/urandom >%s; CTL run cat <%s | cmp - %s; echo $?",
		file, file, file),
	    0, "0\n");
	/* Beside its clients and limits: one instance is taken by a client. */
	int fd = hold_open(d, "hold");
	gives(d, "echo beside | CTL run hold", 0, "beside\n");
	close(fd);
	expect_line(d, "START: hold *");
	daemon_stop(d);
}

END_TEST

START_TEST(the_plan_of_the_service)
{
	struct daemon *d = started();
	struct run_result r = shell(d, "CTL run show </dev/null");
	const char *shown = text_format("%s", r.output);

	ck_assert_int_eq(r.status, 0);
	ck_assert_str_eq(show_value(shown, "env SERVICE_ID"), "show");
	ck_assert_str_eq(show_value(shown, "env COLOR"), "blue");
	daemon_stop(d);
}

END_TEST

START_TEST(statuses)
{
	struct daemon *d = started();

	gives(d, "echo 'exit 7' | CTL run hold", 7, "");
	gives(d, "echo 'kill 9' | CTL run hold", 137, "");
	gives(d, "(echo 'error complaint'; echo 'exit 3') | CTL run hold 2>&1 >/dev/null", 3,
	    "complaint");
	gives(d, "(echo 'error complaint'; echo 'exit 3') | CTL run hold 2>/dev/null", 3,
	    "written\n");
	unlink(text_format("%s/gone", d->dir));
	struct run_result r = shell(d, "CTL run none </dev/null");
	ck_assert_int_eq(r.status, 1);
	ck_assert_str_eq(
	    r.output, "porterctl: the program was not started: exec: No such file or directory\n");
	ck_assert_int_eq(shell(d, "CTL run nobody").status, 1);
	daemon_stop(d);
}

END_TEST

START_TEST(as_json)
{
	struct daemon *d = started();
	struct run_result r = shell(d, "printf 'text\\n\\377\\0end\\n' | CTL run cat --json");
	char *rest = r.output, *line = strsep(&rest, "\n");
	json_t *j = json_loads(line, 0, NULL);

	ck_assert_int_eq(r.status, 0);
	ck_assert_int_gt(json_number_at(j, "pid"), 0);
	ck_assert_int_gt(json_number_at(j, "connection"), 0);
	json_decref(j);
	ck_assert_str_eq(rest, "{\"event\":\"output\",\"text\":\"text\\n\"}\n"
			       "{\"event\":\"output\",\"text\":\"\\\\xff\\\\x00end\\n\"}\n"
			       "{\"event\":\"ended\",\"status\":0}\n");
	daemon_stop(d);
}

END_TEST

/* porterctl run with pipes at its ends. */
static pid_t
begin(struct daemon *d, const char *id, int *in, int *out)
{
	int to[2], from[2];

	ck_assert_int_eq(pipe2(to, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(from, O_CLOEXEC), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		execl(PORTERCTL, PORTERCTL, "--control", control_path(d), "run", id, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	*in = to[1];
	*out = from[0];
	return pid;
}

static const int forwarded[] = { SIGINT, SIGTERM };

START_TEST(signals_are_for_the_program)
{
	struct daemon *d = started();
	int in, out;
	pid_t pid = begin(d, "hold", &in, &out);

	ck_assert_int_eq(write(in, "hello\n", 6), 6);
	ck_assert_str_eq(read_line(out), "hello");
	kill(pid, forwarded[_i]);
	ck_assert_str_eq(read_all(out), "");
	int status = wait_exit(pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 128 + forwarded[_i]);
	expect_line(d, "EXIT: hold signal=%d *", forwarded[_i]);
	close(in);
	close(out);
	daemon_stop(d);
}

END_TEST

START_TEST(reader_that_goes_away)
{
	struct daemon *d = started();
	int in, out;
	pid_t pid = begin(d, "hold", &in, &out);

	ck_assert_int_eq(write(in, "one\n", 4), 4);
	ck_assert_str_eq(read_line(out), "one");
	close(out);
	/* The next line cannot be handed on: the program sees its client leave. */
	ck_assert_int_eq(write(in, "two\n", 4), 4);
	expect_line(d, "EXIT: hold *");
	int status = wait_exit(pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 127);
	close(in);
	daemon_stop(d);
}

END_TEST

START_TEST(programs_that_accept_by_themselves)
{
	static const char *const commands[] = { "echo hello | CTL run stream",
		"echo hello | CTL run gram", "echo hello | CTL run local" };
	struct daemon *d = daemon_new();

	daemon_service(d, "stream", "tcp",
	    "\twait = yes\n\tserver = @PROGRAMS@/waiter\n\tserver_args = stream 1\n");
	daemon_service(d, "gram", "udp",
	    "\twait = yes\n\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 1\n");
	daemon_entry(d, "local",
	    "\tsocket_type = dgram\n\twait = yes\n\tlisten = unix:@DIR@/gram\n"
	    "\tserver = @PROGRAMS@/waiter\n\tserver_args = dgram 1\n");
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct run_result r = shell(d, commands[i]);
		int pid, len = 0;

		ck_assert_int_eq(r.status, 0);
		ck_assert_msg(
		    sscanf(r.output, "%d hello%n", &pid, &len) == 1 && len > 0, "%s", r.output);
	}
	daemon_stop(d);
}

END_TEST

/* What an HTTP client gets; request: for printf. */
static const char *
http(struct daemon *d, const char *request)
{
	struct run_result r = shell(d, text_format("printf '%s' | CTL metrics --http", request));

	ck_assert_msg(r.status == 0, "%d: %s", r.status, r.output);
	return text_format("%s", r.output);
}

static const struct {
	const char *request, *status, *type;
} requests[] = {
	{ "GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n", "200 OK", "text/plain; version=0.0.4" },
	{ "GET /metrics HTTP/1.0\\r\\n\\r\\n", "200 OK", "text/plain; version=0.0.4" },
	{ "GET /metrics?x=y HTTP/1.1\\r\\n\\r\\n", "200 OK", "text/plain; version=0.0.4" },
	{ "GET /metrics HTTP/1.1\\n\\n", "200 OK", "text/plain; version=0.0.4" },
	{ "GET /metrics HTTP/1.1\\r\\nACCEPT: text/plain;q=0.5, application/openmetrics-text; version=1.0.0\\r\\n\\r\\n",
	    "200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8" },
	{ "GET /other HTTP/1.1\\r\\n\\r\\n", "404 Not Found", "text/plain" },
	{ "GET /metrics/ HTTP/1.1\\r\\n\\r\\n", "404 Not Found", "text/plain" },
	{ "POST /metrics HTTP/1.1\\r\\n\\r\\n", "405 Method Not Allowed", "text/plain" },
	{ "get /metrics HTTP/1.1\\r\\n\\r\\n", "405 Method Not Allowed", "text/plain" },
	{ "GET /metrics HTTP/2\\r\\n\\r\\n", "400 Bad Request", "text/plain" },
	{ "GET /metrics\\r\\n\\r\\n", "400 Bad Request", "text/plain" },
	{ "GET\\r\\n\\r\\n", "400 Bad Request", "text/plain" },
	{ "\\r\\n\\r\\n", "400 Bad Request", "text/plain" },
	{ "GET / HTTP/1.1\\r\\nHost: \\0\\r\\n\\r\\n", "400 Bad Request", "text/plain" },
	{ "GET / HTTP/1.1\\r\\nHost: it ends here", "400 Bad Request", "text/plain" },
	{ "GET / HTTP/1.1\\r\\nLong: %09000d\\r\\n\\r\\n", "400 Bad Request", "text/plain" },
};

START_TEST(http_requests)
{
	struct daemon *d = started();
	const char *text = http(d, requests[_i].request), *body = strstr(text, "\r\n\r\n");
	unsigned long len;

	ck_assert_msg(strncmp(text, "HTTP/1.1 ", 9) == 0 &&
			  strncmp(text + 9, requests[_i].status, strlen(requests[_i].status)) == 0,
	    "%s", text);
	ck_assert_ptr_nonnull(strstr(text, text_format("\r\nContent-Type: %s", requests[_i].type)));
	ck_assert_ptr_nonnull(strstr(text, "\r\nConnection: close\r\n"));
	ck_assert_ptr_nonnull(body);
	ck_assert_int_eq(sscanf(strstr(text, "Content-Length: "), "Content-Length: %lu", &len), 1);
	ck_assert_uint_eq(strlen(body + 4), len);
	if (strstr(requests[_i].request, "openmetrics") != NULL)
		ck_assert_ptr_nonnull(strstr(body, "\n# EOF\n"));
	if (strncmp(requests[_i].status, "405", 3) == 0)
		ck_assert_ptr_nonnull(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
	daemon_stop(d);
}

END_TEST

START_TEST(http_in_special_cases)
{
	struct daemon *d = started();
	const char *text = http(d, "HEAD /metrics HTTP/1.1\\r\\n\\r\\n");

	ck_assert_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n");
	ck_assert_ptr_null(strstr(text, "Content-Length: 0\r\n"));
	/* Nobody asks: nothing is said. */
	ck_assert_str_eq(http(d, ""), "");
	daemon_stop(d);
	/* No daemon: the peer is told that much, whoever runs it why. */
	struct run_result r = shell(d, "printf 'GET / HTTP/1.1\\r\\n\\r\\n' | CTL metrics --http");
	ck_assert_int_eq(r.status, 3);
	ck_assert_ptr_nonnull(strstr(r.output, "HTTP/1.1 503 Service Unavailable\r\n"));
	ck_assert_ptr_nonnull(strstr(r.output, "porterctl: there is no socket "));
}

END_TEST

/* As a service: the page over a connection, by a process without rights. */
START_TEST(http_as_a_service)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "metrics", "tcp",
	    text_format(
		"\tserver = %s\n\tserver_args = --control @DIR@/run/control metrics --http\n",
		PORTERCTL));
	daemon_start(d);
	int fd = daemon_connect(d, "metrics");
	/* It waits for the request when it has nothing any more. */
	expect_line(d, "START: metrics pid=*");
	for (const char *uid = "";;) {
		json_t *j = control_ask(d, "{\"command\":\"connections\"}");
		pid_t pid = (pid_t)json_number_at(j, "connections.0.pid");

		json_decref(j);
		uid = process_status(pid, "Uid");
		if (!is_root() || strcmp(uid, "65534\t65534\t65534\t65534") == 0) {
			ck_assert_str_eq(
			    is_root() ? process_status(pid, "CapPrm") : "0000000000000000",
			    "0000000000000000");
			break;
		}
	}
	send_text(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n");
	send_text(fd, "Accept: application/openmetrics-text\r\n\r\n");
	const char *text = read_all(fd);
	ck_assert_int_eq(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
	ck_assert_ptr_nonnull(strstr(text, "porterd_service_accepted_total{service=\"metrics\""));
	close(fd);
	expect_line(d, "EXIT: metrics status=0 *");
	daemon_stop(d);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(what_goes_in_comes_out),
		TEST(the_plan_of_the_service),
		TEST(statuses),
		TEST(as_json),
		TEST_LOOP(signals_are_for_the_program, ARRAY_LEN(forwarded)),
		TEST(reader_that_goes_away),
		TEST(programs_that_accept_by_themselves),
		TEST_LOOP(http_requests, ARRAY_LEN(requests)),
		TEST(http_in_special_cases),
		TEST(http_as_a_service),
	};

	return run_functional("porterctl_run", tests, ARRAY_LEN(tests));
}
