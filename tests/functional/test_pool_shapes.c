/* SPDX-License-Identifier: MIT */
/* Connections handed to processes that are there already: the kinds of them, and what each gets and gives. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "functional/daemon.h"
#include "functional/pool.h"

#define HOLD         "\tserver = @PROGRAMS@/hold\n"
#define SHOW         "\tserver = @PROGRAMS@/show\n"
#define WORKER(args) "\tserver = @PROGRAMS@/worker\n\tserver_args = " args "\n"
#define PLAIN        "\tpool_protocol = plain\n"
#define STREAM       "\tpool_channel = stream\n"
/* One worker, for whom clients wait. */
#define ONE          "\tpool = static\n\tpool_max = 1\n\ton_limit = queue\n"
#define INTERNAL     "\ttype = INTERNAL UNLISTED\n\tuser = @USER@\n"

/* Kinds of workers that are to behave alike: the first one is what the others are compared with. */
static const struct {
	const char *name, *attributes;
} shapes[] = {
	{ "in-process", INTERNAL ONE },
	{ "program", WORKER("porter") ONE },
	{ "program that says nothing when it takes", WORKER("untaken") ONE },
	{ "program that looks before it takes", WORKER("looks") ONE },
	{ "plain", WORKER("plain") ONE PLAIN },
	{ "plain over a stream", WORKER("plain") ONE PLAIN STREAM },
};

/* ---- every kind is alike ---- */

/* Bytes of every value come back as they are. */
static void
echo_bytes(int fd, size_t size)
{
	unsigned char sent[8192], got[8192];

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (unsigned char)(i * 7 + i / 256);
	for (size_t done = 0; done < size; done += sizeof(sent)) {
		ck_assert_int_eq(send(fd, sent, sizeof(sent), MSG_NOSIGNAL), sizeof(sent));
		ck_assert_uint_eq(read_bytes(fd, got, sizeof(got)), sizeof(got));
		ck_assert_mem_eq(sent, got, sizeof(sent));
	}
}

static pid_t
logged_pid(const char *line)
{
	const char *at = line != NULL ? strstr(line, " pid=") : NULL;

	return at != NULL ? (pid_t)atoi(at + 5) : -1;
}

/* What the processes hold open, by kind: "socket pipe pipe socket". */
static const char *
open_kinds(pid_t pid)
{
	char path[64], target[256], list[1024] = "";

	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		target[strcspn(target, ":")] = '\0';
		ck_assert_uint_lt(strlen(list) + strlen(target) + 10, sizeof(list));
		sprintf(list + strlen(list), "%d %s, ", fd, target);
	}
	return text_format("%s", list);
}

/* Until the process, which may have been forked just now, holds open what it is to. */
static void
expect_kinds(struct daemon *d, pid_t pid, const char *kinds)
{
	int64_t deadline = deadline_after();

	while (strcmp(open_kinds(pid), kinds) != 0) {
		if (now_ms() > deadline)
			daemon_fail(d, "%s instead of %s", open_kinds(pid), kinds);
		state_dump(d);
	}
}

/* The activity lines without what differs from run to run: times, and pids by their order. */
static const char *
activity_of(struct daemon *d)
{
	char out[8192] = "", line[1024];
	pid_t pids[32];
	size_t count = 0;

	for (const char *at = d->log; *at != '\0'; at += strcspn(at, "\n") + 1) {
		size_t which = 0;

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		const char *start = strstr(line, "START:"), *end = strstr(line, "EXIT:");
		if (start == NULL && end == NULL)
			continue;
		pid_t pid = logged_pid(line);
		while (which < count && pids[which] != pid)
			which++;
		if (which == count && count < ARRAY_LEN(pids))
			pids[count++] = pid;
		const char *event = start != NULL ? start : end, *conn = strstr(line, " conn=");
		ck_assert_uint_lt(strlen(out) + 200, sizeof(out));
		sprintf(out + strlen(out), "%.*s worker %zu%s\n",
		    (int)(strstr(event, " pid=") - event), event, which, conn);
	}
	return text_format("%s", out);
}

