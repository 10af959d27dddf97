/* SPDX-License-Identifier: MIT */
/* Files that are wrong: each gets its error with its place, the service concerned does not start, the others do. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "functional/daemon.h"

#define HOLD       "\tserver = @PROGRAMS@/hold\n"
#define OPENING    "service bad\n{\n\ttype = UNLISTED\n\twait = no\n\tuser = @USER@\n"
#define HEAD       OPENING "\tprotocol = tcp\n\tport = 3600\n\tbind = @ADDR@\n"
/* Lines of HEAD; what a case adds begins behind them. */
#define HEAD_LINES 8

static struct run_result
check_file(struct daemon *d)
{
	const char *argv[] = { PORTERD, "--check", "-f", d->conf_path, NULL };

	return run_command(argv);
}

static const struct {
	const char *text;
	unsigned line;     /* where the error is */
	const char *words; /* in its text; '|' between pieces that must all be there */
} cases[] = {
	{ HEAD "\tserver = /bin/cat\n", HEAD_LINES + 2, "missing }|bad" },
	{ "}\n", 1, "}" },
	{ OPENING "\tprotocol = tcp\n\tport = 0\n\tserver = /bin/cat\n}\n", 7, "port|0" },
	{ OPENING "\tprotocol = tcp\n\tport = 70000\n\tserver = /bin/cat\n}\n", 7, "port|70000" },
	{ OPENING "\tprotocol = tcp\n\tport = -1\n\tserver = /bin/cat\n}\n", 7, "port|-1" },
	{ OPENING "\tprotocol = tcp\n\tport = no-such-port-name\n\tserver = /bin/cat\n}\n", 7,
	    "no-such-port-name" },
	{ HEAD "\tserver = /bin/cat\n\tinstances = -5\n}\n", HEAD_LINES + 2, "instances|-5" },
	{ HEAD "\tserver = /bin/cat\n\tinstances = 99999999999999999999\n}\n", HEAD_LINES + 2,
	    "instances|99999" },
	{ HEAD "\tserver = /bin/cat\n\tinstances = many\n}\n", HEAD_LINES + 2, "instances|many" },
	{ HEAD "\tserver = /bin/cat\n\tinstances =\n}\n", HEAD_LINES + 2, "instances" },
	{ HEAD "\tserver = /bin/cat\n\tinstanses = 5\n}\n", HEAD_LINES + 2, "instanses|instances" },
	{ HEAD "\tserver = /nonexistent/program\n}\n", HEAD_LINES + 1, "/nonexistent/program" },
	{ HEAD "\tserver = /etc/passwd\n}\n", HEAD_LINES + 1, "/etc/passwd" },
	{ HEAD "\tserver = /etc\n}\n", HEAD_LINES + 1, "/etc" },
	{ HEAD "\tserver = cat\n}\n", HEAD_LINES + 1, "cat|path" },
	{ HEAD "}\n", 1, "server" },
	{ HEAD "\tserver = /bin/cat\n\tumask = 999\n}\n", HEAD_LINES + 2, "umask|999" },
	{ HEAD "\tserver = /bin/cat\n\tnice = 40\n}\n", HEAD_LINES + 2, "nice|40" },
	{ HEAD "\tserver = /bin/cat\n\trlimit_as = lots\n}\n", HEAD_LINES + 2, "rlimit_as|lots" },
	{ HEAD "\tserver = /bin/cat\n\tflags = FLYING\n}\n", HEAD_LINES + 2, "flags|FLYING" },
	{ HEAD "\tserver = /bin/cat\n\tstop_signal = NOSUCH\n}\n", HEAD_LINES + 2,
	    "stop_signal|NOSUCH" },
	{ HEAD "\tserver = /bin/cat\n\tenv = NOVALUE\n}\n", HEAD_LINES + 2, "env|NOVALUE" },
	{ HEAD "\tserver = /bin/cat\n\tchroot = /nonexistent\n}\n", HEAD_LINES + 2,
	    "/nonexistent" },
	{ HEAD "\tserver = /bin/cat\n\tdirectory = /nonexistent\n}\n", HEAD_LINES + 2,
	    "/nonexistent" },
	{ HEAD "\tserver = /bin/cat\n\tgroup = no-such-group\n}\n", HEAD_LINES + 2,
	    "no-such-group" },
	{ HEAD "\tserver = /bin/cat\n\tlog_type = SYSLOG nowhere\n}\n", HEAD_LINES + 2,
	    "log_type|nowhere" },
	{ HEAD "\tserver = /bin/cat\n\tsocket_type = dgram\n}\n", 0, "dgram|tcp" },
	{ OPENING
	    "\tsocket_type = stream\n\tprotocol = udp\n\tport = 3600\n\tserver = /bin/cat\n}\n",
	    0, "stream|udp" },
	{ OPENING
	    "\tsocket_type = dgram\n\tlisten = unix:/tmp/porter-bad\n\tserver = /bin/cat\n}\n",
	    0, "wait = yes" },
	{ OPENING "\tport = 3600\n\tserver = /bin/cat\n\tonly_from = 192.168\n}\n", 8,
	    "192.168.0.0/16" },
	{ OPENING "\tport = 3600\n\tserver = /bin/cat\n\tno_access = @/nonexistent/list\n}\n", 8,
	    "/nonexistent/list" },
	{ OPENING "\tport = 3600\n\tserver = /bin/cat\n\trate = 10\n}\n", 8, "10/second" },
	{ "service bad\n{\n\ttype = INTERNAL\n\tprotocol = tcp\n\tport = 3600\n\twait = no\n\tuser = @USER@\n}\n",
	    0, "INTERNAL|bad" },
	{ "service echo\n{\n\tid = bad\n\ttype = INTERNAL\n\tprotocol = tcp\n\tport = 3600\n\twait = no\n\tuser = @USER@\n"
	  "\tserver = /bin/cat\n}\n",
	    0, "INTERNAL|server" },
	{ "service bad\n{\n\ttype = UNLISTED\n\tprotocol = tcp\n\twait = no\n\tport = 3600\n\tuser = no-such-user\n"
	  "\tserver = /bin/cat\n}\n",
	    7, "no-such-user" },
	{ HEAD "\tserver = /bin/cat\n\tlisten = 300.1.2.3:4\n}\n", HEAD_LINES + 2, "300.1.2.3" },
	{ OPENING "\tprotocol = tcp\n\tlisten = unix:relative\n\tserver = /bin/cat\n}\n", 7,
	    "relative" },
	{ HEAD "\tserver = \"/bin/cat\n}\n", HEAD_LINES + 1, "quote" },
	{ HEAD "\tserver = {\"/bin/cat\"\n\tnice = 1\n}\n", 0, "}" },
	{ HEAD "\tserver = /bin/cat\n\tpassenv = A=B\n}\n", HEAD_LINES + 2, "passenv|A=B" },
	{ HEAD "\tserver /bin/cat\n}\n", HEAD_LINES + 1, "=" },
	{ "service\n{\n}\n", 1, "service" },
	{ "servise bad\n{\n}\n", 1, "servise" },
};

