/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdio.h>

#include "stand_in.h"
#include "suite.h"

#define SERVER "\tserver = /bin/cat\n"
#define NOWAIT "\twait = no\n"

static struct problems problems;

static struct config *
load(const char *body, const struct load_options *options)
{
	char *text = mem_format("service a\n{\n%s}\n", body);
	struct config *c = stand_in_load(text, options, &problems);

	free(text);
	return c;
}

static void
done(struct config *c)
{
	config_unref(c);
	problems_done(&problems);
}

/* clang-format off */
static const struct {
	const char *body;
	int socket_type, protocol;
	bool wait;
} sockets[] = {
	{ "\tport = 1\n", SOCK_STREAM, IPPROTO_TCP, false },
	{ "\tport = 1\n\tsocket_type = stream\n", SOCK_STREAM, IPPROTO_TCP, false },
	{ "\tport = 1\n\tsocket_type = dgram\n", SOCK_DGRAM, IPPROTO_UDP, true },
	{ "\tport = 1\n\tprotocol = tcp\n", SOCK_STREAM, IPPROTO_TCP, false },
	{ "\tport = 1\n\tprotocol = UDP\n", SOCK_DGRAM, IPPROTO_UDP, true },
	{ "\tlisten = unix:/a\n", SOCK_STREAM, 0, false },
	{ "\tlisten = unix:/a *:1\n", SOCK_STREAM, IPPROTO_TCP, false },
	{ "\tlisten = unix:/a\n\tsocket_type = dgram\n", SOCK_DGRAM, 0, true },
};

/* clang-format on */

START_TEST(socket_type_protocol_and_wait_follow_from_each_other)
{
	char *body = mem_format("%s" SERVER "\tuser = root\n", sockets[_i].body);
	struct config *c = load(body, &stand_in_root);

	ck_assert_int_eq(c->services[0]->state, CONF_OK);
	ck_assert_int_eq(c->services[0]->socket_type, sockets[_i].socket_type);
	ck_assert_int_eq(c->services[0]->protocol, sockets[_i].protocol);
	ck_assert(c->services[0]->wait == sockets[_i].wait);
	free(body);
	done(c);
}

END_TEST

/* clang-format off */
static const struct {
	const char *user;
	bool is_root;
	enum conf_state state;
	unsigned uid, gid;
	const char *user_name;
	bool changes_ids;
} users[] = {
	{ "\tuser = anna\n", true, CONF_OK, 1000, 1001, "anna", true },
	{ "\tuser = 1000\n", true, CONF_OK, 1000, 1001, "anna", true },
	{ "\tuser = anna\n\tgroup = daemon\n", true, CONF_OK, 1000, 1, "anna", true },
	{ "\tuser = 4711\n\tgroup = 12\n", true, CONF_OK, 4711, 12, NULL, true },
	{ "\tuser = 4711\n", true, CONF_BROKEN_SURROUNDINGS, 0, 0, NULL, false },
	{ "\tuser = nix\n", true, CONF_BROKEN_SURROUNDINGS, 0, 0, NULL, false },
	{ "\tuser = 0day\n", true, CONF_BROKEN_SURROUNDINGS, 0, 0, NULL, false },
	{ "\tuser = -1\n", true, CONF_BROKEN_TEXT, 0, 0, NULL, false },
	{ "", true, CONF_BROKEN_TEXT, 0, 0, NULL, false },
	{ "", false, CONF_OK, 1000, 1001, "anna", false },
	{ "\tuser = anna\n", false, CONF_OK, 1000, 1001, "anna", false },
	{ "\tuser = 1000\n\tgroup = anna\n", false, CONF_OK, 1000, 1001, "anna", false },
	{ "\tuser = anna\n\tgroup = daemon\n", false, CONF_BROKEN_TEXT, 0, 0, NULL, false },
	{ "\tuser = root\n", false, CONF_BROKEN_TEXT, 0, 0, NULL, false },
	{ "\tuser = nix\n", false, CONF_BROKEN_SURROUNDINGS, 0, 0, NULL, false },
};