/* Serves several clients in all sorts of ways, and says what was seen. */
static const char *
transcript(const char *attributes)
{
	struct daemon *d = daemon_new();
	char seen[12000];
	size_t len;

	daemon_service(d, "echo", "tcp", attributes);
	daemon_start(d);
	int fd = daemon_connect(d, "echo");
	echo_bytes(fd, 200000);
	close(fd);
	expect_lines(d, 1, "EXIT: echo");
	fd = daemon_connect(d, "echo");
	expect_echo(fd, "hello");
	reset_connection(fd);
	expect_lines(d, 2, "EXIT: echo");
	fd = daemon_connect(d, "echo");
	send_text(fd, "the last words");
	half_close(fd);
	len = (size_t)snprintf(seen, sizeof(seen), "after half a close: %s\n", read_all(fd));
	close(fd);
	expect_lines(d, 3, "EXIT: echo");
	fd = daemon_connect(d, "echo");
	expect_echo(fd, "whom");
	pid_t pid = logged_pid(expect_line(d, "START: echo *conn=4"));
	len += (size_t)snprintf(seen + len, sizeof(seen) - len, "open: %s\n", open_kinds(pid));
	kill(pid, SIGKILL);
	expect_closed(fd);
	close(fd);
	expect_lines(d, 4, "EXIT: echo");
	fd = daemon_connect(d, "echo");
	expect_echo(fd, "again");
	close(fd);
	expect_lines(d, 5, "EXIT: echo");
	expect_accounts(d, "echo");
	daemon_stop(d);
	snprintf(seen + len, sizeof(seen) - len, "%s", activity_of(d));
	return text_format("%s", seen);
}

START_TEST(every_kind_of_worker_does_the_same)
{
	const char *expected = transcript(shapes[0].attributes);
	const char *got = transcript(shapes[_i + 1].attributes);

	ck_assert_msg(strcmp(got, expected) == 0, "%s:\n%s\ninstead of:\n%s", shapes[_i + 1].name,
	    got, expected);
	/* One process for all clients until it was killed, and then another. */
	ck_assert_ptr_nonnull(strstr(got, "START: echo worker 0 conn=4\n"));
	ck_assert_ptr_nonnull(strstr(got, "EXIT: echo signal=9 worker 0 conn=4\n"));
	ck_assert_ptr_nonnull(strstr(got, "START: echo worker 1 conn=5\n"));
	ck_assert_ptr_nonnull(strstr(got, "open: 0 socket, 1 pipe, 2 pipe, 3 socket, \n"));
}

END_TEST

/* ---- in-process workers ---- */

/* What the builtin service answers to a line. Of times the length. */
static const char *
builtin_answer(struct daemon *d, const char *id)
{
	int fd = daemon_connect(d, id);
	char text[74 * 40 + 1] = "";
	size_t len;

	if (strcmp(id, "daytime") == 0 || strcmp(id, "time") == 0) {
		len = read_bytes(fd, text, sizeof(text));
		close(fd);
		return text_format("%zu bytes", len);
	}
	send_text(fd, "hello 42\n");
	/* chargen does not end by itself. */
	if (strcmp(id, "chargen") != 0)
		half_close(fd);
	len = read_bytes(fd, text, sizeof(text) - 1);
	close(fd);
	return text_format("%.*s", (int)len, text);
}

static const char *const builtins[] = { "echo", "discard", "chargen", "daytime", "time" };

START_TEST(every_builtin_runs_in_workers)
{
	struct daemon *forked = daemon_new(), *pooled = daemon_new();
	const char *id = builtins[_i];
	pid_t first = 0;

	daemon_service(forked, id, "tcp", INTERNAL);
	daemon_start(forked);
	const char *expected = builtin_answer(forked, id);
	daemon_stop(forked);
	daemon_service(pooled, id, "tcp", INTERNAL ONE);
	daemon_start(pooled);
	for (unsigned i = 1; i <= 5; i++) {
		ck_assert_str_eq(builtin_answer(pooled, id), expected);
		pid_t pid = logged_pid(expect_line(pooled, "START: %s *conn=%u", id, i));
		ck_assert(pid > 0 && (i == 1 || pid == first));
		first = pid;
		expect_lines(pooled, i, "EXIT: *status=0");
	}
	daemon_stop(pooled);
}

END_TEST

/* ---- worker programs ---- */

