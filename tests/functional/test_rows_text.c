/* SPDX-License-Identifier: MIT */
/* Where a file that xinetd reads means something else here, or more: what is written. One test a difference. */
#include <check.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "functional/rows.h"

#define HEAD "service x\n{\n\ttype = UNLISTED\n\twait = no\n\tuser = @USER@\n\tprotocol = tcp\n"
/* For --check: what listens on an inherited socket needs none. */
#define P1   "\tport = 3601\n"
#define P2   "\tport = 3602\n"
#define P3   "\tport = 3603\n"

static int
connect_here(unsigned port)
{
	int fd = connect_address(own_address(0), port);

	ck_assert_msg(fd >= 0, "port %u: %s", port, strerror(-fd));
	return fd;
}

static void
is_served_here(unsigned port)
{
	int fd = connect_here(port);

	ck_assert(is_answered(fd));
	close(fd);
}

START_TEST(comment_after_a_value)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tper_source = 10 # max\n" P1);
	daemon_service(d, "off", "tcp", HOLD "\tdisable = yes // not now\n" P2);
	daemon_service(d, "show", "tcp", SHOW "\tserver_args = -a # b\n" P3);
	daemon_add(d, "# the end\n");
	struct run_result r = checked(d);
	ck_assert_int_eq(r.status, 0);
	ck_assert(names_line(&r, 4, "", "comment"));
	daemon_start(d);
	int fds[11];
	for (int i = 0; i < 11; i++) {
		fds[i] = daemon_connect(d, "x");
		ck_assert(is_answered(fds[i]) == (i < 10));
	}
	expect_line(d, "FAIL: x per_source_limit from=127.0.0.1");
	for (int i = 0; i < 11; i++)
		close(fds[i]);
	const char *shown = shown_by(d, "show");
	ck_assert_str_eq(show_value(shown, "argv 2"), "#");
	ck_assert_str_eq(show_value(shown, "argv 3"), "b");
	expect_no_line(d, "service=off");
	daemon_stop(d);
}

END_TEST

START_TEST(brace_on_the_line_no_blanks_carriage_returns_bom_and_quotes)
{
	struct daemon *d = daemon_new();

	daemon_add(d,
	    "\xef\xbb\xbf# first\nservice x {\r\n\ttype=UNLISTED\r\n\tprotocol=tcp\r\n\tport=3600\r\n"
	    "\tbind=@ADDR@\r\n\twait=no\r\n\tuser=@USER@\r\n\tserver=\"@PROGRAMS@/show\"\r\n"
	    "\tserver_args = \"word\" a\"b\r\n}\r\n");
	daemon_start(d);
	int fd = connect_here(3600);
	const char *shown = read_all(fd);
	ck_assert_str_eq(show_value(shown, "argc"), "3");
	ck_assert_str_eq(show_value(shown, "argv 1"), "word");
	ck_assert_str_eq(show_value(shown, "argv 2"), "a\"b");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(unknown_attribute)
{
	static const char *const near_misses[] = { "only_form = 127.0.0.1", "per_souce = 1",
		"instanses = 1" };
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tkafel_rule = /etc/pwn.kafel\n" P1);
	struct run_result r = checked(d);
	ck_assert_int_eq(r.status, 0);
	ck_assert(names_line(&r, 4, "warning", "kafel_rule"));
	daemon_service(d, "y", "tcp", text_format(HOLD P2 "\t%s\n", near_misses[_i]));
	r = checked(d);
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.output, "did you mean"));
	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.1"));
	expect_no_line(d, "event=listening service=y");
	daemon_stop(d);
}

END_TEST

START_TEST(known_but_not_supported)
{
	static const struct {
		const char *line;
		bool is_error;
	} rows[] = {
		{ "type = RPC UNLISTED", true },
		{ "flags = INTERCEPT", true },
		{ "flags = LABELED", true },
		{ "flags = IDONLY", true },
		{ "mdns = yes", false },
		{ "flags = REUSE", false },
		{ "log_on_success = USERID", false },
	};
	struct daemon *d = daemon_new();

	daemon_add(d,
	    "service x\n{\n\twait = no\n\tuser = @USER@\n\tprotocol = tcp\n\tport = 3600\n" HOLD
	    "\t%s\n%s}\n",
	    rows[_i].line, strstr(rows[_i].line, "type") != NULL ? "" : "\ttype = UNLISTED\n");
	struct run_result r = checked(d);
	ck_assert_int_eq(r.status, rows[_i].is_error);
	ck_assert(names_line(&r, 8, rows[_i].is_error ? "error" : "", ""));
}