/* True if some line of the output is an error at this line of the file and holds all the words. */
static bool
has_error(const char *output, const char *path, unsigned line, const char *words)
{
	const char *prefix =
	    line > 0 ? text_format("%s:%u:", path, line) : text_format("%s:", path);

	for (const char *at = output; (at = strstr(at, prefix)) != NULL; at++) {
		const char *text = text_format("%.*s", (int)strcspn(at, "\n"), at);
		bool all = strstr(text, ": error: ") != NULL;

		for (const char *w = words; all && *w != '\0';
		     w += strcspn(w, "|") + (w[strcspn(w, "|")] == '|'))
			all = strstr(text, text_format("%.*s", (int)strcspn(w, "|"), w)) != NULL;
		if (all)
			return true;
	}
	return false;
}

START_TEST(each_error_has_its_place_and_the_other_services_start)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "%s", cases[_i].text);
	daemon_entry(d, "good", HOLD "\tlisten = @ADDR2@:3700\n");
	daemon_write(d);
	struct run_result r = check_file(d);
	ck_assert_msg(r.status == 1, "status %d: %s", r.status, r.output);
	ck_assert_msg(has_error(r.output, d->conf_path, cases[_i].line, cases[_i].words),
	    "no '%s' at line %u:\n%s", cases[_i].words, cases[_i].line, r.output);
	/* The caret. */
	ck_assert_ptr_nonnull(strchr(r.output, '^'));
	ck_assert_ptr_null(strstr(r.output, "good:"));
	daemon_start(d);
	int fd = connect_address(own_address(1), 3700);
	ck_assert_msg(fd >= 0, "the good service is not there: %s", strerror(-fd));
	expect_echo(fd, "served");
	close(fd);
	expect_no_line(d, "event=listening service=bad");
	ck_assert_int_lt(connect_address(own_address(0), 3600), 0);
	daemon_stop(d);
}