START_TEST(one_program_serves_one_client_after_the_other)
{
	struct daemon *d = daemon_new();
	pid_t first, pid;

	daemon_service(d, "x", "tcp", WORKER("porter") "\tpool = static\n\tpool_max = 1\n");
	daemon_start(d);
	for (unsigned i = 1; i <= 5; i++) {
		int fd = worker_open(d, "x", &pid);

		if (i == 1)
			first = pid;
		ck_assert_int_eq(pid, first);
		ck_assert_str_eq(ask(fd, "served"), text_format("%u", i));
		expect_line(d, "START: x pid=%d from=127.0.0.1 conn=%u", (int)pid, i);
		close(fd);
		expect_line(d, "EXIT: x status=0 pid=%d duration=0(sec)* conn=%u", (int)pid, i);
	}
	expect_number(d, "x", "served", 5);
	ck_assert_int_eq(pool_number(d, "x", "started"), 1);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

START_TEST(clients_at_the_same_time_have_workers_of_their_own)
{
	struct daemon *d = daemon_new();
	pid_t pids[4];
	int fds[4];

	daemon_service(d, "x", "tcp", WORKER("porter") "\tpool = static\n\tpool_max = 4\n");
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = worker_open(d, "x", &pids[i]);
		for (size_t k = 0; k < i; k++)
			ck_assert_int_ne(pids[i], pids[k]);
	}
	expect_workers(d, "x", 4, 0);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		ck_assert_str_eq(ask(fds[i], "pid"), text_format("%d", (int)pids[i]));
		close(fds[i]);
	}
	expect_workers(d, "x", 4, 4);
	daemon_stop(d);
}

END_TEST

/* What it needs is in the caches, and the others may end. */
START_TEST(worker_that_served_last_is_asked_first)
{
	struct daemon *d = daemon_new();
	pid_t first, pid;

	daemon_service(d, "x", "tcp", WORKER("porter") "\tpool = static\n\tpool_max = 4\n");
	daemon_start(d);
	for (unsigned i = 1; i <= 8; i++) {
		int fd = worker_open(d, "x", &pid);

		if (i == 1)
			first = pid;
		ck_assert_int_eq(pid, first);
		close(fd);
		expect_lines(d, i, "EXIT: x status=0");
	}
	daemon_stop(d);
}

END_TEST

START_TEST(state_dump_shows_each_worker)
{
	struct daemon *d = daemon_new();
	pid_t pid, pids[WORKERS_MAX];
	int channel, served, age;

	daemon_inject(d);
	daemon_service(d, "x", "tcp", WORKER("porter") "\tpool = static\n\tpool_max = 2\n");
	daemon_start(d);
	for (unsigned i = 1; i <= 3; i++) {
		int fd = worker_open(d, "x", &pid);

		close(fd);
		expect_lines(d, i, "EXIT: x status=0");
	}
	int fd = worker_open(d, "x", &pid);
	pass_time(d, 100);
	ck_assert_uint_eq(worker_pids(d, "x", "idle", pids), 1);
	const char *dump = state_dump(d);
	const char *busy = strstr(dump, text_format("\tworker pid=%d ", (int)pid));
	const char *idle = strstr(dump, text_format("\tworker pid=%d ", (int)pids[0]));
	ck_assert_msg(busy != NULL && idle != NULL, "%s", dump);
	ck_assert_int_eq(
	    sscanf(strchr(busy, ' '), " pid=%*d channel=%d state=busy served=%d age=%d(sec)",
		&channel, &served, &age),
	    3);
	/* It has had three clients, and has the fourth. */
	ck_assert(channel >= 64 && served == 3 && age >= 100 && age < 200);
	ck_assert_int_eq(
	    sscanf(strchr(idle, ' '), " pid=%*d channel=%d state=idle served=%d age=%d(sec)",
		&channel, &served, &age),
	    3);
	ck_assert(channel >= 64 && served == 0 && age >= 100 && age < 200);
	ck_assert_ptr_nonnull(strstr(busy, " from=127.0.0.1 conn=4"));
	close(fd);
	daemon_stop(d);
}

END_TEST

/* family/host/port of a socket's own or other end, as workers show addresses */
static const char *
socket_address(int fd, bool is_peer)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char host[64];
	int r = is_peer ? getpeername(fd, (struct sockaddr *)&ss, &len)
			: getsockname(fd, (struct sockaddr *)&ss, &len);

	ck_assert_int_eq(r, 0);
	if (ss.ss_family == AF_UNIX)
		return text_format("%d/-/0", AF_UNIX);
	snprintf(host, sizeof(host), "%s", ss.ss_family == AF_INET ? "127.0.0.1" : "::1");
	return text_format("%d/%s/%u", ss.ss_family, host, bound_port(fd));
}