END_TEST

START_TEST(internal_sensor_that_is_no_builtin)
{
	/* Loopback addresses are never shut out. */
	if (!own_network()) {
		test_skip("internal_sensor_that_is_no_builtin", "no network of its own");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_service(d, "bait", "tcp",
	    "\ttype = INTERNAL UNLISTED\n\tflags = SENSOR\n\tdeny_time = FOREVER\n\tuser = @USER@\n");
	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	close(hold_open_from(d, "x", "198.51.100.7"));
	expect_refused(d, "bait", "198.51.100.7");
	expect_line(d, "FAIL: bait sensor from=198.51.100.7");
	expect_refused(d, "x", "198.51.100.7");
	close(hold_open_from(d, "x", "198.51.100.8"));
	daemon_stop(d);
}

END_TEST

START_TEST(cps_not_given)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_start(d);
	for (int i = 0; i < 120; i++)
		ck_assert(serves(d, "x", "127.0.0.1"));
	expect_no_line(d, "FAIL");
	daemon_stop(d);
}

END_TEST

START_TEST(scalar_given_twice)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp",
	    HOLD
	    "\tinstances = 1\n\tinstances = 9\n\tonly_from = 127.0.0.1\n\tonly_from = 127.0.0.2\n" P1);
	struct run_result r = checked(d);
	ck_assert_int_eq(r.status, 0);
	ck_assert(names_line(&r, 5, "warning", "instances"));
	ck_assert(names_line(&r, 7, "warning", "only_from"));
	daemon_start(d);
	ck_assert(!serves(d, "x", "127.0.0.1"));
	int first = client_of(d, "x", "127.0.0.2");
	ck_assert(is_answered(first));
	ck_assert(!serves(d, "x", "127.0.0.2"));
	close(first);
	daemon_stop(d);
}

END_TEST

START_TEST(port_of_a_name_that_is_not_listed)
{
	struct daemon *d = daemon_new();

	daemon_add(d,
	    "service mysqlchk\n{\n\tsocket_type = stream\n\tprotocol = tcp\n\tport = 3600\n\tbind = @ADDR@\n"
	    "\twait = no\n\tuser = @USER@\n" HOLD "}\n"
	    "service telnet\n{\n\tsocket_type = stream\n\tprotocol = tcp\n\tport = 3601\n\tbind = @ADDR@\n"
	    "\twait = no\n\tuser = @USER@\n" HOLD "}\n");
	daemon_start(d);
	is_served_here(3600);
	is_served_here(3601);
	daemon_stop(d);
}

END_TEST

START_TEST(port_by_name)
{
	if (getservbyname("postgresql", "tcp") == NULL) {
		test_skip("port_by_name", "postgresql is not in /etc/services");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_add(d, HEAD "\tport = postgresql\n\tbind = @ADDR@\n" HOLD "}\n");
	daemon_start(d);
	is_served_here(5432);
	daemon_stop(d);
}

END_TEST

START_TEST(operators_on_every_list)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp",
	    SHOW "\tserver_args = one two\n\tserver_args += three\n\tserver_args -= two\n"
		 "\taccess_times = 1:00-2:00\n\taccess_times += 00:00-24:00\n");
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "argc"), "3");
	ck_assert_str_eq(show_value(shown, "argv 1"), "one");
	ck_assert_str_eq(show_value(shown, "argv 2"), "three");
	daemon_stop(d);
}

END_TEST

START_TEST(server_args_empty)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", SHOW "\tserver_args =\n");
	daemon_start(d);
	ck_assert_str_eq(show_value(shown_by(d, "x"), "argc"), "1");
	daemon_stop(d);
}

END_TEST

