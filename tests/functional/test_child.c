/* SPDX-License-Identifier: MIT */
/* From fork to exec: what a program inherits, and what happens when a step fails. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define SHOW "\tserver = @PROGRAMS@/show\n"

/* A daemon with service "x", and "y" that is never disturbed. */
static struct daemon *
two_services(const char *attributes)
{
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", attributes);
	daemon_service(d, "y", "tcp", HOLD);
	return d;
}

static void
serves(struct daemon *d, const char *name)
{
	int fd = hold_open(d, name);

	expect_echo(fd, "served");
	close(fd);
}

/* Services of another user need their program where that user can reach it. */
static void
copy_program(struct daemon *d, const char *name)
{
	copy_file(text_format(BUILD_DIR "/tests/programs/%s", name),
	    text_format("%s/%s", d->dir, name), 0755);
}

static const struct {
	enum inject_call call;
	int error;
	const char *step;
} step_failures[] = {
	{ INJECT_SETGROUPS, EPERM, "groups" },
	{ INJECT_SETRESGID, EAGAIN, "groups" },
	{ INJECT_SETRESUID, EAGAIN, "user" },
	{ INJECT_SETRESUID, EPERM, "user" },
	{ INJECT_SETSID, EPERM, "session" },
	{ INJECT_DUP2, EBUSY, "descriptors" },
	{ INJECT_SETRLIMIT, EPERM, "limits" },
	{ INJECT_NICE, EPERM, "nice" },
	{ INJECT_CHDIR, EACCES, "directory" },
	{ INJECT_EXECVE, ENOENT, "exec" },
	{ INJECT_EXECVE, EACCES, "exec" },
	{ INJECT_EXECVE, ENOMEM, "exec" },
};