static const char *
remote_address(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&ss, &len), 0);
	if (ss.ss_family == AF_UNIX)
		return text_format("%d/-/0", AF_UNIX);
	/* The port is at the same place in both families. */
	unsigned port = (unsigned)((unsigned char *)&ss)[2] << 8 | ((unsigned char *)&ss)[3];
	return text_format(
	    "%d/%s/%u", ss.ss_family, ss.ss_family == AF_INET ? "127.0.0.1" : "::1", port);
}

START_TEST(workers_are_told_who_the_client_is)
{
	struct daemon *d = daemon_new();
	int fds[3];
	size_t count = 0;

	daemon_service(d, "four", "tcp", WORKER("porter") ONE);
	if (has_ipv6())
		daemon_service(d, "six", "tcp6", WORKER("porter") ONE);
	daemon_entry(
	    d, "local", WORKER("porter") ONE "\tlisten = unix:@DIR@/sock\n\tid = another\n");
	daemon_start(d);
	static const char *const ids[] = { "four", "six", "another" };
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		if (i == 1 && !has_ipv6())
			continue;
		int fd = i == 2 ? connect_unix(text_format("%s/sock", d->dir))
				: daemon_connect(d, ids[i]);
		/* Numbers are given in the order in which clients are accepted. */
		ck_assert_str_eq(ask(fd, "header"),
		    text_format(
			"version=1 type=1 conn=%zu peer=%s local=%s id=%s flags=1 whole=yes",
			count + 1, socket_address(fd, false), remote_address(fd), ids[i]));
		fds[count++] = fd;
	}
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	daemon_stop(d);
}

END_TEST

START_TEST(status_and_result_of_a_connection_are_logged)
{
	struct daemon *d = daemon_new();
	char long_text[300];

	memset(long_text, 'r', sizeof(long_text));
	long_text[256] = '\0';
	daemon_service(d, "x", "tcp", WORKER("porter") ONE);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	ask(fd, "status 7");
	ask(fd, "result two words, \"quoted\" and \x1b[31m red");
	close(fd);
	const char *line = expect_line(d, "EXIT: x status=7 pid=* result=*two words,* conn=1");
	ck_assert_ptr_null(strchr(line, '\x1b'));
	fd = daemon_connect(d, "x");
	ask(fd, "result %s", long_text);
	close(fd);
	expect_line(d, "EXIT: x status=0 pid=* result=*%s* conn=2", long_text);
	fd = daemon_connect(d, "x");
	expect_echo(fd, "none");
	close(fd);
	ck_assert_ptr_null(strstr(expect_line(d, "EXIT: x status=0 pid=* conn=3"), "result"));
	ck_assert_int_eq(pool_number(d, "x", "stray"), 0);
	daemon_stop(d);
}

END_TEST