END_TEST

START_TEST(all_problems_are_named_not_only_the_first)
{
	struct daemon *d = daemon_new();

	daemon_add(d, HEAD
	    "\tserver = /nonexistent/one\n\tinstances = -1\n\tnice = 99\n}\n"
	    "service worse\n{\n\tprotocol = tcp\n\tport = 0\n\tuser = no-such-user\n\tserver = two\n}\n");
	daemon_write(d);
	struct run_result r = check_file(d);
	static const char *const wanted[] = { "/nonexistent/one", "-1", "99", "no-such-user", "two",
		"port" };
	ck_assert_int_eq(r.status, 1);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		ck_assert_msg(strstr(r.output, wanted[i]) != NULL, "%s:\n%s", wanted[i], r.output);
}

END_TEST

START_TEST(two_services_on_one_address)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "first", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_entry(d, "second", "\tserver = /bin/false\n\tlisten = @ADDR@:3600\n");
	daemon_start(d);
	expect_line(d, "porterd.conf:* error: *first");
	int fd = connect_address(own_address(0), 3600);
	ck_assert_int_ge(fd, 0);
	expect_echo(fd, "the first serves");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(not_root_and_another_user_is_an_error)
{
	if (is_root()) {
		test_skip("not_root_and_another_user_is_an_error", "runs as root");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(d, "x", "tcp", HOLD "\tuser = root\n");
	daemon_service(d, "good", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "porterd.conf:* error: *user");
	expect_no_line(d, "event=listening service=x");
	close(hold_open(d, "good"));
	daemon_stop(d);
}

END_TEST

static void
make_directory_of(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void
make_fifo_of(const char *path)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void
make_device_of(const char *path)
{
	ck_assert_int_eq(symlink("/dev/zero", path), 0);
}

static void
make_loop_of(const char *path)
{
	ck_assert_int_eq(symlink(path, path), 0);
}

static void
make_nothing_of(const char *path)
{
	(void)path;
}

static void (*const makers[])(const char *path) = { make_directory_of, make_fifo_of, make_device_of,
	make_loop_of, make_nothing_of };

START_TEST(main_file_that_is_no_file)
{
	struct daemon *d = daemon_new();

	makers[_i](d->conf_path);
	struct run_result r = check_file(d);
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.output, d->conf_path));
	const char *argv[] = { PORTERD, "-F", "-f", d->conf_path, NULL };
	r = run_command(argv);
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.output, d->conf_path));
}

END_TEST

START_TEST(included_file_that_is_no_file)
{
	struct daemon *d = daemon_new();

	makers[_i](text_format("%s/more", d->dir));
	daemon_add(d, "include @DIR@/more\n");
	daemon_service(d, "good", "tcp", HOLD);
	daemon_write(d);
	struct run_result r = check_file(d);
	ck_assert_ptr_nonnull(strstr(r.output, text_format("%s:1:", d->conf_path)));
	daemon_start(d);
	close(hold_open(d, "good"));
	daemon_stop(d);
}

END_TEST

START_TEST(unreadable_file)
{
	if (is_root()) {
		test_skip("unreadable_file", "root reads everything");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_write(d);
	ck_assert_int_eq(chmod(d->conf_path, 0), 0);
	struct run_result r = check_file(d);
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.output, strerror(EACCES)));
}

END_TEST

