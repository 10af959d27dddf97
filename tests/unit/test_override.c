/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/override.h"
#include "stand_in.h"
#include "suite.h"

#define PLAIN   "\tport = 1\n\tserver = /bin/cat\n\tuser = anna\n\twait = no\n"
#define DYNAMIC PLAIN "\tpool = dynamic\n\tpool_exec = fresh\n"
#define STATIC  PLAIN "\tpool = static\n\tpool_exec = fresh\n"

static struct problems problems;

static struct config *
load(const char *body)
{
	char *text = mem_format("service a\n{\n%s}\n", body);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);

	free(text);
	problems_done(&problems);
	return c;
}

static struct config *
change(struct config *c, const char *name, const char *value, char why[ATTR_WHY_SIZE])
{
	const struct override_change one = {
		.config = c, .conf = c->services[0], .attr = attr_find(name), .text = value
	};

	ck_assert_ptr_nonnull(one.attr);
	return override_new(&one, &stand_in_root, why);
}

/* Set by hand is as written in the file: the same settings, or refused by both. */
static const struct {
	const char *body, *name, *value;
} sets[] = {
	{ PLAIN, "instances", "3" },
	{ PLAIN, "instances", "UNLIMITED" },
	{ PLAIN, "instances", "0" },
	{ PLAIN, "instances", "-1" },
	{ PLAIN, "instances", "1000001" },
	{ PLAIN, "instances", "" },
	{ PLAIN, "instances", "3 4" },
	{ PLAIN "\tinstances = 7\n", "instances", "9" },
	{ PLAIN, "on_limit", "queue" },
	{ PLAIN, "on_limit", "never" },
	{ PLAIN, "stop_signal", "INT" },
	{ PLAIN, "stop_signal", "SIGHUP" },
	{ PLAIN, "stop_signal", "NONSENSE" },
	{ PLAIN, "stop_grace", "250ms" },
	{ PLAIN, "stop_grace", "-1" },
	{ PLAIN, "log_on_success", "PID EXIT" },
	{ PLAIN, "log_on_success", "" },
	{ PLAIN, "log_on_success", "PID WRONG" },
	{ PLAIN, "log_on_failure", "HOST" },
	/* What follows from it follows anew. */
	{ DYNAMIC "\tinstances = 4\n", "instances", "20" },
	{ DYNAMIC "\tinstances = 20\n", "instances", "4" },
	{ DYNAMIC "\tpool_max = 6\n", "instances", "4" },
	{ DYNAMIC "\tpool_max = 6\n", "instances", "6" },
	{ DYNAMIC, "pool_max", "30" },
	{ DYNAMIC, "pool_max", "0" },
	{ DYNAMIC, "pool_min_spare", "5" },
	{ DYNAMIC, "pool_min_spare", "9" },
	{ DYNAMIC "\tpool_max_spare = 3\n", "pool_min_spare", "4" },
	{ DYNAMIC "\tpool_start = 5\n", "pool_max", "4" },
	{ DYNAMIC, "pool_max_spare", "0" },
	{ DYNAMIC, "pool_spawn_rate", "7" },
	{ DYNAMIC, "pool_idle_timeout", "2s" },
	{ DYNAMIC, "pool_request_timeout", "1m" },
	{ DYNAMIC "\ton_limit = refuse\n", "on_limit", "queue" },
	{ STATIC, "pool_max", "3" },
	{ STATIC "\tinstances = 2\n", "pool_max", "3" },
};

START_TEST(it_is_as_written_in_the_file)
{
	const char *name = sets[_i].name, *value = sets[_i].value;
	bool is_list = attr_find(name)->type->is_list;
	char why[ATTR_WHY_SIZE] = "";
	struct config *c = load(sets[_i].body), *set = change(c, name, value, why);
	/* The first one counts. */
	char *body = mem_format("\t%s = %s\n%s", name, value, sets[_i].body);
	struct config *written = load(body);
	const struct service_conf *expected = written->services[0];

	ck_assert_int_eq(c->services[0]->state, CONF_OK);
	if (*value == '\0' && !is_list)
		ck_assert_ptr_null(set); /* of a file the line is left out */
	else
		ck_assert_msg(
		    (set != NULL) == (expected->state == CONF_OK), "%s = %s: %s", name, value, why);
	if (set == NULL)
		ck_assert_int_gt((int)strlen(why), 0);
	for (size_t i = 0; set != NULL && i < attr_count; i++)
		if (!attr_is_global(&attrs[i]))
			ck_assert_msg(attr_equal(set->services[0], expected, &attrs[i]),
			    "%s after %s = %s", attrs[i].name, name, value);
	free(body);
	config_unref(set);
	config_unref(written);
	config_unref(c);
}

END_TEST