START_TEST(what_workers_write_goes_to_the_log)
{
	struct daemon *d = daemon_new();

	/* stderr = socket is the default, and a worker's channel is not the place for text. */
	daemon_service(d, "x", "tcp", WORKER("porter") ONE);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	ask(fd, "say 1 to standard output");
	ask(fd, "say 2 to standard error");
	expect_line(d, "event=stderr service=x *text=*to standard output");
	expect_line(d, "event=stderr service=x *text=*to standard error");
	expect_echo(fd, "undisturbed");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(workers_get_what_the_service_says_and_nothing_of_a_client)
{
	struct daemon *d = daemon_new();

	daemon_setenv(d, "SECRET=1");
	daemon_service(d, "x", "tcp",
	    WORKER("porter") ONE "\tenv = MINE=2\n\tumask = 027\n\tnice = 2\n\trlimit_files = 50\n"
				 "\tdirectory = @DIR@\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	send_text(fd, "show\n");
	half_close(fd);
	const char *shown = read_all(fd);
	static const char *const absent[] = { "SECRET", "REMOTE_HOST", "REMOTE_ADDR", "REMOTE_PORT",
		"TCPREMOTEIP", "TCPREMOTEPORT", "CONNECTION_ID", "LISTEN_FDS", "LISTEN_PID",
		"LISTEN_FDNAMES", "NOTIFY_SOCKET" };
	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		ck_assert_msg(
		    show_value(shown, text_format("env %s", absent[i])) == NULL, "%s", absent[i]);
	ck_assert_str_eq(show_value(shown, "env MINE"), "2");
	ck_assert_str_eq(show_value(shown, "env SERVICE_ID"), "x");
	ck_assert_str_eq(show_value(shown, "env PROTO"), "TCP");
	ck_assert_str_eq(show_value(shown, "umask"), "0027");
	ck_assert_str_eq(show_value(shown, "nice"), "2");
	ck_assert_str_eq(show_value(shown, "limit nofile"), "50 50");
	ck_assert_str_eq(show_value(shown, "cwd"), d->dir);
	ck_assert_int_eq(atoi(show_value(shown, "flags 0")) & SOCK_NONBLOCK, 0);
	close(fd);
	daemon_stop(d);
}

END_TEST

/* What a worker starts gets the three standard descriptors, whatever the worker and the daemon have open. */
START_TEST(h11_programs_that_a_worker_starts_get_no_connection)
{
	struct daemon *d = daemon_new();
	int fds[4];
	pid_t pid;

	daemon_service(d, "x", "tcp",
	    WORKER("porter") "\tpool = dynamic\n\tpool_max = 5\n\tpool_min_spare = 1\n");
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int y = hold_open(d, "y");
	/* Most of these workers are started while others have connections. */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = worker_open(d, "x", &pid);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		send_text(fds[i], "show\n");
		half_close(fds[i]);
		const char *shown = read_all(fds[i]);
		ck_assert_uint_eq(show_count(shown, "fd "), 3);
		ck_assert_ptr_nonnull(show_value(shown, "end"));
		close(fds[i]);
	}
	close(y);
	daemon_stop(d);
}

END_TEST

START_TEST(plain_channel_is_of_the_type_that_the_file_says)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "stream", "tcp", WORKER("plain") ONE PLAIN "\tpool_channel = stream\n");
	daemon_service(d, "records", "tcp", WORKER("plain") ONE "\tpool_protocol = plain\n");
	daemon_start(d);
	int stream = daemon_connect(d, "stream"), records = daemon_connect(d, "records");
	ck_assert_str_eq(ask(stream, "channel"), "stream");
	ck_assert_str_eq(ask(records, "channel"), "seqpacket");
	close(stream);
	close(records);
	expect_line(d, "EXIT: stream status=0");
	expect_line(d, "EXIT: records status=0");
	daemon_stop(d);
}

END_TEST

/* A program that reads descriptor after descriptor and never answers: that it takes the next one says that it is free. */
START_TEST(plain_worker_without_a_byte_is_free_when_it_takes_the_next)
{
	struct daemon *d = daemon_new();
	pid_t first, second, pid;

	daemon_service(d, "x", "tcp",
	    _i == 0 ? WORKER("silent") PLAIN "\tpool = static\n\tpool_max = 2\n\ton_limit = queue\n"
		    : WORKER("silent") PLAIN STREAM
		"\tpool = static\n\tpool_max = 2\n\ton_limit = queue\n");
	daemon_start(d);
	int a = worker_open(d, "x", &first), b = worker_open(d, "x", &second);
	ck_assert_int_ne(first, second);
	close(a);
	for (int i = 0; i < 6; i++) {
		/* The one that was given its connection longest ago. */
		int next = worker_open(d, "x", &pid);

		ck_assert_int_eq(pid, i % 2 == 0 ? first : second);
		close(b);
		b = next;
	}
	close(b);
	expect_lines(d, 6, "EXIT: x status=0");
	ck_assert_int_eq(pool_number(d, "x", "started"), 2);
	ck_assert_int_eq(pool_number(d, "x", "stray"), 0);
	daemon_stop(d);
}

END_TEST

/* ---- warm ---- */

/* What differs from process to process is left out of what "show" has printed. */
static const char *
without_identity(const char *shown)
{
	static const char *const own[] = { "pid ", "ppid ", "sid ", "pgid ", "env CONNECTION_ID ",
		"env REMOTE_PORT ", "env TCPREMOTEPORT ", "status SigQ " };
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	for (const char *line = shown; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t len = strcspn(line, "\n");
		bool is_own = false;

		for (size_t i = 0; i < ARRAY_LEN(own); i++)
			is_own = is_own || strncmp(line, own[i], strlen(own[i])) == 0;
		if (strncmp(line, "fd ", 3) == 0)
			len = strcspn(line, "[\n");
		fprintf(f, "%s%.*s\n", is_own ? "own " : "", is_own ? 3 : (int)len, line);
	}
	fclose(f);
	const char *text = text_format("%s", out);
	free(out);
	return text;
}

