/* SPDX-License-Identifier: MIT */
/* The daemon under the names of those in whose place it runs: their options, files and signals; and what it says about
 * their files before anybody is served from them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "functional/control.h"
#include "functional/daemon.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

/* A link to the daemon under this name, in the test's directory. */
static const char *
link_named(const struct daemon *d, const char *name)
{
	const char *path = text_format("%s/%s", d->dir, name);

	ck_assert_int_eq(symlink(PORTERD, path), 0);
	return path;
}

static struct daemon *
new_daemon(const char *name)
{
	struct daemon *d = daemon_new();

	d->binary = link_named(d, name);
	d->has_own_args = true;
	return d;
}

static struct daemon *
new_xinetd(void)
{
	struct daemon *d = new_daemon("xinetd");

	daemon_arg(d, "-dontfork");
	daemon_arg(d, "-f");
	daemon_arg(d, d->conf_path);
	return d;
}

/* A file of inetd beside the daemon's own; its path. */
static const char *
write_inetd(const struct daemon *d, const char *name, const char *text)
{
	const char *path = text_format("%s/%s", d->dir, name);

	write_file(path, 0644, daemon_text(d, text));
	return path;
}

static struct daemon *
new_inetd(const char *text)
{
	struct daemon *d = new_daemon("inetd");

	daemon_arg(d, "-i");
	daemon_arg(d, write_inetd(d, "inetd.conf", text));
	return d;
}

/* ---- xinetd ---- */

START_TEST(xinetd_serves_with_its_options)
{
	struct daemon *d = new_xinetd();
	const char *pidfile = text_format("%s/my.pid", d->dir),
		   *log = text_format("%s/x.log", d->dir);
	const char *const options[] = { "-limit", "1", "-pidfile", pidfile, "-filelog", log,
		"-reuse", "-stayalive" };

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		daemon_arg(d, options[i]);
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	int fd = hold_open(d, "hold"), second = daemon_connect(d, "hold");

	expect_closed(second);
	expect_line(d, "FAIL: hold process_limit");
	ck_assert_int_eq(atoi(read_file(pidfile)), (int)d->pid);
	ck_assert_ptr_nonnull(strstr(read_file(log), "event=ready"));
	expect_line(d, "xinetd: -reuse has no effect");
	close(fd);
	close(second);
	daemon_stop(d);
	ck_assert(!path_exists(pidfile));
}

END_TEST

/* What is refused, and how. */
static const struct {
	const char *const args[4];
	int status;
	const char *says;
} xinetd_refusals[] = {
	{ { "-nonsense" }, 1, "there is no option -nonsense" },
	{ { "-lim", "5" }, 1, "there is no option -lim" },
	{ { "-F" }, 1, "there is no option -F" },
	{ { "--nonsense" }, 1, "there is no option --nonsense" },
	{ { "stray" }, 1, "an argument too many: stray" },
	{ { "-f" }, 1, "a value is missing behind -f" },
	{ { "-limit" }, 1, "a value is missing behind -limit" },
	{ { "-limit", "many" }, 1, "a number is expected, and not many" },
	{ { "-filelog", "/x", "-syslog", "daemon" }, 1, "-filelog and -syslog: only one of them" },
	{ { "-inetd_ipv6", "-version" }, 0, "in place of xinetd" }, /* of Debian's script */
	{ { "-version" }, 0, "in place of xinetd" },
	{ { "--help" }, 0, "-inetd_compat" },
	{ { "--version" }, 0, "porterd " },
};

START_TEST(xinetd_refuses_what_it_does_not_know)
{
	struct daemon *d = daemon_new();
	const char *const *args = xinetd_refusals[_i].args;
	const char *const argv[] = { link_named(d, "xinetd"), args[0], args[1], args[2], args[3],
		NULL };
	struct run_result r = run_command(argv);

	ck_assert_int_eq(r.status, xinetd_refusals[_i].status);
	if (strstr(r.output, xinetd_refusals[_i].says) == NULL)
		ck_abort_msg("'%s' is not in: %s", xinetd_refusals[_i].says, r.output);
}

END_TEST

