/* SPDX-License-Identifier: MIT */
/* The two logs: what clients did, and what the daemon has to say. */
#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

/* Serves one client and sees its EXIT line. */
static void
serve_one(struct daemon *d, const char *name)
{
	unsigned before = count_lines(d, "EXIT: %s", name);

	close(hold_open(d, name));
	expect_lines(d, before + 1, text_format("EXIT: %s", name));
}

START_TEST(start_and_exit_lines)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	pid_t pid = ask_pid(fd);
	send_text(fd, "burn\n");
	ck_assert_str_eq(read_line(fd), "burnt");
	send_text(fd, "exit 3\n");
	expect_closed(fd);
	close(fd);
	expect_line(d, "START: x pid=%d from=127.0.0.1 conn=1", (int)pid);
	const char *line =
	    expect_line(d, "EXIT: x status=3 pid=%d duration=0(sec) cpu=* conn=1", (int)pid);
	double cpu = 0;
	ck_assert_int_eq(sscanf(strstr(line, "cpu="), "cpu=%lf(sec)", &cpu), 1);
	ck_assert(cpu >= 0.09 && cpu < 5);
	/* YY/M/D@HH:MM:SS before it, as xinetd's log readers want it. */
	int year, month, day, hour, minute, second, used = 0;
	ck_assert_int_eq(sscanf(line, "%2d/%d/%d@%2d:%2d:%2d: %n", &year, &month, &day, &hour,
			     &minute, &second, &used),
	    6);
	ck_assert_int_eq(strncmp(line + used, "EXIT:", 5), 0);
	daemon_stop(d);
}

END_TEST

START_TEST(exit_by_signal)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = hold_open(d, "x");
	send_text(fd, "kill 9\n");
	expect_closed(fd);
	expect_line(d, "EXIT: x signal=9 pid=");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(peak_memory_of_a_large_program)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp",
	    "\tserver = /bin/sh\n\tserver_args = {\"-c\", \"head -c 64000000 /dev/zero | tail -c 40000000 | wc -c\"}\n");
	daemon_start(d);
	int fd = daemon_connect(d, "x");
	ck_assert_int_eq(atoi(read_all(fd)), 40000000);
	const char *line = expect_line(d, "EXIT: x status=0 *rss=");
	ck_assert_int_ge(atol(strstr(line, "rss=") + 4), 30000);
	close(fd);
	daemon_stop(d);
}

END_TEST

static const struct {
	const char *attributes;
	const char *start, *exit; /* patterns; NULL: no such line */
} successes[] = {
	{ "\tlog_on_success = PID\n", "START: x pid=", NULL },
	{ "\tlog_on_success = HOST\n", "START: x from=127.0.0.1", NULL },
	{ "\tlog_on_success = PID EXIT\n", "START: x pid=", "EXIT: x status=0 pid=" },
	{ "\tlog_on_success = DURATION\n", "START: x", "EXIT: x duration=" },
	{ "\tlog_on_success =\n", NULL, NULL },
	{ "\tlog_on_success -= HOST DURATION\n", "START: x pid=", "EXIT: x status=0 pid=" },
	{ "\tlog_type =\n", NULL, NULL },
	{ "", "START: x pid=* from=127.0.0.1", "EXIT: x status=0 pid=*duration=" },
};

START_TEST(log_on_success_chooses)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", text_format(HOLD "%s", successes[_i].attributes));
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int fd = hold_open(d, "x");
	pid_t pid = ask_pid(fd);
	close(fd);
	/* The other service ends after the first: its line would come behind. */
	wait_gone(pid);
	serve_one(d, "y");
	daemon_stop(d);
	if (successes[_i].start != NULL)
		ck_assert_msg(count_lines(d, "%s", successes[_i].start) == 1, "%s", d->log);
	else
		expect_no_line(d, "START: x");
	if (successes[_i].exit != NULL)
		ck_assert_msg(count_lines(d, "%s", successes[_i].exit) == 1, "%s", d->log);
	else
		expect_no_line(d, "EXIT: x");
	if (_i < 6 && _i != 4 && strstr(successes[_i].attributes, "HOST\n") == NULL)
		expect_no_line(d, "START: x*from=");
}