START_TEST(e2_directory_of_odd_entries)
{
	struct daemon *d = daemon_new();
	char conf_d[128], path[256];

	snprintf(conf_d, sizeof(conf_d), "%s/conf.d", d->dir);
	ck_assert_int_eq(mkdir(conf_d, 0755), 0);
	const char *good = daemon_text(d,
	    "service NAME\n{\n\ttype = UNLISTED\n\tprotocol = tcp\n\twait = no\n\tuser = @USER@\n" HOLD
	    "}\n");
	char text[1024];
	static const char *const loaded[] = { "one", "two.conf" };
	static const char *const skipped[] = { "saved.rpmsave", "old~", ".hidden", "a.b.conf",
		"x.dpkg-dist", "new\nline.d" };
	for (size_t i = 0; i < 2; i++) {
		const char *at = strstr(good, "NAME");

		snprintf(path, sizeof(path), "%s/%s", conf_d, loaded[i]);
		snprintf(
		    text, sizeof(text), "%.*s%.3s%s", (int)(at - good), good, loaded[i], at + 4);
		write_file(path, 0644, text);
	}
	for (size_t i = 0; i < ARRAY_LEN(skipped); i++) {
		snprintf(path, sizeof(path), "%s/%s", conf_d, skipped[i]);
		write_file(
		    path, 0644, "service forbidden\n{\n\tprotocol = tcp\n\tport = 70000\n}\n");
	}
	ck_assert_int_eq(mkfifo(text_format("%s/fifo", conf_d), 0644), 0);
	ck_assert_int_eq(mkdir(text_format("%s/directory", conf_d), 0755), 0);
	ck_assert_int_eq(symlink("/nonexistent", text_format("%s/dangling", conf_d)), 0);
	ck_assert_int_eq(symlink("loop", text_format("%s/loop", conf_d)), 0);
	ck_assert_int_eq(symlink("/dev/zero", text_format("%s/device", conf_d)), 0);
	write_file(text_format("%s/empty", conf_d), 0644, "");
	ck_assert_int_eq(symlink("one", text_format("%s/twice", conf_d)), 0);
	daemon_add(d, "includedir @DIR@/conf.d\n");
	daemon_listen(d, "one", "tcp");
	daemon_listen(d, "two", "tcp");
	daemon_write(d);
	struct run_result r = check_file(d);
	for (size_t i = 0; i < ARRAY_LEN(skipped) - 1; i++)
		ck_assert_msg(strstr(r.output, skipped[i]) != NULL, "%s is not named:\n%s",
		    skipped[i], r.output);
	ck_assert_ptr_null(strstr(r.output, "forbidden"));
	daemon_start(d);
	close(hold_open(d, "one"));
	close(hold_open(d, "two"));
	static const char *const named[] = { "fifo", "directory", "dangling", "loop", "device",
		"saved.rpmsave", "old~" };
	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		expect_line(d, "%s in *conf.d is skipped", named[i]);
	daemon_stop(d);
}

END_TEST

START_TEST(e2_includedir_that_is_missing_or_a_file)
{
	struct daemon *d = daemon_new();

	write_file(text_format("%s/file", d->dir), 0644, "");
	daemon_add(d, "includedir @DIR@/none\nincludedir @DIR@/file\n");
	daemon_service(d, "good", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "porterd.conf:1:*none");
	expect_line(d, "porterd.conf:2:*file");
	close(hold_open(d, "good"));
	daemon_stop(d);
}

END_TEST

START_TEST(e4_include_of_itself)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "%s", _i == 0 ? "include @DIR@/porterd.conf\n" : "include @DIR@/a\n");
	write_file(text_format("%s/a", d->dir), 0644, daemon_text(d, "include @DIR@/b\n"));
	write_file(text_format("%s/b", d->dir), 0644, daemon_text(d, "include @DIR@/a\n"));
	daemon_service(d, "good", "tcp", HOLD);
	daemon_start(d);
	expect_line(d, "* error: *inc");
	close(hold_open(d, "good"));
	daemon_stop(d);
}

END_TEST