START_TEST(brace_missing_or_stray)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "service bad\n{\n\tport = 3601\n");
	daemon_service(d, "x", "tcp", HOLD P2);
	daemon_add(d, "}\n");
	daemon_service(d, "y", "tcp", HOLD P3);
	struct run_result r = checked(d);
	ck_assert_int_eq(r.status, 1);
	ck_assert(names_line(&r, 4, "error", "bad"));
	unsigned line = 1;
	for (const char *at = d->conf; strncmp(at, "}\n}", 3) != 0; at++)
		line += *at == '\n';
	ck_assert(names_line(&r, line + 1, "error", "}"));
	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.1"));
	ck_assert(serves(d, "y", "127.0.0.1"));
	daemon_stop(d);
}

END_TEST

START_TEST(rlimit_as_of_a_gigabyte)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", SHOW "\trlimit_as = 1G\n");
	daemon_start(d);
	ck_assert_str_eq(show_value(shown_by(d, "x"), "limit as"), "1073741824 1073741824");
	daemon_stop(d);
}

END_TEST

START_TEST(instances_of_0)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD "\tinstances = 0\n" P1);
	struct run_result r = checked(d);
	ck_assert_int_eq(r.status, 0);
	ck_assert(names_line(&r, 4, "warning", "instances"));
	daemon_start(d);
	ck_assert(!serves(d, "x", "127.0.0.1"));
	expect_line(d, "FAIL: x service_limit from=127.0.0.1");
	daemon_stop(d);
}

END_TEST

START_TEST(includedir_names_with_a_dot_or_tilde)
{
	struct daemon *d = daemon_new();

	ck_assert_int_eq(access(d->dir, F_OK), 0);
	const char *argv[] = { "mkdir", text_format("%s/parts", d->dir), NULL };
	ck_assert_int_eq(run_command(argv).status, 0);
	write_file(text_format("%s/parts/x.rpmsave", d->dir), 0644, "garbage\n");
	write_file(text_format("%s/parts/x~", d->dir), 0644, "garbage\n");
	daemon_service(d, "x", "tcp", HOLD P1);
	daemon_add(d, "includedir @DIR@/parts\n");
	struct run_result r = checked(d);
	ck_assert_int_eq(r.status, 0);
	ck_assert_ptr_nonnull(strstr(r.output, "x.rpmsave"));
	ck_assert_ptr_nonnull(strstr(r.output, "x~"));
	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.1"));
	daemon_stop(d);
}

END_TEST

START_TEST(bind_of_two_addresses)
{
	struct daemon *d = daemon_new();

	daemon_add(d, HEAD "\tport = 3600\n\tbind = @ADDR@ @ADDR2@\n" HOLD "}\n");
	daemon_start(d);
	for (unsigned i = 0; i < 2; i++) {
		int fd = connect_address(own_address(i), 3600);
		ck_assert_int_ge(fd, 0);
		ck_assert(is_answered(fd));
		close(fd);
	}
	ck_assert_int_eq(connect_address("127.0.0.1", 3600), -ECONNREFUSED);
	daemon_stop(d);
}

END_TEST

START_TEST(service_before_defaults)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", HOLD);
	daemon_add(d,
	    "defaults\n{\n\tonly_from = 127.0.0.1\n\tno_access = 127.0.0.2\n\tbanner_success = @DIR@/b\n}\n");
	write_file(text_format("%s/b", d->dir), 0644, "hi\n");
	daemon_start(d);
	ck_assert(!serves(d, "x", "127.0.0.2"));
	int fd = client_of(d, "x", "127.0.0.1");
	ck_assert_str_eq(read_line(fd), "hi");
	ck_assert(is_answered(fd));
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(v6only_no)
{
	if (!has_ipv6() || !own_network()) {
		test_skip("v6only_no", "no IPv6, or no network of its own");
		return;
	}
	struct daemon *d = daemon_new();
	daemon_add(d, HEAD "\tport = 3600\n\tv6only = no\n\tflags = IPv6\n" HOLD "}\n");
	daemon_start(d);
	int fd = client_from("127.0.0.1", "127.0.0.1", 3600);
	ck_assert(is_answered(fd));
	close(fd);
	fd = client_from("::1", "::1", 3600);
	ck_assert(is_answered(fd));
	close(fd);
	daemon_stop(d);
}