END_TEST

START_TEST(log_on_failure_chooses)
{
	static const char *const attributes[] = { "", "\tlog_on_failure =\n",
		"\tlog_on_failure = ATTEMPT\n" };
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", text_format(HOLD "\tinstances = 1\n%s", attributes[_i]));
	daemon_start(d);
	int first = hold_open(d, "x"), second = daemon_connect(d, "x");
	expect_closed(second);
	daemon_idle(d);
	ck_assert_uint_eq(count_lines(d, "FAIL: x service_limit from=127.0.0.1"), _i == 0);
	if (_i == 1)
		expect_no_line(d, "FAIL: x");
	close(first);
	close(second);
	daemon_stop(d);
}

END_TEST

START_TEST(log_type_file_and_daemon_log_file)
{
	struct daemon *d = daemon_new();

	daemon_add(d,
	    "defaults\n{\n\tlog_type = FILE @DIR@/activity.log\n\tdaemon_log = FILE @DIR@/error.log\n}\n");
	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "own", "tcp", HOLD "\tlog_type = FILE @DIR@/own.log\n");
	daemon_start(d);
	serve_one(d, "x");
	serve_one(d, "own");
	daemon_stop(d);
	const char *text = read_file(text_format("%s/activity.log", d->dir));
	ck_assert_ptr_nonnull(strstr(text, "START: x pid="));
	ck_assert_ptr_nonnull(strstr(text, "EXIT: x status=0"));
	ck_assert_ptr_null(strstr(text, "own"));
	ck_assert_ptr_null(strstr(text, "event="));
	text = read_file(text_format("%s/own.log", d->dir));
	ck_assert_ptr_nonnull(strstr(text, "START: own"));
	text = read_file(text_format("%s/error.log", d->dir));
	ck_assert_ptr_nonnull(strstr(text, "event=ready"));
	ck_assert_ptr_null(strstr(text, "START"));
	struct stat st;
	ck_assert_int_eq(stat(text_format("%s/activity.log", d->dir), &st), 0);
	ck_assert_int_eq(st.st_mode & 022, 0);
}

END_TEST

START_TEST(files_are_opened_anew_on_hup)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tlog_type = FILE @DIR@/x.log\n");
	daemon_start(d);
	serve_one(d, "x");
	ck_assert_int_eq(
	    rename(text_format("%s/x.log", d->dir), text_format("%s/x.log.1", d->dir)), 0);
	serve_one(d, "x");
	daemon_reload(d);
	serve_one(d, "x");
	daemon_stop(d);
	ck_assert_uint_eq(show_count(read_file(text_format("%s/x.log", d->dir)), ""), 2);
	ck_assert_uint_eq(show_count(read_file(text_format("%s/x.log.1", d->dir)), ""), 4);
}

END_TEST

START_TEST(hard_limit_of_a_file)
{
	struct daemon *d = daemon_new();
	struct stat st;

	daemon_service(d, "x", "tcp", HOLD "\tlog_type = FILE @DIR@/x.log 1000 2000\n");
	daemon_start(d);
	for (int i = 0; i < 30; i++)
		serve_one(d, "x");
	expect_line(d, "event=log-soft-limit");
	expect_line(d, "event=log-hard-limit");
	ck_assert_int_eq(stat(text_format("%s/x.log", d->dir), &st), 0);
	ck_assert_int_le(st.st_size, 2200);
	ck_assert_int_ge(st.st_size, 1000);
	daemon_stop(d);
}

END_TEST

START_TEST(log_that_cannot_be_written_does_not_stop_service)
{
	static const char *const targets[] = { "/dev/full", "@DIR@/missing/x.log", "@DIR@",
		"@DIR@/fifo" };
	struct daemon *d = daemon_new();

	ck_assert_int_eq(mkfifo(text_format("%s/fifo", d->dir), 0600), 0);
	daemon_service(d, "x", "tcp", text_format(HOLD "\tlog_type = FILE %s\n", targets[_i]));
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	for (int i = 0; i < 3; i++)
		serve_one(d, "y");
	if (count_lines(d, "event=listening service=x") > 0) {
		int fd = hold_open(d, "x");

		expect_echo(fd, "served without a log");
		close(fd);
	}
	ck_assert_uint_le(count_lines(d, "event=log-failed"), 2);
	daemon_stop(d);
}