/* clang-format on */

START_TEST(a06_a_service_runs_as_whom_it_says_and_never_as_root_by_mistake)
{
	char *body = mem_format("\tport = 1\n" SERVER NOWAIT "%s", users[_i].user);
	struct config *c = load(body, users[_i].is_root ? &stand_in_root : &stand_in_anna);
	const struct service_conf *s = c->services[0];

	ck_assert_int_eq(s->state, users[_i].state);
	if (s->state == CONF_OK) {
		ck_assert_uint_eq(s->uid, users[_i].uid);
		ck_assert_uint_eq(s->gid, users[_i].gid);
		ck_assert(s->changes_ids == users[_i].changes_ids);
		if (users[_i].user_name == NULL)
			ck_assert_ptr_null(s->user_name);
		else
			ck_assert_str_eq(s->user_name, users[_i].user_name);
	}
	free(body);
	done(c);
}

END_TEST

START_TEST(builtins_run_as_nobody_unless_a_user_is_given)
{
	struct config *c = stand_in_load(
	    "service echo\n{\n\ttype = INTERNAL\n\twait = no\n}\n"
	    "service daytime\n{\n\ttype = INTERNAL\n\twait = no\n\tuser = daemon\n}\n",
	    &stand_in_root, &problems);

	ck_assert_uint_eq(c->services[0]->uid, 65534);
	ck_assert_uint_eq(c->services[1]->uid, 1);
	ck_assert(c->services[0]->changes_ids && c->services[1]->changes_ids);
	ck_assert_str_eq(c->services[0]->endpoints[0].key, "tcp:*:7");
	done(c);
}

END_TEST

START_TEST(groups_are_those_of_the_user_only_if_asked_for)
{
	struct config *c =
	    load("\tport = 1\n" SERVER NOWAIT "\tuser = anna\n\tgroups = yes\n", &stand_in_root);

	ck_assert_uint_eq(c->services[0]->group_count, 2);
	ck_assert_uint_eq(c->services[0]->group_list[0], 1001);
	ck_assert_uint_eq(c->services[0]->group_list[1], 50);
	done(c);
	c = load("\tport = 1\n" SERVER NOWAIT "\tuser = anna\n", &stand_in_root);
	ck_assert_uint_eq(c->services[0]->group_count, 0);
	done(c);
}

END_TEST

START_TEST(a_socket_that_was_handed_over_needs_no_port)
{
	struct config *c = stand_in_load(
	    "service handed-over\n{\n\ttype = UNLISTED\n" SERVER NOWAIT "\tuser = root\n}\n"
	    "service x\n{\n\tid = handed-over\n\tport = 5\n" SERVER NOWAIT
	    "\tuser = root\n\tprotocol = tcp\n}\n",
	    &stand_in_root, &problems);

	ck_assert_int_eq(c->services[0]->state, CONF_OK);
	ck_assert_uint_eq(c->services[0]->endpoint_count, 0);
	ck_assert_uint_eq(c->services[1]->endpoint_count, 1);
	done(c);
}

END_TEST

START_TEST(a_service_behind_tcpmux_listens_nowhere_whatever_it_says)
{
	static const char *const lines[] = { "port = 1", "bind = 127.0.0.1", "listen = 127.0.0.1:1",
		"port = 1\n\tbind = 127.0.0.1" };
	char *text = mem_format("service a\n{\n\ttype = TCPMUX UNLISTED\n\t%s\n" SERVER NOWAIT
				"\tuser = root\n}\n",
	    lines[_i]);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);

	ck_assert_int_eq(c->services[0]->state, CONF_OK);
	ck_assert_uint_eq(c->services[0]->endpoint_count, 0);
	ck_assert_uint_gt(problems.by_severity[SEVERITY_WARNING], 0);
	free(text);
	done(c);
}

END_TEST