START_TEST(the_copy_has_all_that_loading_worked_out)
{
	char why[ATTR_WHY_SIZE];
	struct config *c = load("\tlisten = 127.0.0.1:7 [::1]:8 unix:/run/a\n\tserver = /bin/cat\n"
				"\tuser = anna\n\tgroups = yes\n\twait = no\n\tenv = A=1\n"
				"\tumask = 077\n\trlimit_files = 9\n");
	struct config *set = change(c, "instances", "3", why);
	const struct service_conf *x = c->services[0], *y;

	ck_assert_ptr_nonnull(set);
	config_ref(c);
	y = set->services[0];
	ck_assert_uint_eq(y->endpoint_count, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_str_eq(x->endpoints[i].key, y->endpoints[i].key);
		ck_assert_ptr_ne(x->endpoints[i].key, y->endpoints[i].key);
		ck_assert(addr_equal(&x->endpoints[i].addr, &y->endpoints[i].addr));
		ck_assert_uint_eq(x->endpoints[i].place.line, y->endpoints[i].place.line);
	}
	ck_assert_str_eq(x->name, y->name);
	ck_assert_str_eq(x->id, y->id);
	ck_assert_uint_eq(x->uid, y->uid);
	ck_assert_uint_eq(x->gid, y->gid);
	ck_assert(x->changes_ids && y->changes_ids);
	ck_assert_str_eq(x->user_name, y->user_name);
	ck_assert_uint_eq(x->group_count, y->group_count);
	ck_assert_mem_eq(x->group_list, y->group_list, x->group_count * sizeof(gid_t));
	ck_assert_uint_eq(x->listen_uid, y->listen_uid);
	ck_assert(y->has_umask);
	ck_assert_int_eq(y->state, CONF_OK);
	config_unref(c);
	config_unref(c);
	/* The file's texts live on. */
	ck_assert_str_eq(y->place.source->path, y->endpoints[0].place.source->path);
	config_unref(set);
}

END_TEST

START_TEST(what_was_set_is_told_by_its_place)
{
	char why[ATTR_WHY_SIZE];
	struct config *c = load(PLAIN "\tinstances = 2\n");
	struct config *once = change(c, "instances", "3", why);
	struct config *twice = change(once, "stop_grace", "1s", why);
	size_t at = 0;

	ck_assert_ptr_null(override_next(c->services[0], &at));
	at = 0;
	ck_assert_str_eq(override_next(once->services[0], &at)->name, "instances");
	ck_assert_ptr_null(override_next(once->services[0], &at));
	/* The one between is not needed any more. */
	ck_assert_ptr_eq(twice->base, c);
	config_unref(c);
	config_unref(once);
	at = 0;
	ck_assert_str_eq(override_next(twice->services[0], &at)->name, "instances");
	ck_assert_str_eq(override_next(twice->services[0], &at)->name, "stop_grace");
	ck_assert_ptr_null(override_next(twice->services[0], &at));
	ck_assert_uint_eq(twice->services[0]->instances, 3);
	config_unref(twice);
}

END_TEST

static const struct {
	const char *body, *name, *value, *why;
} refused[] = {
	{ PLAIN, "pool_max", "3", "no effect without a pool" },
	{ STATIC, "pool_min_spare", "3", "no effect with pool = static" },
	{ DYNAMIC, "pool_max_requests", "3", "no effect with pool_exec = fresh" },
	{ DYNAMIC "\tpool_max = 6\n", "instances", "4", "pool_max = 6 is more than instances = 4" },
	{ PLAIN, "instances", "many", "'many' is no number" },
};

START_TEST(the_reason_is_that_of_loading)
{
	char why[ATTR_WHY_SIZE];
	struct config *c = load(refused[_i].body);

	ck_assert_ptr_null(change(c, refused[_i].name, refused[_i].value, why));
	ck_assert_msg(strstr(why, refused[_i].why) != NULL, "%s", why);
	config_unref(c);
}

END_TEST

START_TEST(global_values_are_read_as_others)
{
	struct global_conf g = { .max_servers = 5 };
	const struct attr *a = attr_find("max_servers");
	char why[ATTR_WHY_SIZE];

	ck_assert(override_global(&g, a, "7", why));
	ck_assert_uint_eq(g.max_servers, 7);
	ck_assert(!override_global(&g, a, "x", why));
	ck_assert_uint_eq(g.max_servers, 7);
}

END_TEST

START_TEST(names_are_those_of_the_rows)
{
	char *names = override_names();

	ck_assert_ptr_nonnull(strstr(names, "instances, "));
	ck_assert_ptr_nonnull(strstr(names, " and stop_grace"));
	ck_assert_ptr_null(strstr(names, "max_servers"));
	ck_assert_ptr_null(strstr(names, "server,"));
	free(names);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(it_is_as_written_in_the_file, ARRAY_LEN(sets)),
		TEST(the_copy_has_all_that_loading_worked_out),
		TEST(what_was_set_is_told_by_its_place),
		TEST_LOOP(the_reason_is_that_of_loading, ARRAY_LEN(refused)),
		TEST(global_values_are_read_as_others),
		TEST(names_are_those_of_the_rows),
	};

	return run_suite("override", tests, ARRAY_LEN(tests));
}