/* The first line in which they differ; NULL: none. */
static const char *
first_difference(const char *got, const char *expected)
{
	while (*got != '\0' || *expected != '\0') {
		size_t len = strcspn(got, "\n"), expected_len = strcspn(expected, "\n");

		if (len != expected_len || strncmp(got, expected, len) != 0)
			return text_format(
			    "'%.*s' instead of '%.*s'", (int)len, got, (int)expected_len, expected);
		got += len + (got[len] == '\n');
		expected += expected_len + (expected[expected_len] == '\n');
	}
	return NULL;
}

#define WARM "\tpool = dynamic\n\tpool_exec = fresh\n\tpool_max = 4\n"

static const char *const contracts[] = {
	"",
	"\tstderr = log\n",
	"\tstderr = null\n",
	"\tumask = 027\n\tnice = 3\n\tdirectory = @DIR@\n",
	"\trlimit_files = 10\n\trlimit_cpu = 60\n\trlimit_stack = 4M\n\trlimit_as = 1G\n",
	"\trlimit_files = 3\n",
	"\tpassenv =\n\tenv = A=1 B=two\n",
	"\tserver_args = one two\n\tflags = NAMEINARGS\n",
	"\tgroups = yes\n",
	"\tuser = nobody\n\tserver = @DIR@/show\n",
};

START_TEST(warm_programs_get_exactly_what_forked_ones_get)
{
	struct daemon *d = daemon_new();
	const char *attributes = strstr(contracts[_i], "server =") != NULL
				     ? contracts[_i]
				     : text_format(SHOW "%s", contracts[_i]);
	pid_t last = 0;

	if (strstr(contracts[_i], "nobody") != NULL && !is_root()) {
		test_skip(
		    "warm_programs_get_exactly_what_forked_ones_get", "not root: one user alone");
		return;
	}
	copy_file(PROGRAM("show"), text_format("%s/show", d->dir), 0755);
	daemon_service(d, "x", "tcp", attributes);
	daemon_start(d);
	const char *forked = without_identity(shown_by(d, "x"));
	ck_assert_ptr_nonnull(show_value(forked, "end"));
	daemon_clear(d);
	daemon_entry(d, "x", text_format("%s" WARM "\tprotocol = tcp\n", attributes));
	daemon_reload(d);
	expect_workers(d, "x", 1, 1);
	for (int i = 0; i < 3; i++) {
		const char *shown = shown_by(d, "x");
		pid_t pid = atoi(show_value(shown, "pid"));

		const char *difference = first_difference(without_identity(shown), forked);
		ck_assert_msg(difference == NULL, "%s", difference);
		ck_assert_int_ne(pid, last);
		expect_line(d, "START: x pid=%d from=127.0.0.1 conn=%s", (int)pid,
		    show_value(shown, "env CONNECTION_ID"));
		expect_line(d, "EXIT: x status=0 pid=%d", (int)pid);
		last = pid;
	}
	daemon_stop(d);
}

END_TEST

START_TEST(warm_programs_were_there_before_their_client)
{
	struct daemon *d = daemon_new();
	pid_t warm[WORKERS_MAX], pid;

	daemon_service(
	    d, "x", "tcp", HOLD "\tpool = static\n\tpool_exec = fresh\n\tpool_max = 2\n");
	daemon_start(d);
	expect_workers(d, "x", 2, 2);
	ck_assert_uint_eq(worker_pids(d, "x", "warm", warm), 2);
	int fd = worker_open(d, "x", &pid);
	ck_assert(pid == warm[0] || pid == warm[1]);
	expect_state(d, "x", pid, "busy");
	close(fd);
	expect_line(d, "EXIT: x status=0 pid=%d", (int)pid);
	/* It is replaced. */
	expect_workers(d, "x", 2, 2);
	ck_assert_uint_eq(worker_pids(d, "x", "warm", warm), 2);
	ck_assert(warm[0] != pid && warm[1] != pid);
	expect_accounts(d, "x");
	daemon_stop(d);
}

END_TEST