END_TEST

/* Writes until nothing fits any more. */
static void
fill(const char *path)
{
	static const char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t size = sizeof(block);

	ck_assert_int_ge(fd, 0);
	while (size > 0)
		if (write(fd, block, size) <= 0)
			size /= 2;
	close(fd);
}

/* The number of the first "N messages lost". */
static unsigned
told_losses(const char *text)
{
	const char *at = strstr(text, " messages lost");

	ck_assert_msg(at != NULL, "%s", text);
	while (at > text && isdigit((unsigned char)at[-1]))
		at--;
	return (unsigned)atoi(at);
}

START_TEST(f5_full_disk_is_counted_and_told)
{
	struct daemon *d = daemon_new();
	char disk[96], log[112], filler[112];
	unsigned lost, written;

	snprintf(disk, sizeof(disk), "%s/disk", d->dir);
	snprintf(log, sizeof(log), "%s/x.log", disk);
	snprintf(filler, sizeof(filler), "%s/filler", disk);
	ck_assert_int_eq(mkdir(disk, 0755), 0);
	if (!is_root() || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", disk, "tmpfs", 0, "size=64k") < 0) {
		test_skip("f5_full_disk_is_counted_and_told", "needs root and mount namespaces");
		return;
	}
	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tlog_type = FILE @DIR@/disk/x.log\n");
	daemon_start(d);
	serve_one(d, "x");
	daemon_idle(d);
	fill(filler);
	/* What is left of the log's last page takes some of them. */
	for (int i = 0; i < 60; i++)
		serve_one(d, "x");
	expect_line(d, "event=log-failed *No space left on device");
	ck_assert_int_eq(unlink(filler), 0);
	/* It is tried again after a while. */
	atomic_store(&d->inject->monotonic_s, 5);
	serve_one(d, "x");
	daemon_stop(d);
	const char *text = read_file(log);
	lost = told_losses(text);
	written = show_count(text, "") - 1;
	/* One of the lost may be there in part. */
	ck_assert_msg(lost + written == 2 * 62 || lost + written == 2 * 62 + 1,
	    "%u lost, %u written", lost, written);
	ck_assert_uint_gt(lost, 0);
}

END_TEST

static void
close_reader(struct daemon *d)
{
	int fds[2];
	(void)d;

	if (pipe(fds) < 0)
		_exit(126);
	dup2(fds[1], 1);
	dup2(fds[1], 2);
	close(fds[0]);
	close(fds[1]);
}

START_TEST(standard_error_without_a_reader_does_not_end_the_daemon)
{
	struct daemon *d = daemon_new();

	d->before_exec = close_reader;
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	for (int i = 0; i < 5; i++) {
		int fd = hold_open(d, "x");

		expect_echo(fd, "still there");
		close(fd);
	}
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	daemon_closed(d);
}

END_TEST

/* Nobody reads the pipe until the end; a blocking write would stop everything after 64 KiB. */
START_TEST(standard_error_that_is_full_does_not_block)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tstderr = log\n");
	daemon_start(d);
	ck_assert_int_gt(fcntl(d->log_fd, F_SETPIPE_SZ, 4096), 0);
	for (int i = 0; i < 60; i++) {
		int fd = hold_open(d, "x");

		send_text(fd, "error %0500d%%0a\n", i);
		ck_assert_str_eq(read_line(fd), "written");
		expect_echo(fd, "still there");
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

START_TEST(f6_what_a_program_writes_is_escaped_and_cut)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tstderr = log\n");
	daemon_start(d);
	int fd = hold_open(d, "x");
	send_text(fd,
	    "error a%%0db%%1b[31mc%%9bd%%25n%%25s%%ff%%fe%%07\"q\"%%0aFAIL: x forged from=192.0.2.1%%0a\n");
	ck_assert_str_eq(read_line(fd), "written");
	const char *line = expect_line(d, "event=stderr service=x *a\\x0db\\x1b[31mc");
	ck_assert_ptr_nonnull(strstr(line, "%n%s"));
	for (const char *c = line; *c != '\0'; c++)
		ck_assert(isprint((unsigned char)*c));
	expect_line(d, "event=stderr service=x *FAIL: x forged");
	/* Forged lines never stand at the beginning of one. */
	ck_assert_ptr_null(strstr(d->log, "\nFAIL: x forged"));
	send_text(fd, "error %04000d%%0a\n", 7);
	ck_assert_str_eq(read_line(fd), "written");
	expect_line(d, "event=stderr service=x *0007");
	for (const char *at = d->log, *end; (end = strchr(at, '\n')) != NULL; at = end + 1)
		ck_assert_int_lt(end - at, 5000);
	close(fd);
	daemon_stop(d);
}

