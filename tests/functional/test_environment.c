/* SPDX-License-Identifier: MIT */
/* What a program finds in its environment and on its command line. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "functional/daemon.h"
#include "porter/environment.h"

#define SHOW "\tserver = @PROGRAMS@/show\n"

/* The show program's whole environment, sorted by us into "A B C". */
static const char *
names_of(const char *shown)
{
	static char list[8192], *names[256];
	static char out[8192];
	size_t count = 0;

	snprintf(list, sizeof(list), "%s", show_value(shown, "environment"));
	for (char *word = strtok(list, " "); word != NULL; word = strtok(NULL, " ")) {
		size_t at = count++;

		for (; at > 0 && strcmp(names[at - 1], word) > 0; at--)
			names[at] = names[at - 1];
		names[at] = word;
	}
	out[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		strcat(out, i > 0 ? " " : "");
		strcat(out, names[i]);
	}
	return out;
}

START_TEST(a_program_knows_its_connection)
{
	struct daemon *d = daemon_new();
	unsigned port;

	daemon_entry(d, "x", "\tid = front\n\tprotocol = tcp\n" SHOW);
	port = daemon_listen(d, "front", "tcp");
	daemon_start(d);
	int fd = daemon_connect(d, "front");
	const char *client = text_format("%u", bound_port(fd)), *shown = read_all(fd);
	const char *server = text_format("%u", port);

	const struct {
		const char *name, *value;
	} rows[] = {
		{ PORTER_REMOTE_HOST, "127.0.0.1" },
		{ PORTER_REMOTE_ADDR, "127.0.0.1" },
		{ PORTER_REMOTE_PORT, client },
		{ PORTER_LOCAL_ADDR, "127.0.0.1" },
		{ PORTER_LOCAL_PORT, server },
		{ PORTER_SERVICE_ID, "front" },
		{ PORTER_PROTO, "TCP" },
		{ PORTER_TCPREMOTEIP, "127.0.0.1" },
		{ PORTER_TCPREMOTEPORT, client },
		{ PORTER_TCPLOCALIP, "127.0.0.1" },
		{ PORTER_TCPLOCALPORT, server },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *value = show_value(shown, text_format("env %s", rows[i].name));

		ck_assert_msg(value != NULL, "%s is missing", rows[i].name);
		ck_assert_str_eq(value, rows[i].value);
	}
	expect_line(d, "START: front * conn=%s", show_value(shown, "env " PORTER_CONNECTION_ID));
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(connection_ids_are_unique)
{
	struct daemon *d = daemon_new();
	char ids[10][32];

	daemon_service(d, "x", "tcp", SHOW);
	daemon_start(d);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		snprintf(ids[i], sizeof(ids[i]), "%s",
		    show_value(shown_by(d, "x"), "env CONNECTION_ID"));
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(ids[k], ids[i]);
	}
	daemon_stop(d);
}

END_TEST

START_TEST(the_port_of_the_client_differs_from_client_to_client)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", SHOW);
	daemon_start(d);
	const char *one = show_value(shown_by(d, "x"), "env REMOTE_PORT");
	ck_assert_str_ne(one, show_value(shown_by(d, "x"), "env REMOTE_PORT"));
	daemon_stop(d);
}

END_TEST

/* What a daemon may have been started with, and no program may see. */
static void
set_private_variables(struct daemon *d)
{
	daemon_setenv(d, "LD_LIBRARY_PATH=/nonexistent");
	daemon_setenv(d, "IFS=x");
	daemon_setenv(d, "BASH_ENV=/nonexistent/rc");
	daemon_setenv(d, "TMPDIR=/nonexistent");
	daemon_setenv(d, "SECRET=1");
	daemon_setenv(d, "PATH=/bin:/usr/bin");
	daemon_setenv(d, "TZ=UTC");
	daemon_setenv(d, "LANG=C");
	daemon_setenv(d, "LC_ALL=C");
}

