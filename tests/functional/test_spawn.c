/* SPDX-License-Identifier: MIT */
/* The ways to start a program, where each is taken, and what becomes of a child that never becomes its program. */
#include <check.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/daemon.h"
#include "functional/pool.h"
#include "functional/sources.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define SHOW "\tserver = @PROGRAMS@/show\n"
#define AUTO "\tspawn = auto\n"

/* As long as such a child may be stopped, and as long as it may take at most. */
#define STOPPED_S 2
#define MOST_S    31
/* How many children of one service may share memory at a time. */
#define PLAN_MOST 64

static struct daemon *
started(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", attributes);
	daemon_service(d, "y", "tcp", HOLD AUTO);
	daemon_start(d);
	return d;
}

static void
serves(struct daemon *d, const char *name)
{
	int fd = daemon_connect(d, name);

	expect_echo(fd, "hello");
	close(fd);
}

/* What porterd says of a service: the way, or the reason for it, "" if there is none. Static text. */
static const char *
said(struct daemon *d, const char *id, const char *member)
{
	json_t *all = control_ask(d, "{\"command\":\"services\"}");
	const char *text = "";

	for (size_t i = 0; i < json_array_size(json_at(all, "services")); i++) {
		const json_t *item = json_array_get(json_at(all, "services"), i);
		const char *value = json_string_value(json_object_get(item, member));

		if (strcmp(json_text_at(item, "id"), id) == 0 && value != NULL)
			text = text_format("%s", value);
	}
	json_decref(all);
	return text;
}

static const struct {
	const char *name;
	enum inject_call call;
} ways[] = {
	{ "shared", INJECT_CLONE_VM },
	{ "files", INJECT_CLONE_FILES },
	{ "fork", INJECT_FORK },
};

START_TEST(each_way_starts_the_same_program)
{
	const char *spawn = text_format("\tspawn = %s\n", ways[_i].name);
	struct daemon *d = started(text_format("%s%s\tnice = 2\n\tumask = 077\n\trlimit_cpu = 50\n"
					       "\tserver_args = one two\n\tenv = A=b\n",
	    SHOW, spawn));
	unsigned before = inject_calls(d, ways[_i].call), forks = inject_calls(d, INJECT_FORK);
	const char *shown = shown_by(d, "x");

	ck_assert_uint_eq(inject_calls(d, ways[_i].call), before + 1);
	ck_assert_uint_eq(inject_calls(d, INJECT_FORK), forks + 1);
	ck_assert_str_eq(said(d, "x", "spawn"), ways[_i].name);
	ck_assert_str_eq(said(d, "x", "spawn_reason"), _i == 0 ? "" : "spawn says so");
	ck_assert_uint_eq(show_count(shown, "fd "), 3);
	ck_assert_str_eq(show_value(shown, "nice"), "2");
	ck_assert_str_eq(show_value(shown, "umask"), "0077");
	ck_assert_str_eq(show_value(shown, "env A"), "b");
	ck_assert_str_eq(show_value(shown, "env REMOTE_ADDR"), "127.0.0.1");
	ck_assert_str_eq(show_value(shown, "env CONNECTION_ID"), "1");
	ck_assert_str_eq(show_value(shown, "ppid"), text_format("%d", (int)d->pid));
	ck_assert_str_eq(show_value(shown, "sid"), show_value(shown, "pid"));
	daemon_stop(d);
}

END_TEST

START_TEST(auto_is_shared_where_that_is_safe)
{
	struct daemon *d = started(HOLD AUTO);

	serves(d, "x");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), 1);
	ck_assert_str_eq(said(d, "x", "spawn"), "shared");
	const struct run_result shown = porterctl(d, "show", "x", NULL);
	ck_assert_ptr_nonnull(strstr(shown.output, "shared"));
	daemon_stop(d);
}

END_TEST

/* ---- where it is not safe, or cannot be ---- */

static const struct {
	const char *attributes, *reason;
} not_shared[] = {
	{ AUTO "\ttype = INTERNAL\n\tid = x\n", "porterd serves it itself" },
	{ SHOW AUTO "\tserver_args = %{remote_addr}\n", "its words depend on the connection" },
	{ SHOW AUTO "\tno_access = .example.org\n\treverse_dns = confirmed\n",
	    "porter-gate is asked" },
	{ HOLD AUTO "\tpool = static\n\tpool_exec = fresh\n\tpool_max = 2\n", "it has workers" },
};