START_TEST(a2_program_is_never_run_when_a_step_fails)
{
	enum inject_call call = step_failures[_i].call;
	bool is_about_ids =
	    call == INJECT_SETGROUPS || call == INJECT_SETRESGID || call == INJECT_SETRESUID;
	struct daemon *d;

	if (is_about_ids && !is_root()) {
		test_skip(
		    "a2_program_is_never_run_when_a_step_fails", "not root: ids are not changed");
		return;
	}
	d = two_services(is_about_ids ? "\tserver = @DIR@/show\n\tuser = nobody\n"
				      : SHOW "\tnice = 1\n\trlimit_cpu = 60\n");
	copy_program(d, "show");
	daemon_start(d);
	inject_fail(d, call, step_failures[_i].error, -1);
	int fd = daemon_connect(d, "x");
	expect_closed(fd); /* not one byte of the program */
	expect_line(d, "FAIL: x exec from=127.0.0.1");
	expect_line(d, "event=start-failed service=x step=%s *error=\"%s\"", step_failures[_i].step,
	    strerror(step_failures[_i].error));
	expect_no_line(d, "EXIT: x status=0");
	close(fd);
	inject_fail(d, call, 0, 0);
	fd = daemon_connect(d, "x");
	ck_assert_ptr_nonnull(show_value(read_all(fd), "end"));
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(a3_user_at_its_process_limit_is_a_failed_start)
{
	const struct passwd *pw = getpwnam("games");

	if (!is_root() || pw == NULL) {
		test_skip("a3_user_at_its_process_limit_is_a_failed_start",
		    "needs root and the user games");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(
	    d, "x", "tcp", "\tserver = @DIR@/hold\n\tuser = games\n\trlimit_nproc = 1\n");
	copy_program(d, "hold");
	daemon_start(d);
	/* The kernel counts before it adds: the third is the first that is too many. */
	int first = hold_open(d, "x"), second = hold_open(d, "x"), third = daemon_connect(d, "x");
	expect_closed(third);
	expect_line(d,
	    "event=start-failed service=x step=exec *error=\"Resource temporarily unavailable\"");
	close(third);
	close(second);
	close(first);
	expect_lines(d, 2, "EXIT: x status=0");
	close(hold_open(d, "x"));
	daemon_stop(d);
}

END_TEST

/* A /etc/passwd and /etc/group of the test's own. False where the machine does not let us. */
static bool
replace_user_files(struct daemon *d)
{
	write_file(text_format("%s/passwd", d->dir), 0644,
	    "root:x:0:0::/root:/bin/sh\nmember:x:54321:54321::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
	write_file(text_format("%s/group", d->dir), 0644,
	    "root:x:0:\nmember:x:54321:\nfirst:x:54322:member\nsecond:x:54323:member,nobody\nother:x:54324:\n");
	return is_root() && unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount(text_format("%s/passwd", d->dir), "/etc/passwd", NULL, MS_BIND, NULL) == 0 &&
	       mount(text_format("%s/group", d->dir), "/etc/group", NULL, MS_BIND, NULL) == 0;
}

START_TEST(a4_groups_are_exactly_those_configured)
{
	static const struct {
		const char *attributes, *gid, *groups;
	} rows[] = {
		{ "", "54321 54321 54321", "." },
		{ "\tgroup = other\n", "54324 54324 54324", "." },
		{ "\tgroups = yes\n", "54321 54321 54321", "54321 54322 54323 ." },
		{ "\tgroups = yes\n\tgroup = other\n", "54324 54324 54324", "54321 54322 54323 ." },
	};
	struct daemon *d = daemon_new();

	if (!replace_user_files(d)) {
		test_skip(
		    "a4_groups_are_exactly_those_configured", "needs root and mount namespaces");
		return;
	}
	daemon_service(d, "x", "tcp",
	    text_format("\tserver = @DIR@/show\n\tuser = member\n%s", rows[_i].attributes));
	copy_program(d, "show");
	/* What root itself belongs to is nobody's business. */
	ck_assert_int_eq(setgroups(2, (const gid_t[]){ 0, 4 }), 0);
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "gid"), rows[_i].gid);
	ck_assert_str_eq(show_value(shown, "groups"), rows[_i].groups);
	daemon_stop(d);
}

END_TEST

START_TEST(a5_root_is_given_up_for_good)
{
	if (!is_root()) {
		test_skip("a5_root_is_given_up_for_good", "not root");
		return;
	}
	const struct passwd *pw = getpwnam("nobody");
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", "\tserver = @DIR@/show\n\tuser = nobody\n");
	daemon_service(
	    d, "number", "tcp", text_format("\tserver = @DIR@/show\n\tuser = %u\n", pw->pw_uid));
	copy_program(d, "show");
	daemon_start(d);
	for (int i = 0; i < 2; i++) {
		const char *shown = shown_by(d, i == 0 ? "x" : "number");

		ck_assert_str_eq(show_value(shown, "uid"),
		    text_format("%u %u %u", pw->pw_uid, pw->pw_uid, pw->pw_uid));
		ck_assert_str_eq(show_value(shown, "gid"),
		    text_format("%u %u %u", pw->pw_gid, pw->pw_gid, pw->pw_gid));
		ck_assert_str_eq(show_value(shown, "regain"), "no");
		static const char *const sets[] = { "CapEff", "CapPrm", "CapInh", "CapAmb" };
		for (size_t k = 0; k < ARRAY_LEN(sets); k++)
			ck_assert_str_eq(show_value(shown, text_format("status %s", sets[k])),
			    "0000000000000000");
	}
	daemon_stop(d);
}

END_TEST

static const char *const no_users[] = { "no-such-user-here", "0day", "4294967295", "-1",
	"\" root\"", "4294967296", "0x0", "root:root", "65534000", "+0", "1e3" };

START_TEST(a6_user_that_does_not_resolve_is_never_root)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", text_format(HOLD "\tuser = %s\n", no_users[_i]));
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "porterd.conf:* error: *");
	serves(d, "y");
	expect_no_line(d, "START: x");
	expect_no_line(d, "event=listening service=x");
	daemon_stop(d);
}

END_TEST

