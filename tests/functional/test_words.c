/* SPDX-License-Identifier: MIT */
/* Words of server_args and env that a connection fills in. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "functional/daemon.h"

#define SHOW "\tserver = @PROGRAMS@/show\n"
#define WORDS                                                                    \
 "\tserver_args = -a %{remote_addr} --peer=[%{remote_host}]:%{remote_port} "     \
 "%{local_addr}:%{local_port} %{service}#%{connection} 100% %%{service} %{no}\n" \
 "\tenv = PEER=<%{remote_addr}> PLAIN=%d ID=%{connection}\n"

static void
expect_words(const char *shown, const char *client, const char *server, const char *id)
{
	const char *number = show_value(shown, "env CONNECTION_ID");
	const char *const argv[] = { "show", "-a", "127.0.0.1",
		text_format("--peer=[127.0.0.1]:%s", client), text_format("127.0.0.1:%s", server),
		text_format("%s#%s", id, number), "100%", "%{service}", "%{no}" };

	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		ck_assert_str_eq(show_value(shown, text_format("argv %zu", i)), argv[i]);
	ck_assert_str_eq(show_value(shown, "argc"), text_format("%zu", ARRAY_LEN(argv)));
	ck_assert_str_eq(show_value(shown, "env PEER"), "<127.0.0.1>");
	ck_assert_str_eq(show_value(shown, "env PLAIN"), "%d");
	ck_assert_str_eq(show_value(shown, "env ID"), number);
}

/* "dual": the kernel gives IPv4 clients of such a socket the address ::ffff:127.0.0.1. */
static const struct {
	const char *kind, *attributes;
} services[] = {
	{ "tcp", "" },
	{ "dual", "" },
	{ "tcp", "\tpool = static\n\tpool_max = 2\n\tpool_exec = fresh\n" },
};

START_TEST(each_client_has_words_of_its_own)
{
	struct daemon *d = daemon_new();

	if (strcmp(services[_i].kind, "dual") == 0 && !has_ipv6()) {
		test_skip("each_client_has_words_of_its_own", "no IPv6");
		return;
	}
	daemon_entry(d, "x",
	    text_format(
		"\tid = front\n\tprotocol = tcp\n" SHOW "%s%s", WORDS, services[_i].attributes));
	const char *port = text_format("%u", daemon_listen(d, "front", services[_i].kind));
	daemon_start(d);
	for (int i = 0; i < 3; i++) {
		int fd = connect_address("127.0.0.1", (unsigned)atoi(port));
		const char *client = text_format("%u", bound_port(fd));

		expect_words(read_all(fd), client, port, "front");
		close(fd);
	}
	daemon_stop(d);
}

END_TEST

START_TEST(mapped_clients_are_plain_everywhere)
{
	struct daemon *d = daemon_new();

	if (!has_ipv6()) {
		test_skip("mapped_clients_are_plain_everywhere", "no IPv6");
		return;
	}
	daemon_entry(d, "x", "\tprotocol = tcp\n" SHOW);
	const unsigned port = daemon_listen(d, "x", "dual");
	daemon_start(d);
	int fd = connect_address("127.0.0.1", port);
	const char *shown = read_all(fd);

	ck_assert_str_eq(show_value(shown, "env REMOTE_HOST"), "127.0.0.1");
	ck_assert_str_eq(show_value(shown, "env TCPREMOTEIP"), "127.0.0.1");
	ck_assert_str_eq(show_value(shown, "env LOCAL_ADDR"), "127.0.0.1");
	expect_line(d, "START: x * from=127.0.0.1 ");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(what_is_not_known_is_empty_and_said)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "x", "tcp",
	    "\tserver = /bin/sh\n\twait = yes\n\tserver_args = {\"-c\", \"echo $# $1 >@DIR@/words; "
	    "exec @PROGRAMS@/waiter stream 1\", \"sh\", \"<%{remote_addr}>\"}\n");
	daemon_start(d);
	expect_line(d, "*%%{remote_addr} is empty: with wait = yes*");
	int fd = daemon_connect(d, "x");
	send_text(fd, "hello\n");
	ck_assert_ptr_nonnull(strstr(read_line(fd), " hello"));
	ck_assert_str_eq(read_file(text_format("%s/words", d->dir)), "1 <>\n");
	close(fd);
	daemon_stop(d);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(each_client_has_words_of_its_own, ARRAY_LEN(services)),
		TEST(mapped_clients_are_plain_everywhere),
		TEST(what_is_not_known_is_empty_and_said),
	};

	return run_functional("words", tests, ARRAY_LEN(tests));
}