END_TEST

/* Somebody whose group has another number than he has. */
static bool
find_user(unsigned *uid, unsigned *gid)
{
	const char *at = read_file("/etc/passwd");

	for (; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
		if (sscanf(at, "%*[^:\n]:%*[^:\n]:%u:%u", uid, gid) == 2 && *uid != *gid &&
		    *gid != 0)
			return true;
	return false;
}

START_TEST(user_as_a_number)
{
	unsigned uid = 0, gid = 0;

	if (!is_root() || !find_user(&uid, &gid)) {
		test_skip("user_as_a_number", "not root, or nobody has a group of another number");
		return;
	}
	struct daemon *d = daemon_new();
	copy_file(PROGRAM("show"), text_format("%s/show", d->dir), 0755);
	daemon_service(
	    d, "x", "tcp", text_format("\tserver = @DIR@/show\n\tport = 3602\n\tuser = %u\n", uid));
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "uid"), text_format("%u %u %u", uid, uid, uid));
	ck_assert_str_eq(show_value(shown, "gid"), text_format("%u %u %u", gid, gid, gid));
	daemon_service(d, "y", "tcp", HOLD P1 "\tuser = 54399\n");
	struct run_result r = checked(d);
	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.output, "54399"));
	daemon_stop(d);
}

END_TEST

START_TEST(negative_nice)
{
	if (!is_root()) {
		test_skip("negative_nice", "not root");
		return;
	}
	struct daemon *d = daemon_new();
	copy_file(PROGRAM("show"), text_format("%s/show", d->dir), 0755);
	daemon_service(d, "x", "tcp", "\tserver = @DIR@/show\n\tuser = nobody\n\tnice = -5\n");
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "nice"), "-5");
	ck_assert_str_eq(show_value(shown, "regain"), "no");
	daemon_stop(d);
}

END_TEST

START_TEST(nameinargs_after_server_args)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", SHOW "\tserver_args = name one\n\tflags = NAMEINARGS\n");
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "argc"), "2");
	ck_assert_str_eq(show_value(shown, "argv 0"), "name");
	ck_assert_str_eq(show_value(shown, "argv 1"), "one");
	daemon_stop(d);
}

END_TEST

START_TEST(traffic_in_log_on_success)
{
	struct daemon *d = daemon_new();

	daemon_add(d, "defaults\n{\n\tlog_on_success = HOST PID EXIT TRAFFIC\n}\n");
	daemon_service(d, "x", "tcp", HOLD P1);
	daemon_service(
	    d, "r", "tcp", text_format(P2 "\tredirect = 127.0.0.1 %u\n", port_of(d, "x")));
	struct run_result r = checked(d);
	ck_assert_int_eq(r.status, 0);
	daemon_start(d);
	ck_assert(serves(d, "x", "127.0.0.1"));
	ck_assert(serves(d, "r", "127.0.0.1"));
	expect_line(d, "TRAFFIC: r in=6(bytes) out=6(bytes)");
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(comment_after_a_value),
	TEST(brace_on_the_line_no_blanks_carriage_returns_bom_and_quotes),
	TEST_LOOP(unknown_attribute, 3),
	TEST_LOOP(known_but_not_supported, 7),
	TEST(internal_sensor_that_is_no_builtin),
	TEST(cps_not_given),
	TEST(scalar_given_twice),
	TEST(port_of_a_name_that_is_not_listed),
	TEST(port_by_name),
	TEST(operators_on_every_list),
	TEST(server_args_empty),
	TEST(brace_missing_or_stray),
	TEST(rlimit_as_of_a_gigabyte),
	TEST(instances_of_0),
	TEST(includedir_names_with_a_dot_or_tilde),
	TEST(bind_of_two_addresses),
	TEST(service_before_defaults),
	TEST(v6only_no),
	TEST(user_as_a_number),
	TEST(negative_nice),
	TEST(nameinargs_after_server_args),
	TEST(traffic_in_log_on_success),
};

int
main(void)
{
	return run_functional("rows-text", tests, ARRAY_LEN(tests));
}
