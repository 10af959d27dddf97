/* SPDX-License-Identifier: MIT */
/* porterctl and what may be at the other end: nothing, something else, another version, a daemon that goes away. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "functional/client.h"
#include "functional/harness.h"

static const char *path; /* of the socket of this test */

static int
bound_socket(int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	path = text_format("%s/control", make_directory());
	strcpy(addr.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Serves one client: each request is answered by the next of the texts; then the connection is closed. With NULL first the
 * client is not listened to at all. What was asked stands in the file "asked" beside the socket. */
static pid_t
serve(const char *const *answers, size_t count)
{
	int listener = bound_socket(SOCK_STREAM);

	ck_assert_int_eq(listen(listener, 4), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid != 0) {
		close(listener);
		return pid;
	}
	int fd = accept(listener, NULL, NULL);
	FILE *in = fdopen(dup(fd), "r"), *asked = fopen(text_format("%s.asked", path), "w");
	char line[65536];
	for (size_t i = 0; i < count; i++) {
		if (answers[i] == NULL)
			continue;
		if (i == 0 || answers[i - 1] != NULL) {
			if (fgets(line, sizeof(line), in) == NULL)
				break;
			fputs(line, asked);
		}
		if (send(fd, answers[i], strlen(answers[i]), MSG_NOSIGNAL) < 0)
			break;
	}
	fclose(asked);
	_exit(0);
}

static struct run_result
ask(const char *command, const char *option)
{
	const char *const argv[] = { PORTERCTL, "--control", path, command, option, NULL };

	return run_command(argv);
}

static json_t *
first_line(char *output)
{
	char *end = strchr(output, '\n');

	ck_assert_ptr_nonnull(end);
	json_t *j = json_loadb(output, (size_t)(end - output), JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(json_is_object(j), "%s", output);
	return j;
}

static void
fails_with(int status, const char *sentence)
{
	struct run_result r = ask("status", NULL);

	ck_assert_str_eq(r.output, text_format("porterctl: %s\n", sentence));
	ck_assert_int_eq(r.status, status);
}

START_TEST(no_socket)
{
	path = text_format("%s/control", make_directory());
	fails_with(
	    3, text_format(
		   "there is no socket %s: porterd does not run, or has another --control", path));
	struct run_result r = ask("status", "--json");
	ck_assert_int_eq(r.status, 3);
	json_t *j = first_line(r.output);
	ck_assert_str_eq(
	    json_string_value(json_object_get(json_object_get(j, "error"), "code")), "no-daemon");
	json_decref(j);
	path = "/etc/passwd/control";
	ck_assert_int_eq(ask("status", NULL).status, 3);
}

END_TEST

START_TEST(stale_socket)
{
	close(bound_socket(SOCK_STREAM));
	fails_with(
	    3, text_format("nobody listens at %s: porterd has ended and left it behind", path));
}

END_TEST

START_TEST(something_else)
{
	close(bound_socket(SOCK_DGRAM));
	ck_assert_int_eq(ask("status", NULL).status, 3);
	int fd = bound_socket(SOCK_DGRAM);
	fails_with(3, text_format("%s is a socket of another kind, not porterd's", path));
	close(fd);
	path = text_format("%s/file", make_directory());
	write_file(path, 0644, "");
	fails_with(3, text_format("%s is no socket", path));
	path = text_format("/%0200d", 1);
	ck_assert_int_eq(ask("status", NULL).status, 2);
}

END_TEST

#define OK(result) "{\"ok\":true,\"protocol\":1,\"version\":\"9.9\",\"result\":" result "}\n"
#define ERROR(code, message)                                                    \
 "{\"ok\":false,\"protocol\":1,\"version\":\"9.9\",\"error\":{\"code\":\"" code \
 "\",\"message\":\"" message "\"}}\n"

static const struct {
	const char *answers[3]; /* NULL: one that comes without a request */
	size_t count;
	int status;
	const char *sentence; /* @: the path */
} cases[] = {
	{ { "" }, 0, 1, "porterd has ended before it answered" },
	{ { "" }, 1, 1, "porterd has ended before it answered" },
	{ { "{\"ok\":true,\"protocol\":1," }, 1, 1, "porterd has ended before it answered" },
	{ { "HTTP/1.1 400 Bad Request\r\n" }, 1, 5,
	    "what listens at @ does not speak as porterd does" },
	{ { "[]\n" }, 1, 5, "what listens at @ does not speak as porterd does" },
	{ { "{}\n" }, 1, 5, "what listens at @ does not speak as porterd does" },
	{ { "{\"ok\":true,\"protocol\":1}\n" }, 1, 5,
	    "what listens at @ does not speak as porterd does" },
	{ { "{\"ok\":true,\"protocol\":1,\"result\":[]}\n" }, 1, 5,
	    "what listens at @ does not speak as porterd does" },
	{ { "{\"ok\":false,\"protocol\":1}\n" }, 1, 5,
	    "what listens at @ does not speak as porterd does" },
	{ { "{\"ok\":true,\"ok\":true,\"protocol\":1,\"result\":{}}\n" }, 1, 5,
	    "what listens at @ does not speak as porterd does" },
	{ { "{\"ok\":true,\"protocol\":2,\"version\":\"9.9\",\"result\":{}}\n" }, 1, 5,
	    "porterd 9.9 speaks version 2 of the protocol, porterctl " VERSION " version 1" },
	{ { ERROR("protocol", "no such protocol") }, 1, 5,
	    "porterd 9.9 does not understand porterctl " VERSION ": no such protocol" },
	{ { ERROR("unknown-command", "what is that") }, 1, 5,
	    "porterd 9.9 does not understand porterctl " VERSION ": what is that" },
	{ { ERROR("forbidden", "you may not") }, 1, 4, "you may not" },
	{ { NULL, ERROR("forbidden", "who are you") }, 2, 4, "who are you" },
	{ { ERROR("failed", "out of order") }, 1, 1, "out of order" },
	{ { ERROR("of-tomorrow", "not yet heard of") }, 1, 1, "not yet heard of" },
	{ { ERROR("failed", "two\\nlines \\u001b[31mred") }, 1, 1, "two\\x0alines \\x1b[31mred" },
};

START_TEST(answers)
{
	pid_t pid = serve(cases[_i].answers, cases[_i].count);
	struct run_result r = ask("status", NULL);
	const char *at = strchr(cases[_i].sentence, '@');

	if (at != NULL)
		ck_assert_str_eq(
		    r.output, text_format("porterctl: %.*s%s%s\n", (int)(at - cases[_i].sentence),
				  cases[_i].sentence, path, at + 1));
	else
		ck_assert_str_eq(r.output, text_format("porterctl: %s\n", cases[_i].sentence));
	ck_assert_int_eq(r.status, cases[_i].status);
	wait_exit(pid);
}

END_TEST

START_TEST(pages_become_one_list)
{
	static const char *const pages[] = {
		OK("{\"services\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"next\":\"b@x\"}"),
		OK("{\"services\":[{\"id\":\"c\"}],\"next\":\"c@x\"}"),
		OK("{\"services\":[{\"id\":\"d\"}]}"),
	};
	pid_t pid = serve(pages, 3);
	struct run_result r = ask("services", "--json");

	ck_assert_str_eq(r.output,
	    "{\"services\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"},{\"id\":\"d\"}]}\n");
	wait_exit(pid);
	ck_assert_str_eq(read_file(text_format("%s.asked", path)),
	    "{\"command\":\"services\",\"protocol\":1}\n"
	    "{\"command\":\"services\",\"protocol\":1,\"after\":\"b@x\"}\n"
	    "{\"command\":\"services\",\"protocol\":1,\"after\":\"c@x\"}\n");
	/* It goes away between two pages: nothing is printed of the first. */
	pid = serve(pages, 1);
	r = ask("services", NULL);
	ck_assert_str_eq(r.output, "porterctl: porterd has ended before it answered\n");
	ck_assert_int_eq(r.status, 1);
	wait_exit(pid);
}

END_TEST

/* Members that are missing, of another type or unknown do no harm. */
START_TEST(odd_answers_are_shown_as_far_as_they_are_understood)
{
	static const char *const odd[] = {
		OK("{\"services\":[{\"id\":7,\"state\":null,\"new\":{}},3,null,"
		   "{\"id\":\"x\\u001b]0;y\",\"running\":\"many\",\"listeners\":{},\"counters\":[]}]}"),
	};
	static const char *const commands[] = { "status", "services", "connections", "bans", "diff",
		"metrics", "reload" };
	pid_t pid = serve(odd, 1);
	struct run_result r = ask("services", NULL);

	ck_assert_int_eq(r.status, 0);
	ck_assert_ptr_nonnull(strstr(r.output, "\nx\\x1b]0;y "));
	wait_exit(pid);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		static const char *const nothing[] = { OK("{}") };

		pid = serve(nothing, 1);
		ck_assert_int_eq(ask(commands[i], NULL).status, 0);
		wait_exit(pid);
	}
}

END_TEST

START_TEST(a_stream_that_breaks)
{
	static const char *const lost[] = {
		OK("{}") "{\"event\":\"line\",\"time\":0,\"kind\":\"daemon\",\"level\":\"info\",\"text\":\"one\"}\n"
			 "{\"event\":\"lost\",\"count\":12}\n{\"event\":\"new\"}\n",
	};
	pid_t pid = serve(lost, 1);
	struct run_result r = ask("logs", "-f");

	ck_assert_ptr_nonnull(
	    strstr(r.output, " info     one\n(12 lines were lost here)\nporterctl: "));
	ck_assert_int_eq(r.status, 1);
	wait_exit(pid);
}

END_TEST

START_TEST(where_the_socket_is)
{
	static const char *const bans[] = { OK("{\"bans\":[]}") };
	const char *const by_environment[] = { PORTERCTL, "bans", NULL };
	pid_t pid = serve(bans, 1);

	setenv("PORTER_CONTROL", path, 1);
	ck_assert_int_eq(run_command(by_environment).status, 0);
	wait_exit(pid);
	/* The option wins, behind the command too; an empty variable is none. */
	const char *const by_option[] = { PORTERCTL, "bans", "--control", "/nonexistent", NULL };
	struct run_result r = run_command(by_option);
	ck_assert_int_eq(r.status, 3);
	ck_assert_ptr_nonnull(strstr(r.output, "/nonexistent"));
	setenv("PORTER_CONTROL", "", 1);
	r = run_command(by_environment);
	ck_assert(r.status == 0 || strstr(r.output, RUN_DIR "/control") != NULL);
}

END_TEST

START_TEST(an_argument_that_is_too_long)
{
	static char id[70000];
	static const char *const none[] = { OK("{}") };
	pid_t pid = serve(none, 1);

	memset(id, 'x', sizeof(id) - 1);
	struct run_result r = ask("show", id);
	ck_assert_str_eq(r.output, "porterctl: an argument is too long; see porterctl help show\n");
	ck_assert_int_eq(r.status, 2);
	kill(pid, SIGKILL);
	wait_exit(pid);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(no_socket),
		TEST(stale_socket),
		TEST(something_else),
		TEST_LOOP(answers, ARRAY_LEN(cases)),
		TEST(pages_become_one_list),
		TEST(odd_answers_are_shown_as_far_as_they_are_understood),
		TEST(a_stream_that_breaks),
		TEST(where_the_socket_is),
		TEST(an_argument_that_is_too_long),
	};

	return run_functional("porterctl_link", tests, ARRAY_LEN(tests));
}