static void
make_removed(const char *path)
{
	unlink(path);
}

static void
make_unexecutable(const char *path)
{
	ck_assert_int_eq(chmod(path, 0644), 0);
}

static void
make_directory_of_it(const char *path)
{
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void
make_text(const char *path)
{
	unlink(path);
	write_file(path, 0755, "this is no program\n");
}

static void
make_foreign(const char *path)
{
	char head[64] = "\177ELF\2\1\1";

	unlink(path);
	head[16] = 2;  /* ET_EXEC */
	head[18] = 22; /* EM_S390 */
	head[20] = 1;
	write_bytes(path, head, sizeof(head));
	ck_assert_int_eq(chmod(path, 0755), 0);
}

static void
make_script_without_interpreter(const char *path)
{
	unlink(path);
	write_file(path, 0755, "#!/nonexistent/interpreter\n");
}

/* Open for writing until the test ends. */
static void
make_busy(const char *path)
{
	ck_assert_int_ge(open(path, O_WRONLY | O_CLOEXEC), 0);
}

static const struct {
	void (*fn)(const char *path);
	int error;
} spoilers[] = {
	{ make_removed, ENOENT },
	{ make_unexecutable, EACCES },
	{ make_directory_of_it, EACCES },
	{ make_text, ENOEXEC },
	{ make_foreign, ENOEXEC },
	{ make_script_without_interpreter, ENOENT },
	{ make_busy, ETXTBSY },
};

START_TEST(a7_program_spoilt_after_the_start)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", "\tserver = @DIR@/hold\n");
	daemon_service(d, "y", "tcp", HOLD);
	copy_program(d, "hold");
	daemon_start(d);
	serves(d, "x");
	expect_line(d, "EXIT: x status=0");
	spoilers[_i].fn(text_format("%s/hold", d->dir));
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	expect_line(d, "event=start-failed service=x step=exec * error=\"%s\"",
	    strerror(spoilers[_i].error));
	expect_line(d, "FAIL: x exec from=127.0.0.1");
	close(fd);
	serves(d, "y");
	daemon_stop(d);
}

END_TEST

START_TEST(a7_program_spoilt_before_the_start)
{
	struct daemon *d = daemon_new();

	if (spoilers[_i].error == ETXTBSY || spoilers[_i].fn == make_text ||
	    spoilers[_i].fn == make_foreign)
		return; /* nothing that can be seen without running it */
	daemon_service(d, "x", "tcp", "\tserver = @DIR@/hold\n");
	daemon_service(d, "y", "tcp", HOLD);
	copy_program(d, "hold");
	spoilers[_i].fn(text_format("%s/hold", d->dir));
	daemon_start(d);
	expect_line(d, "porterd.conf:* error: *hold");
	serves(d, "y");
	expect_no_line(d, "event=listening service=x");
	daemon_stop(d);
}

END_TEST

START_TEST(a7_program_path_longer_than_any)
{
	struct daemon *d = daemon_new();
	char path[6000];

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	daemon_add(d,
	    "service x\n{\n\ttype = UNLISTED\n\tprotocol = tcp\n\twait = no\n\tuser = @USER@\n\tserver = %s\n}\n",
	    path);
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "porterd.conf:* error: ");
	serves(d, "y");
	daemon_stop(d);
}

END_TEST

START_TEST(a7_failing_program_is_not_tried_for_every_client)
{
	struct daemon *d = two_services(HOLD);

	daemon_start(d);
	inject_fail(d, INJECT_EXECVE, ENOENT, -1);
	for (int i = 0; i < 20; i++) {
		int fd = daemon_connect(d, "x");
		expect_closed(fd);
		close(fd);
	}
	expect_line(d, "event=service-failing service=x");
	unsigned forks = inject_calls(d, INJECT_FORK);
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	close(fd);
	ck_assert_uint_eq(inject_calls(d, INJECT_FORK), forks);
	expect_lines(d, 21, "FAIL: x exec");
	inject_fail(d, INJECT_EXECVE, 0, 0);
	serves(d, "y");
	/* The pause ends by itself. */
	atomic_store(&d->inject->monotonic_s, 60);
	serves(d, "x");
	daemon_stop(d);
}