START_TEST(e4_ten_thousand_services)
{
	struct daemon *d = daemon_new();
	const int count = is_slow() ? 1000 : 10000;
	FILE *f = fopen(d->conf_path, "we");

	for (int i = 0; i < count; i++)
		fprintf(f,
		    "service s%d\n{\n\tdisable = yes\n\ttype = UNLISTED\n\tprotocol = tcp\n\tport = %d\n\twait = no\n"
		    "\tuser = root\n\tserver = /bin/cat\n}\n",
		    i, 1000 + i);
	fclose(f);
	int64_t before = now_ms();
	struct run_result r = check_file(d);
	ck_assert_msg(r.status == 0, "%d %.2000s", r.status, r.output);
	ck_assert_int_lt(now_ms() - before, 5000);
}

END_TEST

START_TEST(e4_line_of_a_megabyte)
{
	struct daemon *d = daemon_new();
	const size_t size = 1 << 20;
	char *line = malloc(size + 1);

	ck_assert_ptr_nonnull(line);
	memset(line, _i == 1 ? '\'' : 'x', size);
	line[size] = '\0';
	const char *forms[] = { "service bad\n{\n\tserver_args = %s\n}\n",
		"service bad\n{\n\tserver_args = %s\n}\n", "# %s\n", "%s\n", "service %s\n{\n}\n" };
	FILE *f = fopen(d->conf_path, "we");
	/* One of five fixed forms. */
	const char *form = forms[_i], *at = strstr(form, "%s");
	fprintf(f, "%.*s%s%s", (int)(at - form), form, line, at + 2);
	fclose(f);
	int64_t before = now_ms();
	struct run_result r = check_file(d);
	ck_assert_int_eq(r.status, _i == 2 ? 0 : 1);
	ck_assert_uint_lt(strlen(r.output), 20000);
	ck_assert_int_lt(now_ms() - before, 5000);
	free(line);
}

END_TEST

START_TEST(e4_twenty_thousand_lines_and_an_error_in_the_last)
{
	struct daemon *d = daemon_new();
	FILE *f = fopen(d->conf_path, "we");

	for (int i = 0; i < 20000; i++)
		fprintf(f, "# line %d\n", i);
	fprintf(f, "nonsense\n");
	fclose(f);
	struct run_result r = check_file(d);
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.output, text_format("%s:20001:1: error: ", d->conf_path)));
}

END_TEST

/* Bytes that are no text, in and around a service that would be fine. */
static const struct {
	const char *before, *after;
	bool is_fine;
} odd_bytes[] = {
	{ "\xef\xbb\xbf", "", true }, /* BOM */
	{ "", "# \xed\x95\x9c\xea\xb5\xad\xec\x96\xb4\n", true },
	{ "# \xff\xfe\x80\n", "", true }, /* a comment may hold anything */
	{ "", "\xff\xfe\x80\n", false },
	{ "\x01\x02\x03\x04\n", "", false },
};

START_TEST(e5_odd_bytes)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "%s", odd_bytes[_i].before);
	daemon_service(d, "good", "tcp", HOLD);
	daemon_add(d, "%s", odd_bytes[_i].after);
	daemon_start(d);
	if (odd_bytes[_i].is_fine)
		expect_no_line(d, ": error: ");
	else
		expect_line(d, "porterd.conf:*: error: ");
	close(hold_open(d, "good"));
	daemon_stop(d);
}

END_TEST

START_TEST(e5_carriage_returns_and_a_missing_last_newline)
{
	struct daemon *d = daemon_new();
	char text[4096];
	size_t len = 0;

	daemon_service(d, "good", "tcp", HOLD);
	for (const char *c = d->conf; *c != '\0'; c++) {
		if (*c == '\n')
			text[len++] = '\r';
		text[len++] = *c;
	}
	text[len - 2] = '\0';
	daemon_clear(d);
	daemon_add(d, "%s", text);
	daemon_start(d);
	close(hold_open(d, "good"));
	daemon_stop(d);
}

END_TEST

START_TEST(e5_binary_file_and_nul_bytes)
{
	struct daemon *d = daemon_new();

	if (_i == 0)
		copy_file(PROGRAM("show"), d->conf_path, 0600);
	else
		write_bytes(d->conf_path, "service x\0y\n{\n}\n", 16);
	struct run_result r = check_file(d);
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.output, text_format("%s:", d->conf_path)));
	ck_assert_uint_lt(strlen(r.output), 200000);
	for (const char *c = r.output; *c != '\0'; c++)
		ck_assert_msg(*c != '\x1b' && *c != '\a', "a control character is printed");
}