START_TEST(xinetd_ends_without_services)
{
	struct daemon *d = new_daemon("xinetd");

	daemon_add(d, "defaults\n{\n}\n");
	daemon_arg(d, "-d");
	daemon_arg(d, "-f");
	daemon_arg(d, d->conf_path);
	daemon_spawn(d);
	ck_assert_int_eq(daemon_wait(d), 1);
	expect_line(d, "event=start-refused reason=\"no services*");
	daemon_closed(d);
}

END_TEST

START_TEST(xinetd_stays_where_it_is_told_to)
{
	struct daemon *d = new_daemon("xinetd");

	daemon_add(d, "defaults\n{\n}\n");
	daemon_arg(d, "-d");
	daemon_arg(d, "-stayalive");
	daemon_arg(d, "-f");
	daemon_arg(d, d->conf_path);
	daemon_start(d);
	daemon_stop(d);
}

END_TEST

/* HUP and USR2 both. */
START_TEST(xinetd_reloads_by_two_signals)
{
	struct daemon *d = new_xinetd();

	daemon_entry(d, "x", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	daemon_entry(d, "y", HOLD "\tlisten = @ADDR@:3602\n");
	daemon_write(d);
	daemon_signal(d, _i == 0 ? SIGHUP : SIGUSR2);
	expect_line(d, "event=reload-done services=2*");
	daemon_stop(d);
}

END_TEST

START_TEST(xinetd_dumps_its_state)
{
	struct daemon *d = new_xinetd();
	const char *dump = text_format("%s/run/xinetd.dump", d->dir);

	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	daemon_signal(d, SIGIOT);
	expect_line(d, "event=signal-ignored signal=IOT*");
	daemon_signal(d, SIGUSR1);
	expect_line(d, "event=dump path=%s", dump);
	ck_assert_ptr_nonnull(strstr(read_file(dump), "hold"));
	daemon_stop(d);
}

END_TEST

START_TEST(xinetd_terminates_its_programs_and_quits_without_them)
{
	struct daemon *d = new_xinetd();

	d->leaves_children = true;
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	int fd = hold_open(d, "hold");

	daemon_signal(d, _i == 0 ? SIGTERM : SIGQUIT);
	ck_assert_int_eq(daemon_wait(d), 0);
	if (_i == 0) {
		expect_line(d, "EXIT: hold signal=%d", SIGTERM);
		expect_closed(fd);
	} else {
		expect_echo(fd, "still here");
	}
	close(fd);
	daemon_closed(d);
}

END_TEST

/* The new binary is started with the same name and options. */
START_TEST(an_upgrade_keeps_the_name)
{
	struct daemon *d = new_xinetd();

	daemon_arg(d, "-limit");
	daemon_arg(d, "1");
	daemon_service(d, "hold", "tcp", HOLD);
	daemon_start(d);
	int fd = hold_open(d, "hold");
	struct run_result r = porterctl(d, "upgrade", NULL);

	ck_assert_msg(r.status == 0, "%s", r.output);
	expect_line(d, "event=upgraded version=*");
	expect_echo(fd, "on");
	int second = daemon_connect(d, "hold");

	expect_closed(second);
	expect_line(d, "FAIL: hold process_limit");
	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	expect_line(d, "event=reload-done*");
	expect_no_line(d, "event=upgrade-trial*");
	close(fd);
	close(second);
	daemon_stop(d);
}

END_TEST

/* ---- inetd ---- */

#define LINE(port, program) \
 "@ADDR@:" #port " stream tcp nowait @USER@ @PROGRAMS@/" program " " program "\n"

START_TEST(inetd_serves_its_lines)
{
	struct daemon *d =
	    new_inetd("# comment\n" LINE(3610, "hold") "#<off># " LINE(3611, "hold"));

	daemon_start(d);
	int fd = connect_address(own_address(0), 3610);

	ck_assert_int_ge(fd, 0);
	expect_echo(fd, "hello");
	ck_assert_int_eq(connect_address(own_address(0), 3611), -ECONNREFUSED);
	/* A line more, and the same file again. */
	write_inetd(d, "inetd.conf", LINE(3610, "hold") LINE(3611, "hold"));
	daemon_signal(d, SIGHUP);
	expect_line(d, "event=reload-done services=2*");
	expect_echo(fd, "still here");
	int second = connect_address(own_address(0), 3611);

	ck_assert_int_ge(second, 0);
	expect_echo(second, "hello");
	close(fd);
	close(second);
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	d->leaves_children = true;
	daemon_closed(d);
}

END_TEST

START_TEST(inetd_leaves_its_programs)
{
	struct daemon *d = new_inetd(LINE(3610, "hold"));

	d->leaves_children = true;
	daemon_start(d);
	int fd = connect_address(own_address(0), 3610);

	expect_echo(fd, "hello");
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_echo(fd, "still here");
	close(fd);
	daemon_closed(d);
}

END_TEST

/* -c, for all lines that say nothing of their own; who comes too much waits. */
START_TEST(inetd_options_are_defaults)
{
	struct daemon *d = new_daemon("inetd");
	const char *text = "3610 stream tcp nowait @USER@ @PROGRAMS@/hold hold\n";
	const char *const options[] = { "-i", "-c", "1", "-a", own_address(1), "-q", "77", "-R",
		"0" };

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		daemon_arg(d, options[i]);
	daemon_arg(d, write_inetd(d, "inetd.conf", text));
	daemon_start(d);
	ck_assert_int_eq(connect_address(own_address(0), 3610), -ECONNREFUSED);
	int fd = connect_address(own_address(1), 3610);

	expect_echo(fd, "first");
	int second = connect_address(own_address(1), 3610);

	ck_assert_int_ge(second, 0);
	send_text(second, "pid\n");
	daemon_idle(d);
	ck_assert(is_silent(second));
	close(fd);
	ck_assert_int_gt(atoi(read_line(second)), 1);
	close(second);
	expect_no_line(d, "FAIL*");
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	d->leaves_children = true;
	daemon_closed(d);
}

END_TEST

static const struct {
	const char *const args[3];
	const char *says;
} inetd_refusals[] = {
	{ { "-z" }, "there is no option -z" },
	{ { "-c" }, "a value is missing behind -c" },
	{ { "-c", "x" }, "a number is expected, and not x" },
	{ { "--nonsense" }, "there is no option --nonsense" },
	{ { "-i", "/nonexistent/inetd.conf" }, "/nonexistent/inetd.conf" },
};

/* As with those in whose place it runs; and not: nobody is served. */
START_TEST(a_limit_of_zero_is_none)
{
	struct daemon *d = daemon_new();
	const char *path = write_inetd(d, "inetd.conf", "4460 stream tcp nowait nobody /bin/cat\n");
	const char *const inetd[] = { link_named(d, "inetd"), "-c", "0", "-s", "0", "-q", "0",
		"--dump", path, NULL };
	struct run_result r = run_command(inetd);

	ck_assert_ptr_nonnull(strstr(r.output, "defaults {\n}\n"));
	path = write_inetd(d, "xinetd.conf", "# nothing\n");
	const char *const xinetd[] = { link_named(d, "xinetd"), "-limit", "0", "-f", path, "--dump",
		NULL };
	r = run_command(xinetd);
	ck_assert_str_eq(r.output, "defaults {\n}\n");
}

END_TEST

START_TEST(inetd_refuses_what_it_does_not_know)
{
	struct daemon *d = daemon_new();
	const char *const *args = inetd_refusals[_i].args;
	const char *const argv[] = { link_named(d, "inetd"), "--rundir", d->dir, args[0], args[1],
		args[2], NULL };
	struct run_result r = run_command(argv);

	ck_assert_int_eq(r.status, 1);
	if (strstr(r.output, inetd_refusals[_i].says) == NULL)
		ck_abort_msg("'%s' is not in: %s", inetd_refusals[_i].says, r.output);
}

END_TEST

/* Under its own name, and several files and directories. */
START_TEST(porterd_reads_inetd_files_and_directories)
{
	struct daemon *d = daemon_new();
	const char *dir = text_format("%s/inetd.d", d->dir);

	d->has_own_args = true;
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	write_inetd(d, "inetd.d/two", LINE(3611, "hold"));
	write_inetd(d, "inetd.d/three.bak", LINE(3612, "hold"));
	daemon_arg(d, "-F");
	daemon_arg(d, "--inetd");
	daemon_arg(d, write_inetd(d, "one", LINE(3610, "hold")));
	daemon_arg(d, dir);
	daemon_start(d);
	for (unsigned port = 3610; port <= 3611; port++) {
		int fd = connect_address(own_address(0), port);

		ck_assert_int_ge(fd, 0);
		expect_echo(fd, "hello");
		close(fd);
	}
	ck_assert_int_eq(connect_address(own_address(0), 3612), -ECONNREFUSED);
	daemon_stop(d);
}

END_TEST

/* ---- before anybody is served ---- */

static struct run_result
run_porterd(const char *first, const char *second, const char *third, const char *fourth)
{
	const char *const argv[] = { PORTERD, first, second, third, fourth, NULL };

	return run_command(argv);
}

static void
expect_text(const char *output, const char *text)
{
	if (strstr(output, text) == NULL)
		ck_abort_msg("'%s' is not in:\n%s", text, output);
}

static const char xinetd_text[] =
    "service ctf\n{\n\ttype = UNLISTED\n\tport = 3620\n\tsocket_type = stream\n\twait = no\n"
    "\tuser = @USER@\n\tserver = @PROGRAMS@/hold\n\tper_source = 10 # at most\n}\n";

START_TEST(check_tells_what_xinetd_did_and_sums_up)
{
	struct daemon *d = daemon_new();
	const char *path = write_inetd(d, "ctf", xinetd_text);
	struct run_result r = run_porterd("--check", path, NULL, NULL);

	ck_assert_int_eq(r.status, 0);
	expect_text(r.output, ":9:2: note: per_source = 10: xinetd takes the comment behind it");
	expect_text(r.output, "1 service: 1 would start, 0 off, 0 left out");
	expect_text(r.output, "1 limit that xinetd never applied, and porterd does:");
	expect_text(r.output, text_format("%s:9: per_source = 10 of service ctf", path));
	expect_text(r.output, "1 service has no cps");
	expect_text(r.output, "Nothing keeps porterd from serving this.");
}

END_TEST

START_TEST(check_of_a_directory_names_what_is_skipped_and_what_is_wrong)
{
	struct daemon *d = daemon_new();
	const char *dir = text_format("%s/xinetd.d", d->dir);

	ck_assert_int_eq(mkdir(dir, 0755), 0);
	write_inetd(d, "xinetd.d/ctf", xinetd_text);
	write_inetd(d, "xinetd.d/old.rpmsave", xinetd_text);
	write_inetd(d, "xinetd.d/lines",
	    "3621 stream tcp nowait no_such_user @PROGRAMS@/hold hold\nbad stream\n"
	    "3622 dgram udp wait @USER@ @PROGRAMS@/hold hold\n");
	struct run_result r = run_porterd("--check", dir, NULL, NULL);

	ck_assert_int_eq(r.status, 1);
	expect_text(r.output, "old.rpmsave");
	expect_text(r.output, "2 files (xinetd: 1, inetd.conf: 1, porterd: 0)");
	expect_text(r.output, "3 services: 2 would start, 0 off, 1 left out");
	expect_text(r.output, "1 error in the text: mend the lines");
	expect_text(r.output, "1 thing is missing");
	expect_text(r.output, "1 line has no number behind nowait");
}

END_TEST

/* porterd's own configuration has nothing to do with xinetd. */
START_TEST(check_of_the_own_configuration_is_quiet)
{
	struct daemon *d = daemon_new();
	const char *path = write_inetd(d, "ctf", xinetd_text);
	struct run_result r = run_porterd("--check", "-f", path, NULL);

	ck_assert_int_eq(r.status, 0);
	ck_assert_ptr_null(strstr(r.output, "ignores the whole line"));
	ck_assert_ptr_null(strstr(r.output, "would start"));
}

END_TEST

static char *
dump_of_file(const char *path)
{
	struct run_result r = run_porterd("--dump", path, NULL, NULL);

	ck_assert_msg(r.status == 0, "%s", r.output);
	return strdup(strstr(r.output, "defaults {"));
}

START_TEST(convert_writes_what_loads_to_the_same)
{
	struct daemon *d = daemon_new();
	const char *from = write_inetd(d, "ctf", xinetd_text),
		   *out = text_format("%s/native", d->dir);
	char *before = dump_of_file(from), *after, *again;
	struct run_result r = run_porterd("--convert", from, NULL, NULL);

	ck_assert_int_eq(r.status, 0);
	expect_text(r.output, "service ctf {\n");
	expect_text(r.output, "\t# at most\n\tper_source = 10\n");
	write_file(text_format("%s/converted.conf", d->dir), 0644, r.output);
	after = dump_of_file(text_format("%s/converted.conf", d->dir));
	ck_assert_str_eq(before, after);
	/* A file for each service, and none is written over. */
	r = run_porterd("--convert", from, "--output", out);
	ck_assert_msg(r.status == 0, "%s", r.output);
	again = dump_of_file(text_format("%s/ctf.conf", out));
	ck_assert_str_eq(before, again);
	r = run_porterd("--convert", from, "--output", out);
	ck_assert_int_eq(r.status, 0);
	ck_assert(path_exists(text_format("%s/ctf-2.conf", out)));
	free(before);
	free(after);
	free(again);
}

END_TEST

START_TEST(convert_says_what_is_lost)
{
	struct daemon *d = daemon_new();
	const char *path = write_inetd(d, "x",
	    "service x\n{\n\tmaster = /bin/x\n\tport = 1\n\twait = no\n\tuser = root\n\tserver = /bin/cat\n}\n");
	struct run_result r = run_porterd("--convert", path, NULL, NULL);

	ck_assert_int_eq(r.status, 0);
	expect_text(r.output, ":3:2: warning: master is kept as a comment alone");
	expect_text(r.output, "\t# master = /bin/x\n");
	r = run_porterd("--convert", "/nonexistent", NULL, NULL);
	ck_assert_int_eq(r.status, 1);
	r = run_porterd("--output", "/tmp", NULL, NULL);
	ck_assert_int_eq(r.status, 2);
}

END_TEST

/* Else its services would be there twice. */
START_TEST(convert_includes_nothing_that_it_converts)
{
	struct daemon *d = daemon_new();
	const char *dir = text_format("%s/services", d->dir), *line, *main_file;
	struct run_result r;

	ck_assert_int_eq(mkdir(dir, 0755), 0);
	write_file(text_format("%s/ctf", dir), 0644, xinetd_text);
	line = text_format("includedir \"%s\"\n", dir);
	main_file = write_inetd(d, "xinetd.conf", line);
	r = run_porterd("--convert", main_file, NULL, NULL);
	ck_assert_int_eq(strncmp(strstr(r.output, "includedir \""), line, strlen(line)), 0);
	expect_text(r.output, "note: ");
	r = run_porterd("--convert", main_file, text_format("%s/", dir), NULL);
	ck_assert_int_eq(r.status, 0);
	expect_text(r.output, text_format("# %s", line));
	expect_text(r.output, "service ctf {\n");
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST(xinetd_serves_with_its_options),
		TEST_LOOP(xinetd_refuses_what_it_does_not_know, (int)ARRAY_LEN(xinetd_refusals)),
		TEST(xinetd_ends_without_services),
		TEST(xinetd_stays_where_it_is_told_to),
		TEST_LOOP(xinetd_reloads_by_two_signals, 2),
		TEST(xinetd_dumps_its_state),
		TEST_LOOP(xinetd_terminates_its_programs_and_quits_without_them, 2),
		TEST(an_upgrade_keeps_the_name),
		TEST(inetd_serves_its_lines),
		TEST(inetd_leaves_its_programs),
		TEST(inetd_options_are_defaults),
		TEST(a_limit_of_zero_is_none),
		TEST_LOOP(inetd_refuses_what_it_does_not_know, (int)ARRAY_LEN(inetd_refusals)),
		TEST(porterd_reads_inetd_files_and_directories),
		TEST(check_tells_what_xinetd_did_and_sums_up),
		TEST(check_of_a_directory_names_what_is_skipped_and_what_is_wrong),
		TEST(check_of_the_own_configuration_is_quiet),
		TEST(convert_writes_what_loads_to_the_same),
		TEST(convert_says_what_is_lost),
		TEST(convert_includes_nothing_that_it_converts),
	};

	return run_functional("front", tests, ARRAY_LEN(tests));
}