END_TEST

static unsigned
count_in_file(struct daemon *d, const char *name, const char *part)
{
	unsigned count = 0;

	for (const char *at = read_file(text_format("%s/%s", d->dir, name));
	     (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

/* Each keeps to what one program may write, and all together write more than all may. */
START_TEST(f7_many_programs_share_a_budget_of_standard_error)
{
	enum { PROGRAMS = 40 };
	struct daemon *d = daemon_new();
	int fds[PROGRAMS];

	daemon_add(d, "defaults\n{\n\tdaemon_log = FILE @DIR@/error.log\n"
		      "\tlog_type = FILE @DIR@/activity.log\n}\n");
	daemon_service(d, "x", "tcp",
	    "\tstderr = log\n\tserver = /bin/sh\n"
	    "\tserver_args = {\"-c\", \"yes flood | head -n 100 >&2\"}\n");
	daemon_start(d);
	int64_t began = now_ms(), deadline = deadline_after();
	for (unsigned i = 0; i < PROGRAMS; i++)
		fds[i] = daemon_connect(d, "x");
	while (count_in_file(d, "activity.log", "EXIT: x ") < PROGRAMS) {
		ck_assert_int_lt(now_ms(), deadline);
		daemon_idle(d);
	}
	daemon_idle(d);
	int64_t seconds = (now_ms() - began) / 1000 + 2;
	unsigned lines = count_in_file(d, "error.log", "text=");
	ck_assert_uint_ge(lines, 100);
	ck_assert_int_le(lines, 1000 * seconds);
	for (unsigned i = 0; i < PROGRAMS; i++)
		close(fds[i]);
	daemon_stop(d);
}

END_TEST

static void
allow_few_descriptors(struct daemon *d)
{
	const struct rlimit few = { 256, 256 };

	(void)d;
	if (setrlimit(RLIMIT_NOFILE, &few) < 0)
		_exit(126);
}

/* Each program leaves one behind that keeps standard error open until somebody opens the fifo. */
START_TEST(kept_standard_error_takes_a_part_of_the_descriptors_only)
{
	struct daemon *d = daemon_new();
	char fifo[96];

	snprintf(fifo, sizeof(fifo), "%s/fifo", d->dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	d->before_exec = allow_few_descriptors;
	d->leaves_children = true;
	daemon_service(d, "x", "tcp",
	    "\tstderr = log\n\tserver = /bin/sh\n"
	    "\tserver_args = {\"-c\", \"cat @DIR@/fifo </dev/null >/dev/null &\"}\n");
	daemon_service(d, "y", "tcp", HOLD "\tstderr = log\n");
	daemon_start(d);
	unsigned before = daemon_fds(d);
	for (unsigned i = 1; i <= 70; i++) {
		int fd = daemon_connect(d, "x");

		expect_lines(d, i, "EXIT: x status=0");
		close(fd);
	}
	expect_line(d, "event=stderr-lost service=x error=\"Too many open files\" left-out=0");
	ck_assert_uint_le(daemon_fds(d), before + 64);
	/* What is said is lost; service goes on. */
	int fd = hold_open(d, "y");
	expect_line(d, "event=stderr-lost service=y");
	send_text(fd, "error lost%%0a\n");
	ck_assert_str_eq(read_line(fd), "written");
	close(fd);
	expect_lines(d, 1, "EXIT: y");
	int writer = open(fifo, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(writer, 0);
	/* Nobody comes too late: without the fifo cat fails at once. */
	ck_assert_int_eq(unlink(fifo), 0);
	close(writer);
	int64_t deadline = deadline_after();
	while (daemon_fds(d) > before)
		ck_assert_int_lt(now_ms(), deadline);
	fd = hold_open(d, "y");
	send_text(fd, "error heard again%%0a\n");
	ck_assert_str_eq(read_line(fd), "written");
	expect_line(d, "event=stderr service=y *heard again");
	expect_no_line(d, "event=stderr service=y *lost");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(f6_odd_ids_stay_one_word)
{
	struct daemon *d = daemon_new();

	daemon_add(d,
	    "service odd {\n\tid = \"two words\"\n\ttype = UNLISTED\n\tprotocol = tcp\n\twait = no\n"
	    "\tuser = @USER@\n\tlisten = @ADDR@:3600\n" HOLD "}\n");
	daemon_service(d, "y", "tcp", HOLD);
	daemon_start(d);
	int fd = connect_address(own_address(0), 3600);
	if (fd >= 0) {
		expect_echo(fd, "hello");
		expect_line(d, "START: \"two words\" pid=");
		close(fd);
	} else {
		expect_line(d, "porterd.conf:* error: ");
	}
	daemon_stop(d);
}

END_TEST

START_TEST(f8_wall_clock_jumps_change_nothing)
{
	static const long long jumps[] = { 86400, -86400, 30LL * 365 * 86400, -30LL * 365 * 86400 };
	struct daemon *d = daemon_new();

	daemon_inject(d);
	daemon_service(d, "x", "tcp", HOLD "\tstop_grace = 60s\n");
	daemon_start(d);
	int fd = hold_open(d, "x");
	atomic_store(&d->inject->realtime_s, jumps[_i]);
	/* Turns of the loop, a failing start with its timers, a rest with its timer, and a client. */
	inject_fail(d, INJECT_ACCEPT4, EMFILE, 1);
	int other = daemon_connect(d, "x");
	expect_line(d, "event=resting");
	atomic_store(&d->inject->monotonic_s, 5);
	daemon_signal(d, SIGUSR1);
	expect_echo(other, "served");
	close(other);
	expect_line(d, "EXIT: x *duration=0(sec)");
	inject_fail(d, INJECT_FORK, EAGAIN, 1);
	other = daemon_connect(d, "x");
	expect_line(d, "event=fork-failed");
	atomic_store(&d->inject->monotonic_s, 10);
	daemon_signal(d, SIGUSR1);
	ask_pid(other);
	close(other);
	close(fd);
	expect_lines(d, 3, "EXIT: x *duration=");
	for (const char *at = d->log; (at = strstr(at, "duration=")) != NULL; at++)
		ck_assert_int_le(llabs(atoll(at + strlen("duration="))), 60);
	daemon_reload(d);
	daemon_stop(d);
}

END_TEST

/* A /dev of the test's own, in which /dev/log is this socket. -1 where the machine does not let us. */
static int
replace_dev(struct daemon *d)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char dev[96], null[112];

	snprintf(dev, sizeof(dev), "%s/dev", d->dir);
	snprintf(null, sizeof(null), "%s/null", dev);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/log", dev);
	if (!is_root() || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	ck_assert_int_eq(mkdir(dev, 0755), 0);
	write_file(null, 0666, "");
	if (mount("/dev/null", null, NULL, MS_BIND, NULL) < 0)
		return -1;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return mount(dev, "/dev", NULL, MS_BIND | MS_REC, NULL) == 0 ? fd : -1;
}

/* Waits for a message with both texts. */
static void
expect_message(int fd, const char *priority, const char *text)
{
	int64_t deadline = deadline_after();
	char message[4096];

	for (;;) {
		ck_assert_msg(wait_for(fd, POLLIN, deadline), "no message '%s'", text);
		ssize_t n = recv(fd, message, sizeof(message) - 1, 0);
		ck_assert_int_gt(n, 0);
		message[n] = '\0';
		if (strstr(message, text) == NULL)
			continue;
		ck_assert_msg(strncmp(message, priority, strlen(priority)) == 0, "%s", message);
		ck_assert_ptr_nonnull(strstr(message, "porterd"));
		return;
	}
}

START_TEST(f9_syslog_with_facility_and_level)
{
	struct daemon *d = daemon_new();
	int fd = replace_dev(d);

	if (fd < 0) {
		test_skip("f9_syslog_with_facility_and_level", "needs root and mount namespaces");
		return;
	}
	daemon_inject(d);
	daemon_add(
	    d, "defaults\n{\n\tlog_type = SYSLOG local3 notice\n\tdaemon_log = SYSLOG daemon\n}\n");
	daemon_service(d, "x", "tcp", HOLD);
	daemon_service(d, "y", "tcp", HOLD "\tlog_type = SYSLOG auth\n");
	daemon_start(d);
	/* Priority: eight times the facility, and the level; RFC 3164. */
	expect_message(fd, text_format("<%d>", LOG_DAEMON | LOG_INFO), "event=ready");
	serve_one(d, "x");
	expect_message(fd, text_format("<%d>", LOG_LOCAL3 | LOG_NOTICE), "START: x pid=");
	expect_message(fd, text_format("<%d>", LOG_LOCAL3 | LOG_NOTICE), "EXIT: x status=0");
	serve_one(d, "y");
	expect_message(fd, text_format("<%d>", LOG_AUTH | LOG_INFO), "START: y pid=");
	/* The log goes away, and comes back: service goes on, and what is missing is told. */
	close(fd);
	serve_one(d, "x");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	ck_assert_int_eq(unlink(sa.sun_path), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	atomic_store(&d->inject->monotonic_s, 5);
	serve_one(d, "x");
	expect_message(fd, text_format("<%d>", LOG_LOCAL3 | LOG_NOTICE), "2 messages lost");
	expect_message(fd, text_format("<%d>", LOG_LOCAL3 | LOG_NOTICE), "START: x pid=");
	daemon_stop(d);
	close(fd);
}

END_TEST

/* More than are written one by one: the others wait for each other, a moment. */
START_TEST(many_lines_come_all_and_in_order)
{
	enum { LINES = 200 };
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", "\tserver = /bin/true\n\tcps = 1000 1\n");
	daemon_start(d);
	for (int i = 0; i < LINES; i++) {
		int fd = daemon_connect(d, "x");
		expect_closed(fd);
		close(fd);
	}
	expect_count(d, LINES, "EXIT: x status=0");
	ck_assert_uint_eq(count_lines(d, "START: x"), LINES);
	const char *at = d->log;
	for (int i = 1; i <= LINES; i++) {
		at = strstr(at, "START: x");
		ck_assert_ptr_nonnull(at);
		at = strstr(at, "conn=");
		ck_assert_int_eq(atoi(at + strlen("conn=")), i);
	}
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(start_and_exit_lines),
	TEST(exit_by_signal),
	TEST(peak_memory_of_a_large_program),
	TEST_LOOP(log_on_success_chooses, ARRAY_LEN(successes)),
	TEST_LOOP(log_on_failure_chooses, 3),
	TEST(log_type_file_and_daemon_log_file),
	TEST(files_are_opened_anew_on_hup),
	TEST(hard_limit_of_a_file),
	TEST_LOOP(log_that_cannot_be_written_does_not_stop_service, 4),
	TEST(f5_full_disk_is_counted_and_told),
	TEST(many_lines_come_all_and_in_order),
	TEST(standard_error_without_a_reader_does_not_end_the_daemon),
	TEST(standard_error_that_is_full_does_not_block),
	TEST(f6_what_a_program_writes_is_escaped_and_cut),
	TEST(f7_many_programs_share_a_budget_of_standard_error),
	TEST(kept_standard_error_takes_a_part_of_the_descriptors_only),
	TEST(f6_odd_ids_stay_one_word),
	TEST_LOOP(f8_wall_clock_jumps_change_nothing, 4),
	TEST(f9_syslog_with_facility_and_level),
};

int
main(void)
{
	return run_functional("log", tests, ARRAY_LEN(tests));
}