/* Nor those whose program gets what the daemon keeps. */
static const struct {
	const char *kind, *attributes, *reason;
} high[] = {
	{ "tcp", HOLD AUTO "\twait = yes\n", "its program gets a listening socket" },
	{ "udp", HOLD AUTO "\twait = yes\n", "its program gets a listening socket" },
	{ "udp", HOLD AUTO, "its program gets a socket that porterd keeps" },
};

START_TEST(what_the_daemon_keeps_is_given_to_a_fork)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", high[_i].kind, high[_i].attributes);
	daemon_start(d);
	int fd = strcmp(high[_i].kind, "udp") == 0 ? datagram_to(d, "x") : daemon_connect(d, "x");
	ck_assert_int_eq(send(fd, "x", 1, 0), 1);
	expect_line(d, "START: x");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), 0);
	ck_assert_str_eq(said(d, "x", "spawn"), "fork");
	ck_assert_str_eq(said(d, "x", "spawn_reason"), high[_i].reason);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(some_services_are_not_started_so)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	if (_i == 0) {
		daemon_entry(d, "echo", not_shared[_i].attributes);
		daemon_listen(d, "x", "tcp");
	} else
		daemon_service(d, "x", "tcp", not_shared[_i].attributes);
	daemon_start(d);
	close(daemon_connect(d, "x"));
	expect_line(d, "START: x");
	expect_line(d, "EXIT: x");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), 0);
	ck_assert_str_eq(said(d, "x", "spawn"), "fork");
	ck_assert_str_eq(said(d, "x", "spawn_reason"), not_shared[_i].reason);
	daemon_stop(d);
}

END_TEST

#define DUMPABLE "/proc/sys/fs/suid_dumpable"

/* In this test's own mount namespace. False where the machine does not let us. */
static bool
pretend_dumpable(struct daemon *d, const char *value)
{
	static bool is_mounted;
	const char *path = text_format("%s/suid_dumpable", d->dir);

	write_file(path, 0644, value);
	if (!is_mounted)
		is_mounted = is_root() && unshare(CLONE_NEWNS) == 0 &&
			     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
			     mount(path, DUMPABLE, NULL, MS_BIND, NULL) == 0;
	return is_mounted;
}

/* Others of the service's user could look into the daemon's memory: see the unit test of starts. A person may change it at any
 * time. */
START_TEST(memory_that_others_may_look_into_is_not_shared)
{
	struct daemon *d = daemon_new();

	if (!pretend_dumpable(d, "1\n")) {
		test_skip("memory_that_others_may_look_into_is_not_shared",
		    "no mount namespace of its own");
		return;
	}
	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tspawn = shared\n");
	daemon_start(d);
	serves(d, "x");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), 0);
	ck_assert_str_eq(said(d, "x", "spawn"), "fork");
	ck_assert_str_eq(said(d, "x", "spawn_reason"), "fs.suid_dumpable is 1");
	pretend_dumpable(d, "0\n");
	daemon_reload(d);
	serves(d, "x");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), 1);
	ck_assert_str_eq(said(d, "x", "spawn_reason"), "");
	pretend_dumpable(d, "nonsense\n");
	daemon_reload(d);
	serves(d, "x");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), 1);
	ck_assert_str_eq(said(d, "x", "spawn_reason"), "fs.suid_dumpable cannot be read");
	daemon_stop(d);
}

END_TEST

/* The loader warns of a library that is not there, and goes on. */
START_TEST(under_valgrind_nothing_is_shared)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	for (size_t i = 0; i < d->env_count; i++) {
		char *before = d->env[i];

		if (strncmp(before, "LD_PRELOAD=", 11) != 0)
			continue;
		d->env[i] = strdup(text_format("%s /nonexistent/vgpreload_x.so", before));
		free(before);
	}
	daemon_service(d, "x", "tcp", HOLD AUTO);
	daemon_start(d);
	serves(d, "x");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), 0);
	ck_assert_str_eq(said(d, "x", "spawn_reason"), "under valgrind");
	daemon_stop(d);
}

END_TEST