END_TEST

static void
set_up_process_group(struct daemon *d, const char *group, const char *most)
{
	(void)d;
	ck_assert_int_eq(mkdir(group, 0755), 0);
	write_file(text_format("%s/pids.max", group), 0644, most);
}

START_TEST(a10_fork_failure_is_tried_again)
{
	struct daemon *d = two_services(HOLD);

	daemon_start(d);
	unsigned fds = daemon_fds(d);
	inject_fail(d, INJECT_FORK, _i == 0 ? EAGAIN : ENOMEM, 1);
	int fd = daemon_connect(d, "x");
	send_text(fd, "later\n");
	expect_line(
	    d, "event=fork-failed service=x error=\"%s\"", strerror(_i == 0 ? EAGAIN : ENOMEM));
	/* The loop does not sleep meanwhile. */
	serves(d, "y");
	atomic_store(&d->inject->monotonic_s, 10);
	serves(d, "y");
	ck_assert_str_eq(read_line(fd), "later");
	close(fd);
	expect_line(d, "EXIT: x");
	expect_lines(d, 2, "EXIT: y");
	ck_assert_uint_eq(daemon_fds(d), fds);
	daemon_stop(d);
}

END_TEST

START_TEST(a10_client_that_waits_for_a_fork_meets_the_new_settings)
{
	struct daemon *d = two_services(HOLD);

	daemon_start(d);
	inject_fail(d, INJECT_FORK, EAGAIN, 1);
	int fd = daemon_connect(d, "x");
	expect_line(d, "event=fork-failed service=x");
	daemon_clear(d);
	daemon_add(d, "service daytime { id = x type = INTERNAL wait = no }\n");
	daemon_reload(d);
	atomic_store(&d->inject->monotonic_s, 10);
	daemon_signal(d, SIGUSR1);
	ck_assert_ptr_nonnull(strstr(read_line(fd), " UTC"));
	close(fd);
	expect_line(d, "START: x pid=0");
	daemon_stop(d);
}

END_TEST

START_TEST(a10_fork_that_never_works_closes_the_client_and_keeps_the_slot)
{
	struct daemon *d = two_services(HOLD "\tinstances = 1\n");
	int fd = -1;

	daemon_start(d);
	unsigned fds = daemon_fds(d);
	inject_fail(d, INJECT_FORK, EAGAIN, -1);
	fd = daemon_connect(d, "x");
	expect_line(d, "event=fork-failed service=x");
	/* Each jump of the clock is noticed in the turn that a client of the other service brings. */
	for (int i = 1; i <= 5 && count_lines(d, "FAIL: x fork") == 0; i++) {
		atomic_store(&d->inject->monotonic_s, 10 * i);
		int other = daemon_connect(d, "y");
		expect_line(d, "event=fork-failed service=y");
		close(other);
		wait_for(fd, POLLIN, now_ms() + 1500);
	}
	expect_closed(fd);
	close(fd);
	expect_line(d, "FAIL: x fork from=127.0.0.1");
	inject_fail(d, INJECT_FORK, 0, 0);
	serves(d, "x");
	expect_line(d, "EXIT: x status=0");
	serves(d, "y");
	expect_line(d, "EXIT: y status=0");
	ck_assert_uint_le(daemon_fds(d), fds);
	daemon_stop(d);
}

END_TEST

START_TEST(noretry_gives_up_at_once)
{
	struct daemon *d = two_services(HOLD "\tflags = NORETRY\n");

	daemon_start(d);
	inject_fail(d, INJECT_FORK, EAGAIN, 1);
	int fd = daemon_connect(d, "x");
	expect_closed(fd);
	expect_line(d, "FAIL: x fork");
	close(fd);
	serves(d, "x");
	daemon_stop(d);
}