/* Only what set_private_variables() says of the locale. */
static void
clear_locale(void)
{
	static const char *const names[] = { "LC_CTYPE", "LC_COLLATE", "LC_MESSAGES", "LC_NUMERIC",
		"LC_TIME", "LC_MONETARY", "LANGUAGE", "LC_PAPER", "LC_NAME", "LC_ADDRESS",
		"LC_TELEPHONE", "LC_MEASUREMENT", "LC_IDENTIFICATION" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
}

#define CONNECTION_NAMES                                                                                    \
 "LOCAL_ADDR LOCAL_PORT PATH PROTO REMOTE_ADDR REMOTE_HOST REMOTE_PORT SERVICE_ID TCPLOCALIP TCPLOCALPORT " \
 "TCPREMOTEIP TCPREMOTEPORT"

START_TEST(a18_environment_is_built_from_scratch)
{
	struct daemon *d = daemon_new();

	daemon_inject(d); /* which sets LD_PRELOAD */
	set_private_variables(d);
	clear_locale();
	daemon_service(d, "x", "tcp", SHOW);
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	static const char *const wanted[] = { "PATH", "TZ", "LANG", "LC_ALL" };
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		ck_assert_msg(
		    show_value(shown, text_format("env %s", wanted[i])) != NULL, "%s", wanted[i]);
	static const char *const unwanted[] = { "LD_PRELOAD", "LD_LIBRARY_PATH", "IFS", "BASH_ENV",
		"TMPDIR", "SECRET", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
		"HOME", "USER", "PORTER_INJECT" };
	for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
		ck_assert_msg(show_value(shown, text_format("env %s", unwanted[i])) == NULL, "%s",
		    unwanted[i]);
	ck_assert_str_eq(names_of(shown), "CONNECTION_ID LANG LC_ALL " CONNECTION_NAMES " TZ");
	daemon_stop(d);
}

END_TEST

START_TEST(passenv_adds_variables)
{
	struct daemon *d = daemon_new();

	set_private_variables(d);
	daemon_service(d, "x", "tcp", SHOW "\tpassenv = SECRET NOT_SET\n");
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "env SECRET"), "1");
	ck_assert_str_eq(show_value(shown, "env PATH"), "/bin:/usr/bin");
	ck_assert_ptr_null(show_value(shown, "env NOT_SET"));
	ck_assert_ptr_null(show_value(shown, "env TMPDIR"));
	daemon_stop(d);
}

END_TEST

START_TEST(empty_passenv_leaves_the_connection_alone)
{
	struct daemon *d = daemon_new();

	set_private_variables(d);
	daemon_service(d, "x", "tcp", SHOW "\tpassenv =\n");
	daemon_start(d);
	ck_assert_str_eq(names_of(shown_by(d, "x")),
	    "CONNECTION_ID LOCAL_ADDR LOCAL_PORT PROTO REMOTE_ADDR REMOTE_HOST REMOTE_PORT SERVICE_ID TCPLOCALIP "
	    "TCPLOCALPORT TCPREMOTEIP TCPREMOTEPORT");
	daemon_stop(d);
}

END_TEST

START_TEST(env_wins_over_what_is_inherited_and_the_connection_over_env)
{
	struct daemon *d = daemon_new();

	set_private_variables(d);
	daemon_service(d, "x", "tcp",
	    SHOW "\tenv = PATH=/mine SECRET=mine REMOTE_HOST=forged EMPTY= TWO=a=b\n"
		 "\tpassenv = SECRET\n");
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	ck_assert_str_eq(show_value(shown, "env PATH"), "/mine");
	ck_assert_str_eq(show_value(shown, "env SECRET"), "mine");
	ck_assert_str_eq(show_value(shown, "env REMOTE_HOST"), "127.0.0.1");
	ck_assert_str_eq(show_value(shown, "env EMPTY"), "");
	ck_assert_str_eq(show_value(shown, "env TWO"), "a=b");
	ck_assert_uint_eq(show_count(shown, "env REMOTE_HOST "), 1);
	ck_assert_uint_eq(show_count(shown, "env PATH "), 1);
	daemon_stop(d);
}

END_TEST

START_TEST(env_and_passenv_are_inherited_from_defaults_and_edited)
{
	struct daemon *d = daemon_new();

	set_private_variables(d);
	daemon_add(d, "defaults\n{\n\tenv = A=1 B=2\n\tpassenv = SECRET\n}\n");
	daemon_service(d, "plus", "tcp", SHOW "\tenv += C=3\n");
	daemon_service(d, "set", "tcp", SHOW "\tenv = D=4\n");
	daemon_start(d);
	const char *shown = shown_by(d, "plus");
	ck_assert_str_eq(show_value(shown, "env A"), "1");
	ck_assert_str_eq(show_value(shown, "env C"), "3");
	ck_assert_str_eq(show_value(shown, "env SECRET"), "1");
	shown = shown_by(d, "set");
	ck_assert_ptr_null(show_value(shown, "env A"));
	ck_assert_str_eq(show_value(shown, "env D"), "4");
	daemon_stop(d);
}