/* Neither the listeners, nor the connections of other clients, nor anything else of the daemon. */
START_TEST(warm_processes_hold_no_clients_descriptor)
{
	struct daemon *d = daemon_new();
	pid_t warm[WORKERS_MAX], pid;
	int fds[3];

	daemon_service(d, "x", "tcp",
	    HOLD "\tpool = dynamic\n\tpool_exec = fresh\n\tpool_max = 8\n\tpool_min_spare = 2\n");
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = worker_open(d, "x", &pid);
	size_t count = worker_pids(d, "x", "warm", warm);
	ck_assert_uint_ge(count, 1);
	for (size_t i = 0; i < count; i++)
		expect_kinds(d, warm[i], "0 socket, 2 /dev/null, ");
	/* A client has left when its program has: nobody else keeps its connection. */
	send_text(fds[0], "exit 0\n");
	expect_closed(fds[0]);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	daemon_stop(d);
}

END_TEST

START_TEST(warm_process_that_is_killed_before_its_client_costs_nothing)
{
	struct daemon *d = daemon_new();
	pid_t warm[WORKERS_MAX], pid;

	daemon_service(
	    d, "x", "tcp", HOLD "\tpool = static\n\tpool_exec = fresh\n\tpool_max = 2\n");
	daemon_start(d);
	expect_workers(d, "x", 2, 2);
	worker_pids(d, "x", "warm", warm);
	/* Stopped, they cannot take what they are sent; killed, they never will. */
	stop_process(warm[0]);
	stop_process(warm[1]);
	int fd = daemon_connect(d, "x");
	send_text(fd, "pid\n");
	daemon_idle(d);
	kill(warm[0], SIGKILL);
	kill(warm[1], SIGKILL);
	pid = atoi(read_line(fd));
	ck_assert(pid != warm[0] && pid != warm[1]);
	close(fd);
	expect_line(d, "EXIT: x status=0 pid=%d", (int)pid);
	expect_accounts(d, "x");
	ck_assert_int_eq(pool_number(d, "x", "lost"), 0);
	daemon_stop(d);
}

END_TEST

START_TEST(warm_program_that_is_missing_is_a_failed_start)
{
	struct daemon *d = daemon_new();
	const char *path = text_format("%s/hold", d->dir);

	copy_file(PROGRAM("hold"), path, 0755);
	daemon_service(d, "x", "tcp",
	    "\tserver = @DIR@/hold\n\tpool = static\n\tpool_exec = fresh\n\tpool_max = 1\n");
	daemon_start(d);
	close(hold_open(d, "x"));
	expect_workers(d, "x", 1, 1);
	ck_assert_int_eq(rename(path, text_format("%s/gone", d->dir)), 0);
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	close(fd);
	expect_line(d, "FAIL: x exec");
	expect_line(d, "service=x *step=exec*No such file");
	ck_assert_int_eq(rename(text_format("%s/gone", d->dir), path), 0);
	expect_workers(d, "x", 1, 1);
	close(hold_open(d, "x"));
	daemon_stop(d);
}

END_TEST

/* ---- shared listener ---- */

/* A client is served by whom it happens to be. */
static pid_t
shared_pid(struct daemon *d, const char *name)
{
	pid_t pid;
	int fd = worker_open(d, name, &pid);

	close(fd);
	return pid;
}

static const char *const shared_programs[] = { WORKER("listen"), WORKER("listen_fds") };

START_TEST(workers_accept_from_a_shared_listener)
{
	struct daemon *d = daemon_new();
	pid_t pids[WORKERS_MAX], served[3];
	int fds[3];

	daemon_inject(d);
	daemon_service(d, "x", "tcp",
	    text_format("%s\tpool = static\n\tpool_accept = worker\n\tpool_max = 3\n",
		shared_programs[_i]));
	daemon_start(d);
	expect_number(d, "x", "workers", 3);
	ck_assert_uint_eq(worker_pids(d, "x", "accepting", pids), 3);
	/* Who has a connection does not accept: three clients have three workers. */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = worker_open(d, "x", &served[i]);
	ck_assert(served[0] != served[1] && served[1] != served[2] && served[0] != served[2]);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		ck_assert(served[i] == pids[0] || served[i] == pids[1] || served[i] == pids[2]);
		close(fds[i]);
	}
	/* The daemon sleeps through all of it. */
	daemon_idle(d);
	unsigned polls = inject_calls(d, INJECT_POLL);
	for (int i = 0; i < 20; i++)
		shared_pid(d, "x");
	ck_assert_uint_le(inject_calls(d, INJECT_POLL) - polls, 3);
	ck_assert_int_eq(pool_number(d, "x", "accepted"), 0);
	daemon_stop(d);
}