START_TEST(what_is_off_is_not_looked_up_and_takes_no_address)
{
	struct config *c = stand_in_load(
	    "service a\n{\n\tdisable = yes\n\tport = 1\n\tserver = /bin/nope\n\tuser = nix\n"
	    "\twait = no\n}\nservice b\n{\n\tport = 1\n" SERVER NOWAIT "\tuser = root\n}\n",
	    &stand_in_root, &problems);

	ck_assert_int_eq(c->services[0]->state, CONF_DISABLED);
	ck_assert_uint_eq(c->services[0]->endpoint_count, 0);
	ck_assert_int_eq(c->services[1]->state, CONF_OK);
	ck_assert_uint_eq(problems.count, 0);
	done(c);
}

END_TEST

/* clang-format off */
static const struct {
	const char *first, *second;
	bool collides;
} pairs[] = {
	{ "bind = 127.0.0.1", "bind = 127.0.0.2", false },
	{ "bind = 127.0.0.1", "bind = 127.0.0.1", true },
	{ "bind = 127.0.0.1", "bind = 0.0.0.0", true },
	{ "bind = 0.0.0.0", "bind = 127.0.0.1", true },
	{ "bind = 0.0.0.0", "bind = ::1", false },
	{ "bind = 0.0.0.0", "bind = ::", true },
	{ "flags = IPv4", "flags = IPv6", true },
	{ "flags = IPv4", "v6only = yes", false },
	{ "bind = ::1", "v6only = yes", true },
	{ "bind = ::1", "bind = *", true },
	{ "bind = 127.0.0.1", "protocol = tcp", true },
	{ "bind = ::ffff:127.0.0.1", "bind = 127.0.0.1", true },
	{ "bind = localhost", "bind = ::1", true },
};

/* clang-format on */

START_TEST(addresses_collide_where_the_kernel_says_so)
{
	char *text =
	    mem_format("service a\n{\n\tport = 1\n" SERVER NOWAIT "\tuser = root\n\t%s\n}\n"
		       "service b\n{\n\tport = 1\n" SERVER NOWAIT "\tuser = root\n\t%s\n}\n"
		       "service c\n{\n\tport = 1\n\tprotocol = udp\n\twait = yes\n" SERVER
		       "\tuser = root\n}\n",
		pairs[_i].first, pairs[_i].second);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);

	ck_assert_int_eq(c->services[0]->state, CONF_OK);
	ck_assert_int_eq(c->services[1]->state, pairs[_i].collides ? CONF_BROKEN_TEXT : CONF_OK);
	ck_assert_int_eq(c->services[2]->state, CONF_OK);
	free(text);
	done(c);
}

END_TEST

START_TEST(the_first_that_can_serve_keeps_the_address)
{
	struct config *c = stand_in_load(
	    "service a\n{\n\tport = 1\n\tinstances = x\n" SERVER NOWAIT "\tuser = root\n}\n"
	    "service b\n{\n\tport = 1\n" SERVER NOWAIT "\tuser = root\n}\n",
	    &stand_in_root, &problems);

	ck_assert_int_eq(c->services[0]->state, CONF_BROKEN_TEXT);
	ck_assert_int_eq(c->services[1]->state, CONF_OK);
	done(c);
}

END_TEST

START_TEST(a_service_edits_the_lists_that_it_inherits)
{
	struct config *c = stand_in_load(
	    "service a\n{\n\tport = 1\n" SERVER NOWAIT "\tuser = root\n"
	    "\tenv += B=2\n\tlog_on_success -= PID\n\tlog_on_failure =\n\tpassenv = X\n\tpassenv += Y\n}\n"
	    "service b\n{\n\tport = 2\n" SERVER NOWAIT "\tuser = root\n\tenv = C=3\n}\n"
	    "defaults\n{\n\tenv = A=1\n\tlog_on_success = PID HOST\n\tpassenv = Z\n\tbind = 127.0.0.1\n}\n",
	    &stand_in_root, &problems);
	const struct service_conf *a = c->services[0], *b = c->services[1];

	ck_assert(a->env.count == 2 && b->env.count == 1 && strcmp(b->env.item[0], "C=3") == 0);
	ck_assert_uint_eq(a->log_on_success, CONF_LOG_HOST);
	ck_assert_uint_eq(a->log_on_failure, 0);
	ck_assert(a->passenv.count == 2 && b->passenv.count == 1);
	ck_assert_str_eq(b->endpoints[0].key, "tcp:127.0.0.1:2");
	ck_assert_uint_eq(problems.count, 0);
	done(c);
}

