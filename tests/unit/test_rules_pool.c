/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdio.h>

#include "conf/attr.h"
#include "conf/rules_idle.h"
#include "conf/rules_pool.h"
#include "stand_in.h"
#include "suite.h"

#define SERVICE "service a\n{\n\tport = 1\n\tserver = /bin/cat\n\tuser = root\n"
#define FRESH   "\tpool_exec = fresh\n"

static struct problems problems;

static void
done(struct config *c)
{
	config_unref(c);
	problems_done(&problems);
}

static void
expect_silence(const char *text)
{
	if (problems.count > problems.by_severity[SEVERITY_NOTE]) {
		problems_print(&problems, stderr);
		ck_abort_msg("%s: see above", text);
	}
}

/* clang-format off */
static const struct {
	const char *defaults, *body;
	unsigned max, min_spare, max_spare, start;
} numbers[] = {
	{ "", "", 8, 1, 4, 1 },
	{ "", "\tinstances = 100\n", 8, 1, 4, 1 },
	{ "", "\tinstances = 8\n", 8, 1, 4, 1 },
	{ "", "\tinstances = 6\n", 6, 1, 4, 1 },
	{ "", "\tinstances = 2\n", 2, 1, 2, 1 },
	{ "", "\tinstances = 1\n", 1, 1, 1, 1 },
	{ "\tinstances = 3\n", "", 3, 1, 3, 1 },
	{ "\tinstances = 3\n", "\tinstances = UNLIMITED\n", 8, 1, 4, 1 },
	{ "", "\tpool_max = 100\n", 100, 1, 4, 1 },
	{ "", "\tpool_max = 2\n", 2, 1, 2, 1 },
	{ "", "\tpool_min_spare = 3\n", 8, 3, 4, 3 },
	{ "", "\tpool_min_spare = 6\n", 8, 6, 6, 6 },
	{ "", "\tpool_min_spare = 0\n", 8, 0, 4, 0 },
	{ "", "\tpool_min_spare = 6\n\tpool_start = 1\n", 8, 6, 6, 1 },
	{ "", "\tpool_max_spare = 0\n", 8, 0, 0, 0 },
	{ "", "\tpool_max_spare = 7\n", 8, 1, 7, 1 },
	{ "", "\tpool_start = 8\n", 8, 1, 4, 8 },
	{ "", "\tpool_start = 0\n", 8, 1, 4, 0 },
	{ "\tpool_max = 20\n", "\tpool_min_spare = 15\n", 20, 15, 15, 15 },
	{ "\tpool_min_spare = 2\n\tpool_start = 5\n", "", 8, 2, 4, 5 },
	{ "\tpool_max = 20\n\tpool_max_spare = 20\n", "\tpool_max = 30\n\tinstances = 30\n", 30, 1, 20, 1 },
};

/* clang-format on */

START_TEST(numbers_fit_those_that_are_given)
{
	char *text = mem_format("defaults\n{\n%s}\n" SERVICE FRESH "\tpool = dynamic\n%s}\n",
	    numbers[_i].defaults, numbers[_i].body);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);
	const struct service_conf *s = c->services[0];

	ck_assert_uint_eq(problems.count, 0);
	ck_assert_int_eq(s->state, CONF_OK);
	ck_assert_uint_eq(s->pool_max, numbers[_i].max);
	ck_assert_uint_eq(s->pool_min_spare, numbers[_i].min_spare);
	ck_assert_uint_eq(s->pool_max_spare, numbers[_i].max_spare);
	ck_assert_uint_eq(s->pool_start, numbers[_i].start);
	free(text);
	done(c);
}

END_TEST

static void
dump_to(char **text, const struct config *c)
{
	size_t size;
	FILE *f = open_memstream(text, &size);

	config_dump(c, f);
	fclose(f);
}

static const char *const modes[] = { "none", "static", "dynamic", "ondemand" };
static const char *const kinds[] = {
	"",
	"\tpool_exec = fresh\n",
	"\tpool_accept = worker\n\tpool_request_timeout = 0\n\tpool_max_requests = UNLIMITED\n",
	"\tpool_protocol = plain\n\tpool_channel = stream\n",
	"\ttype = INTERNAL\n",
};
static const char *const settings[] = {
	"",
	"\tpool_max = 8\n\tpool_min_spare = 3\n\tpool_max_spare = 4\n\tpool_start = 1\n",
	"\tpool_min_spare = 1\n\tpool_start = 3\n\tpool_idle_timeout = 10s\n",
	"\tpool_max = 40\n\tpool_spawn_rate = 32\n\tinstances = 50\n",
};
static const char *const inherited[] = {
	"",
	"\tpool_min_spare = 5\n\tpool_start = 2\n\tpool_max_spare = 5\n\tpool_idle_timeout = 1m\n"
	"\tpool_request_timeout = 5m\n\tpool_max_requests = 1000\n\tpool_max = 12\n",
};