static bool
has_valgrind(const char *test)
{
	const struct run_result found =
	    run_command((const char *const[]){ "sh", "-c", "command -v valgrind", NULL });

	if (found.status != 0)
		test_skip(test, "no valgrind");
	return found.status == 0;
}

START_TEST(valgrind_ends_a_program_that_shares_memory)
{
	const char *const argv[] = { "valgrind", "-q", PROGRAM("share"), NULL };
	struct run_result r;

	if (!has_valgrind("valgrind_ends_a_program_that_shares_memory"))
		return;
	r = run_command(argv + 2);
	ck_assert_str_eq(r.output, "shared\n");
	r = run_command(argv);
	if (r.status == 0 && strstr(r.output, "shared\n") != NULL) {
		test_skip("valgrind_ends_a_program_that_shares_memory",
		    "this valgrind runs it to its end: porterd could share memory there");
		return;
	}
	ck_assert_msg(r.status != 0 && strstr(r.output, "Unsupported clone() flags") != NULL,
	    "status %d: %s", r.status, r.output);
}

END_TEST

static const char *const tools[] = { "memcheck", "none" };

START_TEST(daemon_under_valgrind_serves_by_fork)
{
	const char *wrapper = text_format("valgrind -q --error-exitcode=9 --tool=%s", tools[_i]);
	struct daemon *d;

	if (SUITE_IS_SANITIZED) {
		test_skip(
		    "daemon_under_valgrind_serves_by_fork", "valgrind runs nothing sanitized");
		return;
	}
	if (!has_valgrind("daemon_under_valgrind_serves_by_fork"))
		return;
	ck_assert_int_eq(setenv("PORTERD_WRAPPER", wrapper, 1), 0);
	d = started(HOLD "\tspawn = shared\n");
	serves(d, "x");
	serves(d, "y");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), 0);
	ck_assert_uint_eq(inject_calls(d, INJECT_FORK), 2);
	ck_assert_str_eq(said(d, "x", "spawn"), "fork");
	ck_assert_str_eq(said(d, "x", "spawn_reason"), "under valgrind");
	daemon_stop(d);
}

END_TEST

/* As a sandbox does. */
START_TEST(kernel_that_refuses_is_not_asked_again)
{
	struct daemon *d = started(HOLD AUTO);

	inject_fail(d, INJECT_CLONE_VM, EPERM, 1);
	for (int i = 0; i < 3; i++)
		serves(d, "x");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), 1);
	ck_assert_str_eq(said(d, "x", "spawn"), "fork");
	ck_assert_str_eq(said(d, "x", "spawn_reason"), "the kernel refuses it");
	daemon_stop(d);
}

END_TEST

/* ---- memory that others could look into from some moment on ---- */

/* So many children are on their way at that moment. */
#define OPENED 2

/* What the kernel says to a child that has become this user and asks whether others may look into its memory, as it does where
 * fs.suid_dumpable has that value by now; how often both children close it then; and why no memory is shared from then on. */
static const struct {
	const char *user;
	int dumpable;
	unsigned closed;
	const char *reason;
} answers[] = {
	{ "nobody", 0, 0, "" },
	{ "nobody", 2, OPENED, "" }, /* root alone may look */
	{ "root", 1, OPENED, "" },   /* who may look anyway */
	{ "nobody", 1, OPENED, "fs.suid_dumpable was set to 1" },
};

static bool
can_answer_for_the_kernel(void)
{
	const unsigned action = SECCOMP_RET_USER_NOTIF;
	const int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	const int copy = self < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, self, self, 0);

	if (self >= 0)
		close(self);
	if (copy < 0)
		return false;
	close(copy);
	return is_root() && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* Where the calls of children can be answered. The daemon has these descriptors, and knows nothing of them; they are the lowest that
 * were free. */
static void
take_answering(struct daemon *d, int fds[OPENED])
{
	const int daemon = (int)syscall(SYS_pidfd_open, d->pid, 0);
	size_t count = 0;

	ck_assert_int_ge(daemon, 0);
	for (int fd = 0; fd < 256 && count < OPENED; fd++) {
		const char *path = text_format("/proc/%d/fd/%d", (int)d->pid, fd);
		char name[64] = "";

		if (readlink(path, name, sizeof(name) - 1) < 0 ||
		    strcmp(name, "anon_inode:seccomp notify") != 0)
			continue;
		fds[count] = (int)syscall(SYS_pidfd_getfd, daemon, fd, 0);
		ck_assert_int_ge(fds[count++], 0);
	}
	ck_assert_uint_eq(count, OPENED);
	close(daemon);
}