END_TEST

/* As root nothing that another user could have written is believed. */
static const struct {
	const char *path; /* below the directory */
	mode_t mode;      /* new mode; 0: the owner changes */
	bool passes;
} distrusted[] = {
	{ "etc/porterd.conf", 0620, false },
	{ "etc/porterd.conf", 0602, false },
	{ "etc/porterd.conf", 0, false },
	{ "etc", 0775, false },
	{ "etc", 0757, false },
	{ "etc", 0, false },
	{ "etc", 01777, true },
	{ "etc/more", 0666, false },
	{ "etc/more", 0, false },
	{ "etc/conf.d", 0777, false },
	{ "etc/conf.d/one", 0, false },
	{ "etc/conf.d/one", 0644, true },
	{ "etc/porterd.conf", 0400, true },
};

START_TEST(e1_what_others_could_have_written_is_refused)
{
	if (!is_root()) {
		test_skip(
		    "e1_what_others_could_have_written_is_refused", "not root: any owner will do");
		return;
	}
	struct daemon *d = daemon_new();
	char path[128];
	ck_assert_int_eq(mkdir(text_format("%s/etc", d->dir), 0755), 0);
	ck_assert_int_eq(mkdir(text_format("%s/etc/conf.d", d->dir), 0755), 0);
	snprintf(d->conf_path, sizeof(d->conf_path), "%s/etc/porterd.conf", d->dir);
	write_file(text_format("%s/etc/more", d->dir), 0644,
	    daemon_text(d, "service more\n{\n\ttype = UNLISTED\n\twait = no\n"
			   "\tuser = root\n" HOLD "\tlisten = @ADDR@:3601\n}\n"));
	write_file(text_format("%s/etc/conf.d/one", d->dir), 0644,
	    daemon_text(d, "service one\n{\n\ttype = UNLISTED\n"
			   "\twait = no\n\tuser = root\n" HOLD "\tlisten = @ADDR@:3602\n}\n"));
	daemon_add(d, "include @DIR@/etc/more\nincludedir @DIR@/etc/conf.d\n");
	daemon_entry(d, "main", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_write(d);
	snprintf(path, sizeof(path), "%s/%s", d->dir, distrusted[_i].path);
	/* A group that can write must have somebody in it beside root. */
	if (distrusted[_i].mode & 020)
		ck_assert_int_eq(chown(path, 0, 65534), 0);
	if (distrusted[_i].mode != 0)
		ck_assert_int_eq(chmod(path, distrusted[_i].mode), 0);
	else
		ck_assert_int_eq(chown(path, 65534, 65534), 0);
	const char *argv[] = { PORTERD, "--check", "-f", d->conf_path, NULL };
	struct run_result r = run_command(argv);
	if (distrusted[_i].passes) {
		ck_assert_msg(r.status == 0, "%s", r.output);
		return;
	}
	ck_assert_int_eq(r.status, 1);
	ck_assert_msg(strstr(r.output, path) != NULL, "%s is not named:\n%s", path, r.output);
}

END_TEST

START_TEST(e1_link_to_a_file_of_another_user)
{
	if (!is_root()) {
		test_skip("e1_link_to_a_file_of_another_user", "not root: any owner will do");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(d, "good", "tcp", HOLD);
	write_file(text_format("%s/target", d->dir), 0644, d->conf);
	ck_assert_int_eq(symlink(text_format("%s/target", d->dir), d->conf_path), 0);
	const char *argv[] = { PORTERD, "-F", "-f", d->conf_path, "--check", NULL };
	ck_assert_int_eq(chown(text_format("%s/target", d->dir), 65534, 65534), 0);
	ck_assert_int_eq(run_command(argv).status, 1);
	/* --trust-owner names who else may own it. */
	const char *trusting[] = { PORTERD, "-f", d->conf_path, "--check", "--trust-owner",
		"nobody", NULL };
	struct run_result r = run_command(trusting);
	ck_assert_msg(strstr(r.output, "target") == NULL, "%s", r.output);
}

END_TEST

START_TEST(e1_refused_at_a_reload_too)
{
	if (!is_root()) {
		test_skip("e1_refused_at_a_reload_too", "not root: any owner will do");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	int fd = hold_open(d, "x");
	ck_assert_int_eq(chmod(d->conf_path, 0666), 0);
	daemon_signal(d, SIGHUP);
	expect_line(d, "event=reload-refused");
	expect_line(d, "event=config severity=error *porterd.conf");
	expect_echo(fd, "undisturbed");
	close(fd);
	close(hold_open(d, "x"));
	daemon_stop(d);
}

END_TEST

START_TEST(check_of_a_clean_file_and_of_notes)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_write(d);
	struct run_result r = check_file(d);
	ck_assert_int_eq(r.status, 0);
	ck_assert_str_eq(r.output, "");
	daemon_clear(d);
	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3600\n\tflags = REUSE\n\tkafel_rule = a\n");
	daemon_write(d);
	r = check_file(d);
	ck_assert_int_eq(r.status, 0);
	ck_assert_ptr_nonnull(strstr(r.output, ": warning: "));
	ck_assert_ptr_nonnull(strstr(r.output, ": note: "));
}

END_TEST

START_TEST(dump_loads_again_to_the_same)
{
	struct daemon *d = daemon_new();

	daemon_add(d,
	    "defaults\n{\n\tinstances = 7\n\tenv = A=1\n\tlog_type = FILE /tmp/x 1000 2000\n\tenabled = x y\n}\n");
	daemon_entry(d, "x",
	    HOLD
	    "\tlisten = @ADDR@:3600 unix:@DIR@/s\n\tenv += B=2\n\tserver_args = -a \"b c\" #d\n"
	    "\trlimit_as = 64M\n\tumask = 077\n\tnice = 3\n\tflags = NODELAY\n\tstop_signal = INT\n\tstop_grace = 90s\n");
	daemon_entry(d, "y",
	    "\tserver = @PROGRAMS@/waiter\n\tprotocol = udp\n\twait = yes\n\tport = 3700\n\tbind = @ADDR@\n"
	    "\tpassenv =\n\tlog_on_success =\n");
	daemon_write(d);
	/* Notes go to standard error. */
	const char *command =
	    text_format("exec " PORTERD " --dump -f %s 2>/dev/null", d->conf_path);
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	struct run_result r = run_command(argv);
	ck_assert_msg(r.status == 0, "%s", r.output);
	char *first = strdup(r.output);
	write_file(d->conf_path, 0600, first);
	r = run_command(argv);
	ck_assert_str_eq(r.output, first);
	ck_assert_ptr_nonnull(strstr(first, "instances"));
	free(first);
}

END_TEST

static const struct suite_test tests[] = {
	TEST_LOOP(each_error_has_its_place_and_the_other_services_start, ARRAY_LEN(cases)),
	TEST(all_problems_are_named_not_only_the_first),
	TEST(two_services_on_one_address),
	TEST(not_root_and_another_user_is_an_error),
	TEST_LOOP(main_file_that_is_no_file, ARRAY_LEN(makers)),
	TEST_LOOP(included_file_that_is_no_file, ARRAY_LEN(makers)),
	TEST(unreadable_file),
	TEST(e2_directory_of_odd_entries),
	TEST(e2_includedir_that_is_missing_or_a_file),
	TEST_LOOP(e4_include_of_itself, 2),
	TEST(e4_ten_thousand_services),
	TEST_LOOP(e4_line_of_a_megabyte, 5),
	TEST(e4_twenty_thousand_lines_and_an_error_in_the_last),
	TEST_LOOP(e5_odd_bytes, ARRAY_LEN(odd_bytes)),
	TEST(e5_carriage_returns_and_a_missing_last_newline),
	TEST_LOOP(e5_binary_file_and_nul_bytes, 2),
	TEST_LOOP(e1_what_others_could_have_written_is_refused, ARRAY_LEN(distrusted)),
	TEST(e1_link_to_a_file_of_another_user),
	TEST(e1_refused_at_a_reload_too),
	TEST(check_of_a_clean_file_and_of_notes),
	TEST(dump_loads_again_to_the_same),
};

int
main(void)
{
	return run_functional("badinput", tests, ARRAY_LEN(tests));
}