/* Every attribute, whatever of it was written, inherited, worked out or without effect. */
START_TEST(a_dump_is_the_same_pool)
{
	const char *mode = modes[_i % 4], *kind = kinds[_i / 4 % 5], *set = settings[_i / 20 % 4];
	char *text = mem_format("defaults\n{\n%s}\nservice echo\n{\n\tpool = %s\n%s%s%s}\n",
	    inherited[_i / 80], mode, kind,
	    strstr(kind, "INTERNAL") == NULL ? "\tport = 1\n\tserver = /bin/cat\n\tuser = root\n"
					     : "",
	    set);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);

	if (c->services[0]->state == CONF_OK) {
		char *dump = NULL;

		dump_to(&dump, c);
		problems_done(&problems);
		struct config *again = stand_in_load(dump, &stand_in_root, &problems);
		expect_silence(dump);
		ck_assert_int_eq(again->services[0]->state, CONF_OK);
		for (size_t i = 0; i < attr_count; i++)
			ck_assert_msg(attr_is_global(&attrs[i]) ||
					  attr_equal(c->services[0], again->services[0], &attrs[i]),
			    "%s", attrs[i].name);
		free(dump);
		config_unref(again);
	} else {
		ck_assert(strstr(kind, "worker") != NULL && strcmp(mode, "static") != 0);
	}
	free(text);
	done(c);
}

END_TEST

START_TEST(a_dump_without_a_pool_speaks_of_none)
{
	struct config *c =
	    stand_in_load("defaults\n{\n\tpool_max = 50\n}\n" SERVICE "\twait = no\n}\n",
		&stand_in_root, &problems);
	char *dump = NULL;

	dump_to(&dump, c);
	ck_assert(strstr(dump, "\tpool_max = 50\n}\n\nservice a {\n") != NULL);
	ck_assert(strstr(strstr(dump, "service a"), "pool") == NULL);
	ck_assert_uint_eq(problems.count, 0);
	free(dump);
	done(c);
}

END_TEST

/* clang-format off */
static const struct {
	const char *body;
	size_t notes;
} waits[] = {
	{ "\tpool = static\n" FRESH, 0 },
	{ "\tpool = static\n" FRESH "\twait = no\n", 0 },
	{ "\tpool = static\n\tpool_accept = worker\n", 0 },
	{ "\tpool = static\n\tpool_accept = worker\n\twait = no\n", 0 },
	{ "\tpool = static\n\tpool_accept = worker\n\twait = yes\n", 1 },
	{ "\tpool = static\n\tpool_accept = worker\n\tprotocol = udp\n", 0 },
	{ "\tpool = static\n\tpool_accept = worker\n\tprotocol = udp\n\twait = no\n", 0 },
	{ "\tpool = static\n\tpool_accept = worker\n\tprotocol = udp\n\twait = yes\n", 1 },
};

/* clang-format on */

START_TEST(a_pool_does_not_wait)
{
	char *text = mem_format(SERVICE "%s}\n", waits[_i].body);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);

	expect_silence(text);
	ck_assert_int_eq(c->services[0]->state, CONF_OK);
	ck_assert(!c->services[0]->wait);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_NOTE], waits[_i].notes);
	ck_assert(
	    conf_shares_listeners(c->services[0]) == (strstr(waits[_i].body, "worker") != NULL));
	free(text);
	done(c);
}

END_TEST

/* clang-format off */
static const struct {
	const char *body;
	size_t notes;
} kinds_said[] = {
	{ "\tpool = dynamic\n", 1 },
	{ "\tpool = dynamic\n\tpool_exec = once\n", 0 },
	{ "\tpool = dynamic\n\tpool_exec = fresh\n", 0 },
	{ "\tpool = dynamic\n\tpool_protocol = porter\n", 0 },
	{ "\tpool = dynamic\n\tpool_protocol = plain\n", 0 },
	{ "\tpool = static\n\tpool_accept = worker\n", 0 },
};

/* clang-format on */

START_TEST(a_program_is_a_worker_by_default_and_that_is_said)
{
	char *text = mem_format(SERVICE "%s}\n", kinds_said[_i].body);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);

	ck_assert_uint_eq(problems.count, kinds_said[_i].notes);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_NOTE], kinds_said[_i].notes);
	free(text);
	done(c);
}

END_TEST

/* clang-format off */
static const struct {
	const char *body;
	size_t errors, warnings;
} mistakes[] = {
	{ "\tpool = statik\n\tpool_exec = fresh\n\tpool_max = 4\n\twait = no\n", 1, 0 },
	{ "\tpool = static\n\tpool_accept = me\n\tpool_min_spare = 3\n", 1, 0 },
	{ "\tpool = static\n\tpool_exec = twice\n\tpool_start = 3\n", 1, 0 },
	{ "\tpool = dynamic\n" FRESH "\tpool_max = 0\n\tpool_start = 30\n", 1, 0 },
	{ "\tpool = dynamic\n" FRESH "\tpool_min_spare = 30\n", 1, 0 },
	{ "\tpool = static\n" FRESH "\tprotocol = udp\n\twait = yes\n", 1, 0 },
	{ "\tpool = static\n" FRESH "\tpool_accept = worker\n\tpool_max_requests = 1\n", 1, 1 },
	{ "\tpool = dynamic\n" FRESH "\tpool_accept = worker\n", 2, 0 },
};