END_TEST

static const char *pids_group;

static void
join_pids_group(struct daemon *d)
{
	char path[256], pid[16];
	(void)d;

	snprintf(path, sizeof(path), "%s/cgroup.procs", pids_group);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, pid, strlen(pid)) < 0)
		_exit(126);
	close(fd);
}

START_TEST(a10_kernel_refuses_to_fork)
{
	pids_group = text_format("/sys/fs/cgroup/pids/porterd-test-%d", (int)getpid());
	if (!is_root() || !path_exists("/sys/fs/cgroup/pids/cgroup.procs") ||
	    access("/sys/fs/cgroup/pids", W_OK) < 0 || getenv("PORTERD_WRAPPER") != NULL) {
		test_skip(
		    "a10_kernel_refuses_to_fork", "needs root and the pids cgroup of version 1");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(d, "x", "tcp", HOLD);
	set_up_process_group(d, pids_group, "3");
	d->before_exec = join_pids_group;
	daemon_start(d);
	int a = hold_open(d, "x"), b = hold_open(d, "x"), c = daemon_connect(d, "x");
	send_text(c, "later\n");
	expect_line(d, "event=fork-failed service=x error=\"Resource temporarily unavailable\"");
	close(a);
	ck_assert_str_eq(read_line(c), "later");
	close(b);
	close(c);
	daemon_stop(d);
	rmdir(text_format("/sys/fs/cgroup/pids/porterd-test-%d", (int)getpid()));
}

END_TEST

#define FAILING_STARTS 500

START_TEST(a11_failing_starts_leave_nothing_behind)
{
	struct daemon *d = two_services(HOLD);

	daemon_start(d);
	serves(d, "y");
	expect_line(d, "EXIT: y");
	unsigned fds = daemon_fds(d);
	long rss = 0;
	for (int i = 0; i < FAILING_STARTS; i++) {
		/* One in twenty succeeds, so that the service never rests. */
		inject_fail(d, INJECT_EXECVE, ENOENT, i % 16 != 15 ? 1 : 0);
		int fd = daemon_connect(d, "x");
		if (i % 16 == 15)
			expect_echo(fd, "works");
		else
			expect_closed(fd);
		close(fd);
		if (i % 16 == 15)
			expect_lines(d, (unsigned)i / 16 + 1, "EXIT: x status=0");
		if (i == FAILING_STARTS / 5)
			rss = daemon_rss_kb(d);
	}
	inject_fail(d, INJECT_EXECVE, 0, 0);
	expect_lines(d, FAILING_STARTS - FAILING_STARTS / 16, "FAIL: x exec");
	expect_lines(d, FAILING_STARTS / 16, "EXIT: x");
	ck_assert_uint_eq(daemon_fds(d), fds);
	if (!is_slow())
		ck_assert_int_le(daemon_rss_kb(d) - rss, 2048);
	daemon_stop(d);
}

END_TEST

START_TEST(a12_programs_get_three_descriptors)
{
	struct daemon *d = daemon_new();

	daemon_add(d,
	    "defaults\n{\n\tlog_type = FILE @DIR@/activity.log\n\tdaemon_log = FILE @DIR@/error.log\n}\n");
	daemon_add(d,
	    "service many\n{\n\ttype = UNLISTED\n\tprotocol = tcp\n\twait = no\n\tuser = @USER@\n" HOLD
	    "\tlisten =");
	for (int i = 0; i < 300; i++)
		daemon_add(d, " @ADDR@:%d", 4000 + i);
	daemon_add(d, "\n}\n");
	daemon_service(d, "x", "tcp", SHOW "\tstderr = log\n");
	daemon_service(d, "held", "tcp", HOLD "\tstderr = log\n");
	daemon_start(d);
	int held = hold_open(d, "held");
	for (int i = 0; i < 2; i++) {
		const char *shown = shown_by(d, "x");

		ck_assert_uint_eq(show_count(shown, "fd "), 3);
		ck_assert_ptr_nonnull(strstr(show_value(shown, "fd 2"), "pipe:["));
		daemon_reload(d);
	}
	close(held);
	daemon_stop(d);
}

END_TEST

static int closed_descriptors;

static void
close_some(struct daemon *d)
{
	(void)d;
	for (int fd = 0; fd <= 2; fd++)
		if (closed_descriptors & 1 << fd)
			close(fd);
}

START_TEST(a13_started_without_standard_descriptors)
{
	struct daemon *d = daemon_new();
	const char *activity = text_format("%s/activity.log", d->dir);

	closed_descriptors = _i;
	d->before_exec = close_some;
	daemon_add(d, "defaults\n{\n\tlog_type = FILE @DIR@/activity.log\n}\n");
	daemon_add(d,
	    "service echo\n{\n\tid = u\n\ttype = INTERNAL\n\tprotocol = udp\n\twait = yes\n\tuser = @USER@\n}\n");
	daemon_listen(d, "u", "udp");
	daemon_service(d, "x", "tcp", SHOW);
	daemon_start(d);
	int fd = datagram_to(d, "u");
	char answer[16];
	send_text(fd, "first");
	ck_assert(wait_for(fd, POLLIN, deadline_after()));
	ck_assert_int_eq(recv(fd, answer, sizeof(answer), 0), 5);
	close(fd);
	const char *shown = shown_by(d, "x");
	ck_assert_uint_eq(show_count(shown, "fd "), 3);
	ck_assert_ptr_nonnull(strstr(show_value(shown, "fd 0"), "socket:["));
	/* The daemon's own 0, 1 and 2 are nothing that it listens on or logs to. */
	for (int i = 0; i <= 2; i++) {
		char target[256];
		ssize_t n = readlink(
		    text_format("/proc/%d/fd/%d", (int)d->pid, i), target, sizeof(target) - 1);

		ck_assert_int_gt(n, 0);
		target[n] = '\0';
		ck_assert_msg(strstr(target, "socket:") == NULL && strstr(target, ".log") == NULL,
		    "%d: %s", i, target);
		if (_i & 1 << i)
			ck_assert_str_eq(target, "/dev/null");
	}
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	ck_assert_ptr_nonnull(strstr(read_file(activity), "START: x"));
	daemon_closed(d);
}

END_TEST

static int inherited_fd;

static void
inherit_descriptor(struct daemon *d)
{
	(void)d;
	for (int fd = 40; fd < 48; fd++)
		dup2(inherited_fd, fd);
}

START_TEST(a14_inherited_descriptors_are_closed)
{
	struct daemon *d = daemon_new();
	int fds[2];
	char byte;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	inherited_fd = fds[1];
	d->before_exec = inherit_descriptor;
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	close(fds[1]);
	ck_assert(wait_for(fds[0], POLLIN | POLLHUP, deadline_after()));
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	serves(d, "x");
	daemon_stop(d);
}

END_TEST

static void
raise_descriptors(struct daemon *d)
{
	struct rlimit limit = { 1073741816, 1073741816 };
	(void)d;

	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

START_TEST(a15_a_high_descriptor_limit_costs_nothing)
{
	struct daemon *d = two_services(SHOW);
	struct rlimit own;

	getrlimit(RLIMIT_NOFILE, &own);
	d->before_exec = raise_descriptors;
	daemon_start(d);
	/* No loop over all the numbers there could be, not at the start and not for a program. */
	ck_assert_uint_lt(inject_calls(d, INJECT_CLOSE), 300);
	unsigned before = inject_calls(d, INJECT_CLOSE);
	const char *shown = shown_by(d, "x");
	ck_assert_uint_lt(inject_calls(d, INJECT_CLOSE) - before, 30);
	ck_assert_uint_eq(show_count(shown, "fd "), 3);
	/* The program has the limit that the daemon was started with. */
	ck_assert_int_ge(
	    atoll(strchr(show_value(shown, "limit nofile"), ' ')), (long long)own.rlim_max);
	daemon_stop(d);
}

END_TEST

static void
spoil_signals(struct daemon *d)
{
	sigset_t all;
	(void)d;

	for (int signo = 1; signo < 65; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			signal(signo, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

START_TEST(a16_started_with_signals_ignored_and_blocked)
{
	struct daemon *d = daemon_new();

	d->before_exec = spoil_signals;
	daemon_service(d, "x", "tcp", SHOW);
	daemon_service(d, "y", "tcp", HOLD "\tinstances = 1\n");
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	static const char *const sets[] = { "SigIgn", "SigBlk", "SigCgt" };
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		ck_assert_str_eq(
		    show_value(shown, text_format("status %s", sets[i])), "0000000000000000");
	/* Children are reaped, a reload is heard, and in the end TERM. */
	expect_line(d, "EXIT: x status=0");
	serves(d, "y");
	expect_line(d, "EXIT: y");
	serves(d, "y");
	daemon_reload(d);
	daemon_stop(d);
}

END_TEST

START_TEST(programs_start_with_clean_signals)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", SHOW);
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "status SigIgn"), "0000000000000000");
	ck_assert_str_eq(show_value(shown, "status SigBlk"), "0000000000000000");
	ck_assert_str_eq(show_value(shown, "status SigPnd"), "0000000000000000");
	daemon_stop(d);
}

END_TEST

/* What a terminal sends to the daemon's process group is not for its programs; what is sent to one ends it. */
static const struct {
	int signo;
	bool ends;
} early_signals[] = {
	{ SIGHUP, false },
	{ SIGTERM, true },
	{ SIGINT, false },
	{ SIGQUIT, false },
	{ SIGUSR1, true },
	{ SIGCHLD, false },
};

START_TEST(a17_signal_to_a_child_before_exec_does_not_reach_the_daemon)
{
	struct daemon *d = two_services(HOLD);

	daemon_start(d);
	/* The child signals itself in its first step; the daemon must not believe that it was meant. */
	atomic_store(&d->inject->rule[INJECT_SETSID].signo, early_signals[_i].signo);
	int fd = daemon_connect(d, "x");
	if (early_signals[_i].ends)
		expect_closed(fd);
	else
		expect_echo(fd, "nothing happened");
	close(fd);
	expect_line(d, "EXIT: x ");
	atomic_store(&d->inject->rule[INJECT_SETSID].signo, 0);
	serves(d, "y");
	ck_assert(!has_notify(d, "RELOADING=1"));
	ck_assert(!path_exists(text_format("%s/run/dump", d->dir)));
	serves(d, "x");
	daemon_stop(d);
}

END_TEST

static void
spoil_surroundings(struct daemon *d)
{
	struct rlimit limit = { 500, 1000 };
	(void)d;

	umask(027);
	setrlimit(RLIMIT_NOFILE, &limit);
	limit = (struct rlimit){ 0, RLIM_INFINITY };
	setrlimit(RLIMIT_CORE, &limit);
	if (chdir("/tmp") < 0 || nice(3) < 0)
		_exit(126);
}

START_TEST(a21_surroundings_are_the_programs_own)
{
	struct daemon *d = daemon_new();

	d->before_exec = spoil_surroundings;
	daemon_service(d, "x", "tcp", SHOW);
	daemon_start(d);
	const char *shown = shown_by(d, "x"), *pid = show_value(shown, "pid");
	ck_assert_str_eq(show_value(shown, "cwd"), "/");
	ck_assert_str_eq(show_value(shown, "umask"), "0027"); /* 027 and 022 */
	ck_assert_str_eq(show_value(shown, "sid"), pid);
	ck_assert_str_eq(show_value(shown, "pgid"), pid);
	ck_assert_str_eq(show_value(shown, "tty"), "none");
	ck_assert_str_eq(show_value(shown, "ppid"), text_format("%d", (int)d->pid));
	/* The daemon raises its own limit; the program has what the daemon was started with. */
	ck_assert_str_eq(show_value(shown, "limit nofile"), "500 1000");
	ck_assert_str_eq(show_value(shown, "nice"), "3");
	daemon_stop(d);
}

END_TEST

/* What an init system may do to a daemon that it values. Lowering the score takes a right that even root may lack. */
static void
privilege_surroundings(struct daemon *d)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)d;
	if (fd < 0 || (write(fd, "-500", 4) < 0 && errno != EACCES))
		_exit(126);
	close(fd);
	if (personality(ADDR_NO_RANDOMIZE) < 0)
		_exit(126);
	if (geteuid() == 0 && prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0)
		_exit(126);
}