END_TEST

START_TEST(ids_are_found_behind_commas)
{
	struct config *c =
	    stand_in_load("service a\n{\n\tport = 1\n" SERVER NOWAIT "\tuser = root\n}\n"
			  "service b\n{\n\tport = 2\n" SERVER NOWAIT "\tuser = root\n}\n"
			  "defaults\n{\n\tdisabled = a,b, c,\n\tenabled = A b\n}\n",
		&stand_in_root, &problems);

	ck_assert_int_eq(c->services[0]->state, CONF_DISABLED);
	ck_assert_int_eq(c->services[1]->state, CONF_DISABLED);
	ck_assert_uint_eq(problems.count, 1);
	ck_assert_str_eq(problems.item[0].text, "disabled: there is no service with the id c");
	done(c);
}

END_TEST

START_TEST(damaged_defaults_start_nothing)
{
	struct config *c =
	    stand_in_load("service a\n{\n\tport = 1\n" SERVER NOWAIT "\tuser = root\n}\n"
			  "defaults\n{\n\tenv = {\"A=1\n\tbind = 127.0.0.1\n}\n",
		&stand_in_root, &problems);

	ck_assert_int_eq(c->services[0]->state, CONF_BROKEN_TEXT);
	ck_assert_uint_gt(problems.text_errors, 0);
	done(c);
}

END_TEST

START_TEST(ten_thousand_services_on_one_port_load)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs("defaults\n{\n\tdisabled =", f);
	for (int i = 0; i < 10000; i += 2)
		fprintf(f, " s%d", i);
	fputs("\n}\n", f);
	for (int i = 0; i < 10000; i++)
		fprintf(f,
		    "service s%d\n{\n\tport = 1\n\tbind = 127.%d.%d.1\n" SERVER NOWAIT
		    "\tuser = root\n}\n",
		    i, i / 200, i % 200);
	fclose(f);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);
	ck_assert_uint_eq(c->count, 10000);
	ck_assert_uint_eq(problems.count, 0);
	for (size_t i = 0; i < c->count; i++)
		ck_assert_int_eq(c->services[i]->state, i % 2 == 0 ? CONF_DISABLED : CONF_OK);
	free(text);
	done(c);
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST_LOOP(
		    socket_type_protocol_and_wait_follow_from_each_other, (int)ARRAY_LEN(sockets)),
		TEST_LOOP(a06_a_service_runs_as_whom_it_says_and_never_as_root_by_mistake,
		    (int)ARRAY_LEN(users)),
		TEST(builtins_run_as_nobody_unless_a_user_is_given),
		TEST(groups_are_those_of_the_user_only_if_asked_for),
		TEST(a_socket_that_was_handed_over_needs_no_port),
		TEST_LOOP(a_service_behind_tcpmux_listens_nowhere_whatever_it_says, 4),
		TEST(what_is_off_is_not_looked_up_and_takes_no_address),
		TEST_LOOP(addresses_collide_where_the_kernel_says_so, (int)ARRAY_LEN(pairs)),
		TEST(the_first_that_can_serve_keeps_the_address),
		TEST(a_service_edits_the_lists_that_it_inherits),
		TEST(ids_are_found_behind_commas),
		TEST(damaged_defaults_start_nothing),
		TEST(ten_thousand_services_on_one_port_load),
	};

	return run_suite("rules", tests, ARRAY_LEN(tests));
}