/* clang-format on */

START_TEST(a_mistake_is_told_once)
{
	char *text = mem_format(SERVICE "%s}\n", mistakes[_i].body);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);

	ck_assert_uint_eq(problems.by_severity[SEVERITY_ERROR], mistakes[_i].errors);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_WARNING], mistakes[_i].warnings);
	free(text);
	done(c);
}

END_TEST

START_TEST(builtins_have_no_program_to_start_and_no_listener)
{
	struct config *c = stand_in_load(
	    "service echo\n{\n\ttype = INTERNAL\n\tpool = dynamic\n\tpool_accept = worker\n" FRESH
	    "}\n",
	    &stand_in_root, &problems);

	ck_assert_uint_eq(problems.count, 2);
	ck_assert_uint_eq(problems.text_errors, 2);
	done(c);
}

END_TEST

START_TEST(a_pool_for_nobody_loads_again)
{
	struct config *c = stand_in_load(
	    SERVICE FRESH "\tpool = static\n\tinstances = 0\n}\n", &stand_in_root, &problems);
	char *dump = NULL;

	ck_assert_uint_eq(c->services[0]->pool_max, 1);
	dump_to(&dump, c);
	done(c);
	c = stand_in_load(dump, &stand_in_root, &problems);
	ck_assert_int_eq(c->services[0]->state, CONF_OK);
	free(dump);
	done(c);
}

END_TEST

START_TEST(builtins_speak_porter)
{
	struct config *c = stand_in_load(
	    "service echo\n{\n\ttype = INTERNAL\n\tpool = static\n\tpool_protocol = plain\n"
	    "\tpool_channel = stream\n\tpool_max_requests = 5\n}\n",
	    &stand_in_root, &problems);
	const struct service_conf *s = c->services[0];

	ck_assert_int_eq(s->state, CONF_OK);
	ck_assert_int_eq(s->pool_protocol, CONF_POOL_PORTER);
	ck_assert_int_eq(s->pool_channel, SOCK_SEQPACKET);
	ck_assert_uint_eq(s->pool_max_requests, 5);
	ck_assert_uint_eq(s->uid, 65534);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_WARNING], 2);
	done(c);
}

END_TEST

START_TEST(what_has_no_effect_has_its_default)
{
	struct config *c = stand_in_load("defaults\n{\n\tpool_max_requests = 5\n}\n" SERVICE FRESH
					 "\tpool = static\n\tpool_start = 7\n}\n",
	    &stand_in_root, &problems);
	const struct service_conf *s = c->services[0];

	ck_assert_uint_eq(s->pool_max_requests, CONF_UNLIMITED);
	ck_assert_uint_eq(s->pool_start, 1);
	ck_assert_uint_eq(problems.count, 1);
	ck_assert_ptr_null(rules_idle(s, attr_find("pool_max")));
	ck_assert_ptr_null(rules_idle(s, attr_find("server")));
	ck_assert_ptr_null(rules_idle(s, attr_find("max_servers")));
	ck_assert_ptr_nonnull(rules_idle(s, attr_find("pool_start")));
	done(c);
}

END_TEST

/* Each attribute of pools has an effect in some pool and none without one. */
START_TEST(pool_attributes_take_a_pool)
{
	struct service_conf *s = service_conf_new(NULL);
	const struct attr *a = &attrs[_i];
	bool is_of_pools = strncmp(a->name, "pool_", 5) == 0;

	if (!is_of_pools) {
		service_conf_free(s);
		return;
	}
	ck_assert_ptr_nonnull(rules_idle(s, a));
	s->pool = CONF_POOL_DYNAMIC;
	ck_assert_ptr_null(rules_idle(s, a));
	service_conf_free(s);
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST_LOOP(numbers_fit_those_that_are_given, (int)ARRAY_LEN(numbers)),
		TEST_LOOP(a_dump_is_the_same_pool, 160),
		TEST(a_dump_without_a_pool_speaks_of_none),
		TEST_LOOP(a_pool_does_not_wait, (int)ARRAY_LEN(waits)),
		TEST_LOOP(
		    a_program_is_a_worker_by_default_and_that_is_said, (int)ARRAY_LEN(kinds_said)),
		TEST_LOOP(a_mistake_is_told_once, (int)ARRAY_LEN(mistakes)),
		TEST(builtins_have_no_program_to_start_and_no_listener),
		TEST(a_pool_for_nobody_loads_again),
		TEST(builtins_speak_porter),
		TEST(what_has_no_effect_has_its_default),
		TEST_LOOP(pool_attributes_take_a_pool, (int)attr_count),
	};

	return run_suite("rules_pool", tests, ARRAY_LEN(tests));
}
