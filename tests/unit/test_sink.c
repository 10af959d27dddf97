/* SPDX-License-Identifier: MIT */
#include "base/sink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "suite.h"

static char dir[64];
static char path[128];
static int64_t now_ms;
static unsigned messages;
static char message[512];

static int64_t
fake_clock(void)
{
	return now_ms;
}

static void
remember(const char *text)
{
	messages++;
	snprintf(message, sizeof(message), "%s", text);
}

/* A new directory; path is a name in it. */
static void
start(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%.40s/sink-XXXXXX",
	    base != NULL && strlen(base) <= 40 ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	now_ms = 1000000;
	messages = 0;
	sink_set_clock(fake_clock);
	sink_set_reporter(remember);
	log_set_level(LOG_LEVEL_INFO);
}

static void
end(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(dir);
	sink_set_clock(NULL);
	sink_set_syslog_path(NULL);
	sink_set_reporter(NULL);
	log_set_sinks(NULL, NULL);
}

static struct sink *
open_file(int64_t soft, int64_t hard)
{
	const struct sink_target target = {
		.kind = SINK_FILE, .path = path, .soft_bytes = soft, .hard_bytes = hard
	};

	return sink_open(&target);
}

static const char *
content_of(const char *name)
{
	static char text[65536];
	FILE *f = fopen(name, "r");
	size_t n;

	ck_assert_msg(f != NULL, "%s: %s", name, strerror(errno));
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static const char *
read_some(int fd)
{
	static char text[65536];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	ck_assert_msg(n >= 0, "read: %s", strerror(errno));
	text[n] = '\0';
	return text;
}

START_TEST(line_with_its_stamp)
{
	struct sink *s;
	struct stat st;

	start();
	s = open_file(0, 0);
	ck_assert_int_eq(access(path, F_OK), -1); /* not before there is something to write */
	umask(022);
	errno = EXDEV;
	sink_write(s, "stamp: ", LOG_INFO, "one");
	ck_assert_int_eq(errno, EXDEV);
	sink_write(s, "", LOG_INFO, "two");
	ck_assert_str_eq(content_of(path), "stamp: one\ntwo\n");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	sink_close(s);
	end();
}

END_TEST

/* The lowest descriptor that is open on a file; -1: none. */
static int
descriptor_of(const char *name)
{
	struct stat wanted, st;

	ck_assert_int_eq(stat(name, &wanted), 0);
	for (int fd = 0; fd < 1024; fd++)
		if (fstat(fd, &st) == 0 && st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino)
			return fd;
	return -1;
}

START_TEST(descriptors_are_high_and_closed_on_exec)
{
	struct sink *s;
	int fd;

	start();
	s = open_file(0, 0);
	sink_write(s, "", LOG_INFO, "a");
	fd = descriptor_of(path);
	ck_assert_int_ge(fd, 64);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	sink_close(s);
	ck_assert_int_eq(descriptor_of(path), -1);
	end();
}

END_TEST

START_TEST(full_device_is_counted_and_told_later)
{
	const uint64_t before = sink_lost_total();
	struct sink *s;

	start();
	ck_assert_int_eq(symlink("/dev/full", path), 0);
	s = open_file(0, 0);
	for (int i = 0; i < 3; i++)
		sink_write(s, "", LOG_INFO, "a");
	ck_assert_uint_eq(sink_lost_total() - before, 3);
	ck_assert_uint_eq(messages, 1);
	ck_assert_ptr_nonnull(strstr(message, "event=log-failed"));
	ck_assert_ptr_nonnull(strstr(message, "No space left on device"));
	ck_assert_int_eq(unlink(path), 0);
	now_ms += 1000;
	sink_write(s, "stamp: ", LOG_INFO, "b");
	sink_write(s, "stamp: ", LOG_INFO, "c");
	ck_assert_str_eq(content_of(path), "stamp: 3 messages lost\nstamp: b\nstamp: c\n");
	ck_assert_uint_eq(sink_lost_total() - before, 3);
	sink_close(s);
	end();
}

END_TEST

/* A log that programs read has no line in it that they do not understand. */
START_TEST(losses_are_told_in_the_form_of_the_log)
{
	static const struct {
		const char *stamp, *line, *losses;
	} cases[] = {
		{ "", "{\"event\":\"START\"}",
		    "{\"time\":\"20*\",\"event\":\"messages-lost\",\"count\":1}" },
		{ "", "event=START service=x", "event=messages-lost count=1 time=20*" },
		{ "stamp: ", "event=ready", "stamp: 1 messages lost" },
		{ "", "START: x", "1 messages lost" },
	};
	struct sink *s;
	char pattern[256];

	start();
	ck_assert_int_eq(symlink("/dev/full", path), 0);
	s = open_file(0, 0);
	sink_write(s, cases[_i].stamp, LOG_INFO, cases[_i].line);
	ck_assert_int_eq(unlink(path), 0);
	now_ms += 1000;
	sink_write(s, cases[_i].stamp, LOG_INFO, cases[_i].line);
	snprintf(pattern, sizeof(pattern), "%s\n%s%s\n", cases[_i].losses, cases[_i].stamp,
	    cases[_i].line);
	ck_assert_msg(fnmatch(pattern, content_of(path), 0) == 0, "%s", content_of(path));
	sink_close(s);
	end();
}

END_TEST

START_TEST(opened_anew_once_a_second_at_most)
{
	const uint64_t before = sink_lost_total();
	struct sink *s;

	start();
	snprintf(path, sizeof(path), "%s/new/log", dir);
	s = open_file(0, 0);
	sink_write(s, "", LOG_INFO, "a");
	snprintf(path, sizeof(path), "%s/new", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/new/log", dir);
	now_ms += 999;
	sink_write(s, "", LOG_INFO, "b");
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_uint_eq(sink_lost_total() - before, 2);
	now_ms += 1;
	sink_write(s, "", LOG_INFO, "c");
	ck_assert_str_eq(content_of(path), "2 messages lost\nc\n");
	sink_close(s);
	unlink(path);
	snprintf(path, sizeof(path), "%s/new", dir);
	rmdir(path);
	end();
}

END_TEST

START_TEST(fifo_without_reader_blocks_nobody)
{
	struct sink *s;
	int reader;

	start();
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	s = open_file(0, 0);
	sink_write(s, "", LOG_INFO, "a");
	reader = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_ge(reader, 0);
	now_ms += 1000;
	sink_write(s, "", LOG_INFO, "b");
	ck_assert_str_eq(read_some(reader), "1 messages lost\nb\n");
	close(reader);
	sink_write(s, "", LOG_INFO, "c"); /* the reader is gone: EPIPE */
	reader = open(path, O_RDONLY | O_NONBLOCK);
	sink_write(s, "", LOG_INFO, "d");
	ck_assert_str_eq(read_some(reader), "1 messages lost\nd\n");
	close(reader);
	sink_close(s);
	end();
}

END_TEST

START_TEST(full_fifo_blocks_nobody)
{
	const uint64_t before = sink_lost_total();
	char line[1001];
	struct sink *s;
	int reader;

	start();
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	s = open_file(0, 0);
	for (int i = 0; i < 100; i++)
		sink_write(s, "", LOG_INFO, line);
	ck_assert_uint_gt(sink_lost_total() - before, 0);
	while (read(reader, line, sizeof(line)) > 0)
		;
	sink_write(s, "", LOG_INFO, "b");
	ck_assert_ptr_nonnull(strstr(read_some(reader), " messages lost\nb\n"));
	close(reader);
	sink_close(s);
	end();
}

END_TEST

START_TEST(directory_is_refused)
{
	const uint64_t before = sink_lost_total();
	struct sink *s;

	start();
	snprintf(path, sizeof(path), "%s", dir);
	s = open_file(0, 0);
	sink_write(s, "", LOG_INFO, "a");
	ck_assert_uint_eq(sink_lost_total() - before, 1);
	sink_close(s);
	end();
}

END_TEST

START_TEST(line_cut_by_a_file_size_limit)
{
	struct rlimit limit, low;
	struct sink *s;

	start();
	s = open_file(0, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	low = limit;
	low.rlim_cur = 10;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
	sink_write(s, "", LOG_INFO, "123456");
	sink_write(s, "", LOG_INFO, "abcdef");
	sink_write(s, "", LOG_INFO, "ghijkl");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	sink_write(s, "", LOG_INFO, "last");
	ck_assert_str_eq(content_of(path), "123456\nabc\n2 messages lost\nlast\n");
	sink_close(s);
	end();
}

END_TEST

/* The first line opens the file and is written at once. */
static struct sink *
gathering(void)
{
	struct sink *s = open_file(0, 0);

	ck_assert(!sink_gather(s, "", LOG_INFO, "first"));
	return s;
}

START_TEST(gathered_lines_are_written_together)
{
	struct sink *s;

	start();
	s = gathering();
	ck_assert(sink_gather(s, "stamp: ", LOG_INFO, "one"));
	ck_assert(sink_gather(s, "", LOG_INFO, "two"));
	ck_assert_str_eq(content_of(path), "first\n");
	sink_flush_all();
	ck_assert_str_eq(content_of(path), "first\nstamp: one\ntwo\n");
	sink_flush_all();
	ck_assert(sink_gather(s, "", LOG_INFO, "three"));
	sink_close(s);
	ck_assert_str_eq(content_of(path), "first\nstamp: one\ntwo\nthree\n");
	end();
}

END_TEST

START_TEST(gathered_lines_come_before_those_that_do_not_wait)
{
	struct sink *s;

	start();
	s = gathering();
	ck_assert(sink_gather(s, "", LOG_INFO, "one"));
	sink_write(s, "", LOG_INFO, "two");
	ck_assert_str_eq(content_of(path), "first\none\ntwo\n");
	sink_close(s);
	end();
}

END_TEST

START_TEST(gathered_lines_of_several_files)
{
	char other[160];
	struct sink *a, *b;

	start();
	a = gathering();
	snprintf(other, sizeof(other), "%s", path);
	snprintf(path, sizeof(path), "%s/other", dir);
	b = gathering();
	ck_assert(sink_gather(a, "", LOG_INFO, "a"));
	ck_assert(sink_gather(b, "", LOG_INFO, "b"));
	sink_close(a);
	ck_assert_str_eq(content_of(other), "first\na\n");
	ck_assert_str_eq(content_of(path), "first\n");
	sink_flush_all();
	ck_assert_str_eq(content_of(path), "first\nb\n");
	sink_close(b);
	end();
}

END_TEST

START_TEST(gathered_lines_stay_with_the_old_file)
{
	char old[160];
	struct sink *s;

	start();
	s = gathering();
	ck_assert(sink_gather(s, "", LOG_INFO, "one"));
	snprintf(old, sizeof(old), "%s.1", path);
	ck_assert_int_eq(rename(path, old), 0);
	sink_reopen_all();
	sink_gather(s, "", LOG_INFO, "two");
	ck_assert_str_eq(content_of(old), "first\none\n");
	ck_assert_str_eq(content_of(path), "two\n");
	sink_close(s);
	end();
}

END_TEST

START_TEST(no_more_lines_are_gathered_than_there_is_room_for)
{
	char line[1001] = { 0 }, big[5001] = { 0 };
	struct sink *s;

	start();
	s = gathering();
	memset(line, 'a', sizeof(line) - 1);
	memset(big, 'b', sizeof(big) - 1);
	for (int i = 0; i < 20; i++)
		ck_assert(sink_gather(s, "", LOG_INFO, line));
	ck_assert_uint_ge(strlen(content_of(path)), 15 * sizeof(line));
	ck_assert(!sink_gather(s, "", LOG_INFO, big));
	ck_assert_uint_eq(
	    strlen(content_of(path)), strlen("first\n") + 20 * sizeof(line) + sizeof(big));
	sink_close(s);
	end();
}

END_TEST

START_TEST(gathered_lines_that_cannot_be_written_are_all_counted)
{
	const uint64_t before = sink_lost_total();
	struct rlimit limit, low;
	struct sink *s;

	start();
	s = gathering();
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	low = limit;
	low.rlim_cur = 14; /* "first", "one" and a part of "two" */
	for (int i = 0; i < 3; i++)
		ck_assert(sink_gather(s, "", LOG_INFO, i == 0 ? "one" : i == 1 ? "2345678" : "x"));
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
	sink_flush_all();
	ck_assert_uint_eq(sink_lost_total() - before, 2);
	ck_assert(!sink_gather(s, "", LOG_INFO, "y"));
	ck_assert_uint_eq(sink_lost_total() - before, 3);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	now_ms += 1000;
	ck_assert(!sink_gather(s, "", LOG_INFO, "last"));
	ck_assert(sink_gather(s, "", LOG_INFO, "more"));
	sink_close(s);
	ck_assert_str_eq(content_of(path), "first\none\n2345\n3 messages lost\nlast\nmore\n");
	end();
}

END_TEST

START_TEST(where_there_are_limits_no_line_waits)
{
	struct sink *s;

	start();
	s = open_file(0, 10);
	ck_assert(!sink_gather(s, "", LOG_INFO, "12345"));
	ck_assert(!sink_gather(s, "", LOG_INFO, "123"));
	ck_assert(!sink_gather(s, "", LOG_INFO, "6"));
	ck_assert_str_eq(content_of(path), "12345\n123\n");
	sink_close(s);
	end();
}

END_TEST

START_TEST(rotated_file_is_opened_anew)
{
	char old[160];
	struct sink *s;

	start();
	s = open_file(0, 0);
	sink_write(s, "", LOG_INFO, "a");
	snprintf(old, sizeof(old), "%s.1", path);
	ck_assert_int_eq(rename(path, old), 0);
	sink_write(s, "", LOG_INFO, "b");
	sink_reopen_all();
	sink_write(s, "", LOG_INFO, "c");
	ck_assert_str_eq(content_of(old), "a\nb\n");
	ck_assert_str_eq(content_of(path), "c\n");
	sink_close(s);
	end();
}

END_TEST

START_TEST(soft_limit_warns_once)
{
	struct sink *s;

	start();
	s = open_file(10, 0);
	sink_write(s, "", LOG_INFO, "123456789"); /* 10 bytes with its newline */
	ck_assert_uint_eq(messages, 0);
	sink_write(s, "", LOG_INFO, "a");
	sink_write(s, "", LOG_INFO, "b");
	ck_assert_uint_eq(messages, 1);
	ck_assert_ptr_nonnull(strstr(message, "event=log-soft-limit"));
	ck_assert_str_eq(content_of(path), "123456789\na\nb\n");
	sink_close(s);
	end();
}

END_TEST

START_TEST(hard_limit_stops_until_opened_anew)
{
	struct sink *s;

	start();
	s = open_file(0, 10);
	sink_write(s, "", LOG_INFO, "123456789");
	sink_write(s, "", LOG_INFO, "a");
	sink_write(s, "", LOG_INFO, "b");
	ck_assert_uint_eq(messages, 1);
	ck_assert_ptr_nonnull(strstr(message, "event=log-hard-limit"));
	ck_assert_str_eq(content_of(path), "123456789\n");
	unlink(path);
	sink_write(s, "", LOG_INFO, "c");
	sink_reopen_all();
	sink_write(s, "", LOG_INFO, "d");
	ck_assert_str_eq(content_of(path), "3 messages lost\nd\n");
	sink_close(s);
	end();
}

END_TEST

START_TEST(log_that_reports_on_its_own_sink)
{
	const uint64_t before = sink_lost_total();
	struct sink *s;

	start();
	s = open_file(200, 400);
	log_set_sinks(s, s);
	for (int i = 0; i < 20; i++)
		log_info("event=a i=%d", i);
	ck_assert_ptr_nonnull(strstr(content_of(path), "event=log-soft-limit"));
	ck_assert_ptr_nonnull(strstr(content_of(path), "event=log-hard-limit"));
	ck_assert_uint_gt(sink_lost_total() - before, 0);
	log_set_sinks(NULL, NULL);
	sink_close(s);
	end();
}

END_TEST

START_TEST(log_whose_own_sink_fails)
{
	const uint64_t before = sink_lost_total();
	struct sink *s;

	start();
	ck_assert_int_eq(symlink("/dev/full", path), 0);
	s = open_file(0, 0);
	log_set_sinks(s, NULL);
	log_info("event=a");
	log_info("event=b");
	ck_assert_uint_eq(sink_lost_total() - before, 2);
	log_set_sinks(NULL, NULL);
	sink_close(s);
	end();
}

END_TEST

START_TEST(equal_targets_share_a_sink)
{
	const struct sink_target mail = {
		.kind = SINK_SYSLOG, .facility = LOG_MAIL, .level = LOG_INFO
	};
	const struct sink_target mail_notice = {
		.kind = SINK_SYSLOG, .facility = LOG_MAIL, .level = LOG_NOTICE
	};
	struct sink *a, *b, *c, *d, *e;

	start();
	a = open_file(0, 0);
	b = open_file(5, 0);
	ck_assert_ptr_eq(a, b);
	sink_close(a);
	sink_write(b, "", LOG_INFO, "still there");
	ck_assert_str_eq(content_of(path), "still there\n");
	c = sink_open(&mail);
	d = sink_open(&mail);
	e = sink_open(&mail_notice);
	ck_assert_ptr_eq(c, d);
	ck_assert_ptr_ne(c, e);
	ck_assert_ptr_ne(c, b);
	sink_close(b);
	sink_close(c);
	sink_close(d);
	sink_close(e);
	sink_close(NULL);
	end();
}

END_TEST

START_TEST(silence)
{
	const struct sink_target none = { .kind = SINK_NONE, .is_set = true };
	const uint64_t before = sink_lost_total();
	struct sink *s = sink_open(&none);

	ck_assert_ptr_nonnull(s);
	sink_write(s, "", LOG_INFO, "a");
	ck_assert_uint_eq(sink_lost_total() - before, 0);
	sink_close(s);
}

END_TEST

static int
syslog_server(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path, path, strlen(path) + 1);
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

START_TEST(syslog_line)
{
	const struct sink_target target = {
		.kind = SINK_SYSLOG, .facility = LOG_DAEMON, .level = LOG_NOTICE
	};
	char wanted[64];
	const char *got;
	struct sink *s;
	int server;

	start();
	server = syslog_server();
	sink_set_syslog_path(path);
	s = sink_open(&target);
	sink_write(s, "stamp: ", LOG_ERR, "hello");
	got = read_some(server);
	ck_assert_int_eq(strncmp(got, "<27>", 4), 0);
	snprintf(wanted, sizeof(wanted), " porterd[%d]: hello", (int)getpid());
	ck_assert_uint_gt(strlen(got), 19);
	ck_assert_str_eq(got + 19, wanted); /* <27>Nov 21 21:20:05 */
	ck_assert(got[7] == ' ' && got[10] == ' ' && got[13] == ':' && got[16] == ':');
	sink_write(s, "", -1, "at the target's level");
	ck_assert_int_eq(strncmp(read_some(server), "<29>", 4), 0);
	sink_close(s);
	close(server);
	end();
}

END_TEST

START_TEST(f9_restarted_syslog_loses_nothing)
{
	const struct sink_target target = { .kind = SINK_SYSLOG, .facility = LOG_DAEMON };
	const uint64_t before = sink_lost_total();
	struct sink *s;
	int server;

	start();
	sink_set_syslog_path(path);
	s = sink_open(&target);
	sink_write(s, "", LOG_INFO, "nobody there");
	ck_assert_uint_eq(sink_lost_total() - before, 1);
	server = syslog_server();
	now_ms += 1000;
	sink_write(s, "", LOG_INFO, "a");
	ck_assert_ptr_nonnull(strstr(read_some(server), "1 messages lost"));
	ck_assert_ptr_nonnull(strstr(read_some(server), "]: a"));
	close(server);
	server = syslog_server();
	sink_write(s, "", LOG_INFO, "b");
	ck_assert_ptr_nonnull(strstr(read_some(server), "]: b"));
	ck_assert_uint_eq(sink_lost_total() - before, 1);
	sink_close(s);
	close(server);
	end();
}

END_TEST

START_TEST(syslog_that_does_not_read_blocks_nobody)
{
	const struct sink_target target = { .kind = SINK_SYSLOG, .facility = LOG_DAEMON };
	const uint64_t before = sink_lost_total();
	struct sink *s;
	int server;

	start();
	server = syslog_server();
	sink_set_syslog_path(path);
	s = sink_open(&target);
	for (int i = 0; i < 20000 && sink_lost_total() == before; i++)
		sink_write(s, "", LOG_INFO, "a");
	ck_assert_uint_eq(sink_lost_total() - before, 1);
	sink_close(s);
	close(server);
	end();
}

END_TEST

/* One end as standard error; the former one comes back at the end. */
static int stderr_before;

static void
set_stderr(int fd)
{
	stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static void
restore_stderr(void)
{
	dup2(stderr_before, STDERR_FILENO);
	close(stderr_before);
}

static struct sink *
open_stderr(void)
{
	const struct sink_target target = { .kind = SINK_STDERR };

	return sink_open(&target);
}

START_TEST(standard_error_is_a_pipe)
{
	const uint64_t before = sink_lost_total();
	struct sink *s;
	int fds[2];

	start();
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	set_stderr(fds[1]);
	s = open_stderr();
	sink_write(s, "stamp: ", LOG_INFO, "a");
	ck_assert_str_eq(read_some(fds[0]), "stamp: a\n");
	ck_assert(sink_gather(s, "", LOG_INFO, "b"));
	ck_assert(sink_gather(s, "stamp: ", LOG_INFO, "c"));
	sink_flush_all();
	ck_assert_str_eq(read_some(fds[0]), "b\nstamp: c\n");
	/* The open file is shared with others, and stays as it was for them. */
	ck_assert(!(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK));
	for (int i = 0; i < 20000; i++)
		sink_write(s, "", LOG_INFO, "a full pipe");
	ck_assert_uint_gt(sink_lost_total() - before, 0);
	close(fds[0]);
	sink_write(s, "", LOG_INFO, "a closed one");
	sink_close(s);
	restore_stderr();
	end();
}

END_TEST

/* No descriptor is left, so that the pipe is written as it is, which must not block either. */
START_TEST(standard_error_without_descriptors)
{
	const uint64_t before = sink_lost_total();
	struct rlimit limit, low;
	char line[6001];
	struct sink *s;
	int fds[2];

	start();
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	set_stderr(fds[1]);
	s = open_stderr();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	sink_write(s, "stamp: ", LOG_INFO, "a");
	ck_assert_str_eq(read_some(fds[0]), "stamp: a\n");
	sink_write(s, "", LOG_INFO, line); /* cut to what a pipe takes at once */
	ck_assert_uint_eq(strlen(read_some(fds[0])), 4096);
	for (int i = 0; i < 20000; i++)
		sink_write(s, "", LOG_INFO, "a full pipe");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_gt(sink_lost_total() - before, 0);
	close(fds[0]);
	sink_close(s);
	restore_stderr();
	end();
}

END_TEST

START_TEST(standard_error_is_a_socket)
{
	const uint64_t before = sink_lost_total();
	struct sink *s;
	int fds[2];

	start();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	set_stderr(fds[1]);
	s = open_stderr();
	sink_write(s, "stamp: ", LOG_INFO, "a");
	ck_assert_str_eq(read_some(fds[0]), "stamp: a\n");
	for (int i = 0; i < 20000; i++)
		sink_write(s, "", LOG_INFO, "a full socket");
	ck_assert_uint_gt(sink_lost_total() - before, 0);
	close(fds[0]);
	sink_write(s, "", LOG_INFO, "a closed one");
	sink_close(s);
	restore_stderr();
	end();
}

END_TEST

START_TEST(standard_error_is_a_file)
{
	struct sink *s;

	start();
	set_stderr(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	s = open_stderr();
	sink_write(s, "stamp: ", LOG_INFO, "a");
	sink_write(s, "stamp: ", LOG_INFO, "b");
	sink_close(s);
	restore_stderr();
	ck_assert_str_eq(content_of(path), "stamp: a\nstamp: b\n");
	end();
}

END_TEST

START_TEST(standard_error_is_a_stopped_terminal)
{
	const uint64_t before = sink_lost_total();
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct sink *s;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
		test_skip("standard_error_is_a_stopped_terminal", "no pseudo terminal");
		return;
	}
	start();
	set_stderr(open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
	s = open_stderr();
	/* Nobody reads at the other end. */
	for (int i = 0; i < 2000; i++)
		sink_write(s, "", LOG_INFO,
		    "a line of some length, so that what the terminal takes is soon taken");
	ck_assert_uint_gt(sink_lost_total() - before, 0);
	sink_close(s);
	restore_stderr();
	close(master);
	end();
}

END_TEST

START_TEST(targets_are_values)
{
	char name[] = "/var/log/a";
	const struct sink_target file = {
		.kind = SINK_FILE, .path = name, .soft_bytes = 1, .hard_bytes = 2
	};
	struct sink_target copy = { 0 }, other = { 0 };

	sink_target_copy(&copy, &file);
	ck_assert_ptr_ne(copy.path, file.path);
	ck_assert(sink_target_equal(&copy, &file));
	sink_target_copy(&other, &copy);
	other.hard_bytes = 3;
	ck_assert(!sink_target_equal(&copy, &other));
	other.kind = SINK_STDERR;
	ck_assert(!sink_target_equal(&copy, &other));
	sink_target_done(&copy);
	ck_assert_ptr_null(copy.path);
	ck_assert_int_eq(copy.kind, SINK_NONE);
	sink_target_done(&other);
	copy = (struct sink_target){ .kind = SINK_SYSLOG, .facility = LOG_MAIL, .level = LOG_INFO };
	other = copy;
	ck_assert(sink_target_equal(&copy, &other));
	other.level = LOG_DEBUG;
	ck_assert(!sink_target_equal(&copy, &other));
}

END_TEST

/* Whoever owns the directory might otherwise choose a file that root appends to. */
START_TEST(f3_a_link_of_somebody_else_is_not_followed)
{
	char *target;
	struct sink *s;
	struct stat st;
	uint64_t lost = sink_lost_total();

	start();
	target = mem_format("%s/target", dir);
	ck_assert_int_eq(symlink(target, path), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(lchown(path, 54321, 54321), 0);
		s = open_file(0, 0);
		sink_write(s, "", -1, "lost");
		ck_assert_int_ne(lstat(target, &st), 0);
		ck_assert_uint_eq(sink_lost_total(), lost + 1);
		sink_close(s);
		ck_assert_int_eq(lchown(path, 0, 0), 0);
	}
	s = open_file(0, 0);
	sink_write(s, "", -1, "kept");
	ck_assert_int_eq(lstat(target, &st), 0);
	sink_close(s);
	free(target);
	end();
}

END_TEST

static const struct suite_test tests[] = {
	TEST(line_with_its_stamp),
	TEST(descriptors_are_high_and_closed_on_exec),
	TEST(full_device_is_counted_and_told_later),
	TEST_LOOP(losses_are_told_in_the_form_of_the_log, 4),
	TEST(opened_anew_once_a_second_at_most),
	TEST(fifo_without_reader_blocks_nobody),
	TEST(full_fifo_blocks_nobody),
	TEST(directory_is_refused),
	TEST(line_cut_by_a_file_size_limit),
	TEST(gathered_lines_are_written_together),
	TEST(gathered_lines_come_before_those_that_do_not_wait),
	TEST(gathered_lines_of_several_files),
	TEST(gathered_lines_stay_with_the_old_file),
	TEST(no_more_lines_are_gathered_than_there_is_room_for),
	TEST(gathered_lines_that_cannot_be_written_are_all_counted),
	TEST(where_there_are_limits_no_line_waits),
	TEST(rotated_file_is_opened_anew),
	TEST(soft_limit_warns_once),
	TEST(hard_limit_stops_until_opened_anew),
	TEST(log_that_reports_on_its_own_sink),
	TEST(log_whose_own_sink_fails),
	TEST(equal_targets_share_a_sink),
	TEST(silence),
	TEST(syslog_line),
	TEST(f9_restarted_syslog_loses_nothing),
	TEST(syslog_that_does_not_read_blocks_nobody),
	TEST(standard_error_is_a_pipe),
	TEST(standard_error_without_descriptors),
	TEST(standard_error_is_a_socket),
	TEST(standard_error_is_a_file),
	TEST(f3_a_link_of_somebody_else_is_not_followed),
	TEST(standard_error_is_a_stopped_terminal),
	TEST(targets_are_values),
};

int
main(void)
{
	/* As the daemon has them. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return run_suite("sink", tests, ARRAY_LEN(tests));
}