END_TEST

START_TEST(shared_listener_survives_its_workers)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp",
	    WORKER("listen") "\tpool = static\n\tpool_accept = worker\n\tpool_max = 2\n");
	daemon_start(d);
	for (unsigned i = 1; i <= 6; i++) {
		pid_t pid;
		int fd = worker_open(d, "x", &pid);

		send_text(fd, i % 2 == 0 ? "kill 9\n" : "exit 3\n");
		expect_closed(fd);
		close(fd);
		wait_gone(pid);
		expect_number(d, "x", "workers", 2);
	}
	ck_assert_int_gt(shared_pid(d, "x"), 0);
	expect_children(d, 2);
	daemon_stop(d);
}

END_TEST

START_TEST(workers_accept_on_every_address_of_the_service)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x",
	    WORKER("listen_fds") "\tpool = static\n\tpool_accept = worker\n\tpool_max = 1\n"
				 "\tlisten = @ADDR@:3600 @ADDR2@:3600 unix:@DIR@/sock\n"
				 "\tprotocol = tcp\n");
	daemon_start(d);
	for (unsigned i = 0; i < 6; i++) {
		int fd = i % 3 == 2 ? connect_unix(text_format("%s/sock", d->dir))
				    : connect_address(own_address(i % 3), 3600);

		ck_assert_int_ge(fd, 0);
		expect_echo(fd, "hello");
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

/* As sd_listen_fds(3) and inetd have it. */
START_TEST(shared_listener_is_found_as_descriptor_0_and_by_name)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp",
	    WORKER("listen") "\tpool = static\n\tpool_accept = worker\n\tpool_max = 1\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	pid_t pid = ask_pid(fd);
	ck_assert_str_eq(open_kinds(pid), "0 socket, 1 pipe, 2 pipe, 3 socket, 4 socket, ");
	send_text(fd, "show\n");
	half_close(fd);
	const char *shown = read_all(fd);
	ck_assert_str_eq(show_value(shown, "env LISTEN_FDS"), "1");
	ck_assert_str_eq(show_value(shown, "env LISTEN_FDNAMES"), "x");
	ck_assert_int_eq(atoi(show_value(shown, "env LISTEN_PID")), pid);
	ck_assert_str_eq(show_value(shown, "fd 0"), show_value(shown, "fd 3"));
	/* A blocking one, as textbooks expect. */
	ck_assert_int_eq(atoi(show_value(shown, "flags 0")) & SOCK_NONBLOCK, 0);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(every_kind_of_worker_does_the_same, ARRAY_LEN(shapes) - 1),
	TEST_LOOP(every_builtin_runs_in_workers, ARRAY_LEN(builtins)),
	TEST(one_program_serves_one_client_after_the_other),
	TEST(clients_at_the_same_time_have_workers_of_their_own),
	TEST(worker_that_served_last_is_asked_first),
	TEST(state_dump_shows_each_worker),
	TEST(workers_are_told_who_the_client_is),
	TEST(status_and_result_of_a_connection_are_logged),
	TEST(what_workers_write_goes_to_the_log),
	TEST(workers_get_what_the_service_says_and_nothing_of_a_client),
	TEST(h11_programs_that_a_worker_starts_get_no_connection),
	TEST(plain_channel_is_of_the_type_that_the_file_says),
	TEST_LOOP(plain_worker_without_a_byte_is_free_when_it_takes_the_next, 2),
	TEST_LOOP(warm_programs_get_exactly_what_forked_ones_get, ARRAY_LEN(contracts)),
	TEST(warm_programs_were_there_before_their_client),
	TEST(warm_processes_hold_no_clients_descriptor),
	TEST(warm_process_that_is_killed_before_its_client_costs_nothing),
	TEST(warm_program_that_is_missing_is_a_failed_start),
	TEST_LOOP(workers_accept_from_a_shared_listener, ARRAY_LEN(shared_programs)),
	TEST(shared_listener_survives_its_workers),
	TEST(workers_accept_on_every_address_of_the_service),
	TEST(shared_listener_is_found_as_descriptor_0_and_by_name),
};

int
main(void)
{
	return run_functional("pool_shapes", tests, ARRAY_LEN(tests));
}