/* One call of a child; true if it closes its memory to others. All but the one question goes to the kernel. */
static bool
answer_call(int fd, int dumpable)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp answer = { 0 };

	memset(&call, 0, sizeof(call));
	ck_assert_int_eq(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call), 0);
	ck_assert_int_eq(call.data.nr, SYS_prctl);
	answer.id = call.id;
	if (call.data.args[0] == PR_GET_DUMPABLE)
		answer.val = dumpable;
	else
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ck_assert_int_eq(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
	return call.data.args[0] == PR_SET_DUMPABLE && call.data.args[1] == 0;
}

/* Until this client's program answers; how often a child has closed its memory. */
static unsigned
answer_until_served(struct daemon *d, int client, const int fds[OPENED], int dumpable)
{
	struct pollfd p[1 + OPENED] = { { .fd = client, .events = POLLIN } };
	const int64_t deadline = deadline_after();
	unsigned closed = 0;

	for (size_t i = 0; i < OPENED; i++)
		p[1 + i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	send_text(client, "hello\n");
	while (p[0].revents == 0) {
		const int64_t left = deadline - now_ms();

		if (poll(p, ARRAY_LEN(p), left > 0 ? (int)left : 0) <= 0)
			daemon_fail(d, "nobody serves");
		for (size_t i = 1; i < ARRAY_LEN(p); i++)
			closed += (p[i].revents & POLLIN) != 0 && answer_call(p[i].fd, dumpable);
	}
	ck_assert_str_eq(read_line(client), "hello");
	return closed;
}

/* Clients of x, two side by side, whose children are answered so; how often these have closed their memory. */
static unsigned
serve_answered(struct daemon *d, int dumpable)
{
	atomic_int *hangs = &d->inject->rule[INJECT_PRCTL].hangs;
	int clients[OPENED], fds[OPENED];
	unsigned closed = 0;

	atomic_store(hangs, 1);
	for (size_t i = 0; i < OPENED; i++)
		clients[i] = daemon_connect(d, "x");
	expect_lines(d, OPENED, "START: x");
	atomic_store(hangs, 0);
	take_answering(d, fds);
	for (size_t i = 0; i < OPENED; i++)
		closed += answer_until_served(d, clients[i], fds, dumpable);
	for (size_t i = 0; i < OPENED; i++) {
		close(clients[i]);
		close(fds[i]);
	}
	expect_lines(d, OPENED, "EXIT: x");
	return closed;
}

/* It is noticed once the first of these has become its program, and said once. */
START_TEST(memory_that_was_opened_meanwhile_is_no_longer_shared)
{
	static const char *const ids[] = { "x", "y" };
	const bool is_open = answers[_i].reason[0] != '\0';
	struct daemon *d;

	if (!can_answer_for_the_kernel()) {
		test_skip("memory_that_was_opened_meanwhile_is_no_longer_shared",
		    "not root, or nobody can answer for the kernel here");
		return;
	}
	d = daemon_new();
	daemon_inject(d);
	copy_file(PROGRAM("hold"), text_format("%s/hold", d->dir), 0755);
	daemon_service(d, "x", "tcp",
	    text_format("\tserver = @DIR@/hold\n\tuser = %s\n" AUTO, answers[_i].user));
	daemon_service(d, "y", "tcp", HOLD AUTO);
	daemon_start(d);
	ck_assert_str_eq(said(d, "x", "spawn"), "shared");
	ck_assert_uint_eq(serve_answered(d, answers[_i].dumpable), answers[_i].closed);
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), OPENED);
	expect_count(
	    d, is_open, "event=memory-not-shared reason=\"fs.suid_dumpable was set to 1\"");
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		ck_assert_str_eq(said(d, ids[i], "spawn"), is_open ? "fork" : "shared");
		ck_assert_str_eq(said(d, ids[i], "spawn_reason"), answers[_i].reason);
		serves(d, ids[i]);
	}
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), is_open ? OPENED : OPENED + 2);
	daemon_reload(d);
	ck_assert_str_eq(said(d, "x", "spawn_reason"), "");
	serves(d, "x");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), is_open ? OPENED + 1 : OPENED + 3);
	daemon_stop(d);
}

