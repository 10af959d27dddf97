/* SPDX-License-Identifier: MIT */
#include "launch/fill.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/template.h"
#include "launch/plan.h"
#include "suite.h"

static char *variables[] = { (char[]){ "SERVICE_ID=mail" }, (char[]){ "CONNECTION_ID=77" },
	(char[]){ "REMOTE_HOST=192.0.2.1" }, (char[]){ "REMOTE_ADDR=192.0.2.1" },
	(char[]){ "REMOTE_PORT=4711" }, (char[]){ "LOCAL_PORT=25" }, NULL };

/* What is written, and what a program gets; NULL: the same, and nothing is filled in. */
static const struct {
	const char *text, *filled;
} words[] = {
	{ "plain", NULL },
	{ "", NULL },
	{ "%{remote_addr}", "192.0.2.1" },
	{ "%{remote_host}", "192.0.2.1" },
	{ "%{remote_port}", "4711" },
	{ "%{local_port}", "25" },
	{ "%{service}/%{connection}", "mail/77" },
	{ "--peer=[%{remote_addr}]:%{remote_port}.", "--peer=[192.0.2.1]:4711." },
	/* Not known of this connection. */
	{ "at %{local_addr}", "at " },
	{ "%%{remote_addr}", "%{remote_addr}" },
	{ "%%%{remote_port}", "%%{remote_port}" },
	{ "%%{", "%{" },
	{ "100%", NULL },
	{ "%", NULL },
	{ "%%", NULL },
	{ "%{", NULL },
	{ "%{remote_addr", NULL },
	{ "%{}", NULL },
	{ "%{remote_addr }", NULL },
	{ "%{REMOTE_ADDR}", NULL },
	{ "%{none} %{remote_port}", "%{none} 4711" },
	{ "%{%{remote_port}}", "%{4711}" },
	{ "%d%s%n", NULL },
};

START_TEST(words_are_filled_in)
{
	struct fill *list = NULL;
	const char *place = fill_add(&list, words[_i].text, false);

	ck_assert_int_eq(template_changes(words[_i].text), words[_i].filled != NULL);
	ck_assert_int_eq(place != NULL, words[_i].filled != NULL);
	fill_all(list, variables);
	if (place != NULL) {
		ck_assert_str_eq(place, words[_i].filled);
		ck_assert_str_eq(fill_source(list, place), words[_i].text);
	}
	ck_assert_ptr_null(fill_source(list, words[_i].text));
	fill_free(list);
}

END_TEST

START_TEST(names_of_variables_stay)
{
	struct fill *list = NULL;
	const char *place = fill_add(&list, "%{service}=%{remote_port}", true);

	ck_assert_ptr_nonnull(place);
	fill_all(list, variables);
	ck_assert_str_eq(place, "%{service}=4711");
	ck_assert_ptr_null(fill_add(&list, "%{service}=x", true));
	fill_free(list);
}

END_TEST

START_TEST(long_values_are_cut)
{
	char value[400] = "LOCAL_ADDR=/";
	char *long_ones[] = { value, NULL };
	struct fill *list = NULL;
	const char *place = fill_add(&list, "<%{local_addr}><%{local_addr}>", false);

	memset(value + strlen(value), 'x', sizeof(value) - strlen(value) - 1);
	fill_all(list, long_ones);
	ck_assert_uint_eq(strlen(place), 4 + 2 * TEMPLATE_VALUE_SIZE);
	ck_assert_uint_eq(strcspn(place, ">"), 1 + TEMPLATE_VALUE_SIZE);
	fill_free(list);
}

END_TEST

static const struct origin origin = { .environ =
					  (char *[]){ (char[]){ "LANG=%{remote_addr}" }, NULL } };

static struct service_conf
basic(void)
{
	static char name[] = "x", server[] = "/usr/bin/prog";
	struct service_conf conf = {
		.name = name, .id = name, .server = server, .socket_type = SOCK_STREAM
	};

	strings_add(&conf.server_args, "-r");
	strings_add(&conf.server_args, "%{remote_addr}");
	strings_add(&conf.env, "PEER=%{remote_addr}:%{remote_port}");
	return conf;
}

static void
release(struct service_conf *conf)
{
	strings_done(&conf->server_args);
	strings_done(&conf->env);
}

static struct connection
from(const char *address, uint16_t port)
{
	struct connection c = { .id = 5 };

	ck_assert_int_eq(addr_parse(&c.peer, address, port), 0);
	ck_assert_int_eq(addr_parse(&c.local, "127.0.0.1", 80), 0);
	return c;
}

static bool
has_variable(char *const *env, const char *text)
{
	for (; *env != NULL; env++)
		if (strcmp(*env, text) == 0)
			return true;
	return false;
}

START_TEST(each_connection_has_its_own_words)
{
	struct service_conf conf = basic();
	struct plan *p = plan_new(&conf, &origin);
	struct connection one = from("192.0.2.1", 1), two = from("2001:db8::2", 2);
	char *const *env = plan_environment(p, &conf, &one);

	ck_assert_str_eq(p->argv[2], "192.0.2.1");
	ck_assert_ptr_null(p->argv[3]);
	ck_assert(has_variable(env, "PEER=192.0.2.1:1"));
	env = plan_environment(p, &conf, &two);
	ck_assert_str_eq(p->argv[2], "2001:db8::2");
	ck_assert(has_variable(env, "PEER=2001:db8::2:2"));
	/* What comes from the daemon's own environment is nobody's template. */
	ck_assert(has_variable(env, "LANG=%{remote_addr}"));
	one.peer.len = 0;
	env = plan_environment(p, &conf, &one);
	ck_assert_str_eq(p->argv[2], "");
	ck_assert(has_variable(env, "PEER=:"));
	plan_free(p);
	release(&conf);
}

END_TEST

START_TEST(filled_plans_are_equal_if_their_settings_are)
{
	struct service_conf conf = basic();
	struct plan *x = plan_new(&conf, &origin), *y = plan_new(&conf, &origin), *z;
	struct connection one = from("192.0.2.1", 1), two = from("192.0.2.2", 2);

	plan_environment(x, &conf, &one);
	plan_environment(y, &conf, &two);
	ck_assert_str_ne(x->argv[2], y->argv[2]);
	ck_assert(plan_equal(x, y));
	free(conf.server_args.item[1]);
	conf.server_args.item[1] = mem_dup("192.0.2.1");
	z = plan_new(&conf, &origin);
	ck_assert(!plan_equal(x, z));
	plan_free(x);
	plan_free(y);
	plan_free(z);
	release(&conf);
}

END_TEST

START_TEST(plans_without_templates_hold_none)
{
	struct service_conf conf = basic();
	struct plan *p;

	release(&conf);
	strings_add(&conf.server_args, "100%");
	p = plan_new(&conf, &origin);
	ck_assert_ptr_null(p->fills);
	plan_free(p);
	release(&conf);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(words_are_filled_in, ARRAY_LEN(words)),
		TEST(names_of_variables_stay),
		TEST(long_values_are_cut),
		TEST(each_connection_has_its_own_words),
		TEST(filled_plans_are_equal_if_their_settings_are),
		TEST(plans_without_templates_hold_none),
	};

	return run_suite("fill", tests, ARRAY_LEN(tests));
}