END_TEST

START_TEST(a20_argv_holds_at_least_the_name)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "none", "tcp", SHOW);
	daemon_service(d, "empty", "tcp", SHOW "\tserver_args =\n");
	daemon_service(d, "bare", "tcp", SHOW "\tflags = NAMEINARGS\n");
	daemon_start(d);
	ck_assert_str_eq(show_value(shown_by(d, "none"), "argc"), "1");
	ck_assert_str_eq(show_value(shown_by(d, "none"), "argv 0"), "show");
	ck_assert_str_eq(show_value(shown_by(d, "empty"), "argc"), "1");
	/* Without words to take it from the name is still there, or the service is refused. */
	if (count_lines(d, "NAMEINARGS") == 0)
		ck_assert_str_eq(show_value(shown_by(d, "bare"), "argc"), "1");
	daemon_stop(d);
}

END_TEST

START_TEST(server_args_are_words_and_nameinargs_names_the_program)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", SHOW "\tserver_args = -a #b $HOME * 'c d' e=f\n");
	daemon_service(
	    d, "named", "tcp", "\tserver_args = myname one two\n" SHOW "\tflags = NAMEINARGS\n");
	daemon_service(
	    d, "native", "tcp", SHOW "\tserver_args = {\"two words\", \"\", \"tab\\there\"}\n");
	daemon_start(d);
	const char *shown = shown_by(d, "x");
	static const char *const words[] = { "show", "-a", "#b", "$HOME", "*", "'c", "d'", "e=f" };
	ck_assert_int_eq(atoi(show_value(shown, "argc")), 8);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		ck_assert_str_eq(show_value(shown, text_format("argv %zu", i)), words[i]);
	shown = shown_by(d, "named");
	ck_assert_str_eq(show_value(shown, "argv 0"), "myname");
	ck_assert_str_eq(show_value(shown, "argv 1"), "one");
	ck_assert_str_eq(show_value(shown, "argc"), "3");
	shown = shown_by(d, "native");
	ck_assert_str_eq(show_value(shown, "argv 1"), "two words");
	ck_assert_str_eq(show_value(shown, "argv 2"), "");
	ck_assert_str_eq(show_value(shown, "argv 3"), "tab\\there");
	daemon_stop(d);
}

END_TEST

START_TEST(the_public_header_names_what_programs_get)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp", SHOW);
	daemon_start(d);
	const char *header = read_file(SRC_ROOT "/include/porter/environment.h");
	const char *shown = shown_by(d, "x");
	unsigned count = 0;
	for (const char *at = header; (at = strstr(at, "#define PORTER_")) != NULL; at++) {
		char name[64];

		if (sscanf(at, "#define PORTER_%*s \"%63[^\"]\"", name) != 1)
			continue;
		if (strncmp(name, "LISTEN_", 7) == 0)
			continue; /* those are for workers that accept by themselves */
		ck_assert_msg(show_value(shown, text_format("env %s", name)) != NULL, "%s", name);
		count++;
	}
	ck_assert_uint_ge(count, 12);
	daemon_stop(d);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(a_program_knows_its_connection),
	TEST(connection_ids_are_unique),
	TEST(the_port_of_the_client_differs_from_client_to_client),
	TEST(a18_environment_is_built_from_scratch),
	TEST(passenv_adds_variables),
	TEST(empty_passenv_leaves_the_connection_alone),
	TEST(env_wins_over_what_is_inherited_and_the_connection_over_env),
	TEST(env_and_passenv_are_inherited_from_defaults_and_edited),
	TEST(a20_argv_holds_at_least_the_name),
	TEST(server_args_are_words_and_nameinargs_names_the_program),
	TEST(the_public_header_names_what_programs_get),
};

int
main(void)
{
	return run_functional("environment", tests, ARRAY_LEN(tests));
}