END_TEST

/* ---- children that do not become their program ---- */

/* The child of the latest connection to x, which hangs in its exec. */
static pid_t
hanging_child(struct daemon *d)
{
	const char *line = expect_line(d, "START: x pid=*");

	daemon_mark(d);
	return atoi(strstr(line, "pid=") + 4);
}

static void
hang(struct daemon *d, bool hangs)
{
	atomic_store(&d->inject->rule[INJECT_EXECVE].hangs, hangs);
}

/* A client of x whose child hangs, and that child; the next ones do not. */
static int
connect_hanging(struct daemon *d, pid_t *pid)
{
	hang(d, true);
	int fd = daemon_connect(d, "x");

	*pid = hanging_child(d);
	hang(d, false);
	return fd;
}

static void
expect_killed(struct daemon *d, pid_t pid, int fd)
{
	expect_line(d, "EXIT: x signal=9 pid=%d", (int)pid);
	expect_closed(fd);
	close(fd);
}

START_TEST(a1_child_that_is_stopped_before_its_exec_holds_up_nobody)
{
	struct daemon *d = started(HOLD AUTO);
	pid_t pid;
	int fd = connect_hanging(d, &pid);

	stop_process(pid);
	for (int i = 0; i < 3; i++)
		serves(d, i == 1 ? "x" : "y");
	pass_time(d, STOPPED_S);
	expect_line(d, "event=start-stuck service=x pid=%d action=kill", (int)pid);
	expect_killed(d, pid, fd);
	serves(d, "x");
	daemon_stop(d);
}

END_TEST

/* A slow file system is no reason to kill it that early. */
START_TEST(child_that_takes_long_is_killed_in_the_end)
{
	struct daemon *d = started(HOLD AUTO);
	pid_t pid;
	int fd = connect_hanging(d, &pid);

	pass_time(d, STOPPED_S);
	serves(d, "y");
	expect_no_line(d, "event=start-stuck");
	pass_time(d, MOST_S);
	expect_line(d, "event=start-stuck service=x pid=%d action=kill", (int)pid);
	expect_killed(d, pid, fd);
	daemon_stop(d);
}

END_TEST

START_TEST(stuck_children_of_one_service_leave_room_for_others)
{
	struct daemon *d = started(HOLD AUTO);
	int fds[PLAN_MOST + 2];

	hang(d, true);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = daemon_connect(d, "x");
	expect_lines(d, PLAN_MOST, "START: x");
	expect_lines(d, 2, "FAIL: x exec"); /* by fork, where the call fails and does not hang */
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), PLAN_MOST);
	hang(d, false);
	serves(d, "y");
	ck_assert_uint_eq(inject_calls(d, INJECT_CLONE_VM), PLAN_MOST + 1);
	pass_time(d, MOST_S);
	expect_lines(d, PLAN_MOST, "EXIT: x signal=9");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	serves(d, "x");
	daemon_stop(d);
}

END_TEST

/* It still reads what the settings of before have said. */
START_TEST(settings_change_while_a_child_hangs)
{
	struct daemon *d = started(HOLD AUTO "\tserver_args = before\n");
	pid_t pid;
	int fd = connect_hanging(d, &pid);

	daemon_clear(d);
	daemon_service(d, "x", "tcp", HOLD AUTO "\tserver_args = after\n");
	for (int i = 0; i < 2; i++)
		daemon_reload(d);
	kill(pid, SIGKILL);
	expect_killed(d, pid, fd);
	for (int i = 0; i < 3; i++)
		serves(d, "x");
	daemon_stop(d);
}

END_TEST

/* With the daemon before it goes what it waits for, in this test. */
START_TEST(daemon_is_replaced_while_a_child_hangs)
{
	struct daemon *d = started(HOLD AUTO);
	pid_t pid;
	int fd = connect_hanging(d, &pid);

	upgrade_daemon(d);
	serves(d, "x");
	expect_line(d, "event=start-failed service=x step=exec *error=\"%s\"", strerror(ENOSYS));
	expect_closed(fd);
	close(fd);
	serves(d, "x");
	daemon_stop(d);
}

END_TEST