/* What survives the execs of a user that is not root, and its change. */
static void
ambient_surroundings(struct daemon *d)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct own[_LINUX_CAPABILITY_U32S_3];

	(void)d;
	if (geteuid() != 0)
		return;
	if (syscall(SYS_capget, &header, own) < 0)
		_exit(126);
	own[0].inheritable = 1U << CAP_NET_RAW;
	if (syscall(SYS_capset, &header, own) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) < 0)
		_exit(126);
}

static void (*const surroundings[])(
    struct daemon *d) = { NULL, privilege_surroundings, ambient_surroundings };

START_TEST(a5_no_privilege_of_the_daemon_is_handed_on)
{
	static const char *const sets[] = { "status CapInh", "status CapPrm", "status CapEff",
		"status CapAmb" };
	struct daemon *d = daemon_new();

	d->before_exec = surroundings[_i];
	daemon_service(d, "x", "tcp", geteuid() == 0 ? SHOW "\tuser = nobody\n" : SHOW);
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		ck_assert_str_eq(show_value(shown, sets[i]), "0000000000000000");
	if (surroundings[_i] == privilege_surroundings) {
		ck_assert_str_eq(show_value(shown, "personality"), "0");
		ck_assert_str_eq(show_value(shown, "oom_score_adj"), "0");
	}
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(a2_program_is_never_run_when_a_step_fails, ARRAY_LEN(step_failures)),
	TEST(a3_user_at_its_process_limit_is_a_failed_start),
	TEST_LOOP(a4_groups_are_exactly_those_configured, 4),
	TEST(a5_root_is_given_up_for_good),
	TEST_LOOP(a6_user_that_does_not_resolve_is_never_root, ARRAY_LEN(no_users)),
	TEST_LOOP(a7_program_spoilt_after_the_start, ARRAY_LEN(spoilers)),
	TEST_LOOP(a7_program_spoilt_before_the_start, ARRAY_LEN(spoilers)),
	TEST(a7_program_path_longer_than_any),
	TEST(a7_failing_program_is_not_tried_for_every_client),
	TEST_LOOP(a10_fork_failure_is_tried_again, 2),
	TEST(a10_client_that_waits_for_a_fork_meets_the_new_settings),
	TEST(a10_fork_that_never_works_closes_the_client_and_keeps_the_slot),
	TEST(noretry_gives_up_at_once),
	TEST(a10_kernel_refuses_to_fork),
	TEST(a11_failing_starts_leave_nothing_behind),
	TEST(a12_programs_get_three_descriptors),
	TEST_LOOP(a13_started_without_standard_descriptors, 8),
	TEST(a14_inherited_descriptors_are_closed),
	TEST(a15_a_high_descriptor_limit_costs_nothing),
	TEST(a16_started_with_signals_ignored_and_blocked),
	TEST(programs_start_with_clean_signals),
	TEST_LOOP(
	    a17_signal_to_a_child_before_exec_does_not_reach_the_daemon, ARRAY_LEN(early_signals)),
	TEST_LOOP(a5_no_privilege_of_the_daemon_is_handed_on, ARRAY_LEN(surroundings)),
	TEST(a21_surroundings_are_the_programs_own),
};

int
main(void)
{
	return run_functional("child", tests, ARRAY_LEN(tests));
}