/* The next daemon could not tell it from a program that somebody has stopped. */
START_TEST(daemon_is_replaced_while_a_child_is_stopped)
{
	struct daemon *d = started(HOLD AUTO);
	pid_t pid;
	int fd = connect_hanging(d, &pid);

	stop_process(pid);
	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	expect_line(d, "event=start-stuck service=x pid=%d action=kill", (int)pid);
	expect_line(d, "event=upgraded version=*");
	expect_killed(d, pid, fd);
	serves(d, "x");
	daemon_stop(d);
}

END_TEST

START_TEST(daemon_ends_while_a_child_hangs)
{
	struct daemon *d = started(HOLD AUTO "\tstop_grace = 1s\n");

	hang(d, true);
	int fd = daemon_connect(d, "x");
	hanging_child(d);
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_line(d, "EXIT: x signal=");
	expect_closed(fd);
	close(fd);
	daemon_closed(d);
}

END_TEST

/* What it says of its step lies in memory that was the daemon's. Its plan stays, too, which is no leak. */
START_TEST(daemon_leaves_a_child_that_hangs)
{
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	struct daemon *d = started(HOLD AUTO);

	hang(d, true);
	int fd = daemon_connect(d, "x");
	pid_t pid = hanging_child(d);
	daemon_signal(d, SIGQUIT);
	ck_assert_int_eq(daemon_wait(d), 0);
	int status = wait_exit(pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 126, "status %x", status);
	expect_closed(fd);
	close(fd);
	daemon_closed(d);
}

END_TEST

/* Before it has said that it is on its own. */
START_TEST(child_that_dies_at_once_is_not_waited_for)
{
	struct daemon *d = started(text_format(HOLD "\tspawn = %s\n", ways[_i].name));

	atomic_store(&d->inject->rule[INJECT_SETSID].signo, SIGKILL);
	for (int i = 0; i < 3; i++) {
		int fd = daemon_connect(d, "x");

		expect_closed(fd);
		close(fd);
	}
	expect_lines(d, 3, "EXIT: x signal=9");
	atomic_store(&d->inject->rule[INJECT_SETSID].signo, 0);
	serves(d, "x");
	serves(d, "y");
	daemon_stop(d);
}

END_TEST

START_TEST(nothing_is_left_open)
{
	struct daemon *d =
	    started(text_format(HOLD "\tspawn = %s\n\tstderr = log\n", ways[_i].name));

	serves(d, "x");
	expect_lines(d, 1, "EXIT: x");
	unsigned before = daemon_fds(d);
	for (int i = 0; i < 40; i++)
		serves(d, "x");
	expect_lines(d, 41, "EXIT: x");
	ck_assert_uint_eq(daemon_fds(d), before);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(each_way_starts_the_same_program, ARRAY_LEN(ways)),
	TEST(auto_is_shared_where_that_is_safe),
	TEST_LOOP(some_services_are_not_started_so, ARRAY_LEN(not_shared)),
	TEST_LOOP(what_the_daemon_keeps_is_given_to_a_fork, ARRAY_LEN(high)),
	TEST(memory_that_others_may_look_into_is_not_shared),
	TEST_LOOP(memory_that_was_opened_meanwhile_is_no_longer_shared, ARRAY_LEN(answers)),
	TEST(under_valgrind_nothing_is_shared),
	TEST(valgrind_ends_a_program_that_shares_memory),
	TEST_LOOP(daemon_under_valgrind_serves_by_fork, ARRAY_LEN(tools)),
	TEST(kernel_that_refuses_is_not_asked_again),
	TEST(a1_child_that_is_stopped_before_its_exec_holds_up_nobody),
	TEST(child_that_takes_long_is_killed_in_the_end),
	TEST(stuck_children_of_one_service_leave_room_for_others),
	TEST(settings_change_while_a_child_hangs),
	TEST(daemon_is_replaced_while_a_child_hangs),
	TEST(daemon_is_replaced_while_a_child_is_stopped),
	TEST(daemon_ends_while_a_child_hangs),
	TEST(daemon_leaves_a_child_that_hangs),
	TEST_LOOP(child_that_dies_at_once_is_not_waited_for, ARRAY_LEN(ways)),
	TEST_LOOP(nothing_is_left_open, ARRAY_LEN(ways)),
};

int
main(void)
{
	return run_functional("spawn", tests, ARRAY_LEN(tests));
}
