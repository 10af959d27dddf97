/* SPDX-License-Identifier: MIT */
#include "ctl/openmetrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "control/figure.h"
#include "suite.h"

/* Static text. */
static const char *
printed(const char *json, enum metrics_format format)
{
	static char *text;
	size_t len;
	json_t *metrics = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	FILE *out;

	ck_assert_ptr_nonnull(metrics);
	free(text);
	out = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(out);
	openmetrics_print(metrics, format, out);
	fclose(out);
	json_decref(metrics);
	return text;
}

START_TEST(nothing_is_an_end)
{
	ck_assert_str_eq(printed("{}", METRICS_OPEN), "# EOF\n");
	ck_assert_str_eq(printed("{}", METRICS_CLASSIC), "");
	/* Of another type or unknown: left out. */
	ck_assert_str_eq(
	    printed("{\"daemon\": {\"bans\": \"x\", \"unheard_of\": 1}, \"services\": {}}",
		METRICS_OPEN),
	    "# EOF\n");
}

END_TEST

START_TEST(figures_of_the_daemon)
{
	static const char json[] =
	    "{\"daemon\": {\"build\": {\"1.2\": 1}, \"uptime_seconds\": 12.5, \"connections\": 7,"
	    " \"services\": {\"serving\": 2, \"off\": 0}}}";

	ck_assert_str_eq(printed(json, METRICS_OPEN),
	    "# TYPE porterd_build info\n"
	    "# HELP porterd_build The version of porterd that is running.\n"
	    "porterd_build_info{version=\"1.2\"} 1\n"
	    "# TYPE porterd_uptime_seconds gauge\n"
	    "# UNIT porterd_uptime_seconds seconds\n"
	    "# HELP porterd_uptime_seconds How long the daemon has been running.\n"
	    "porterd_uptime_seconds 12.5\n"
	    "# TYPE porterd_connections counter\n"
	    "# HELP porterd_connections Connections that were given a number.\n"
	    "porterd_connections_total 7\n"
	    "# TYPE porterd_services gauge\n"
	    "# HELP porterd_services Services by what they do at present.\n"
	    "porterd_services{state=\"serving\"} 2\n"
	    "porterd_services{state=\"off\"} 0\n"
	    "# EOF\n");
	ck_assert_str_eq(
	    printed("{\"daemon\": {\"build\": {\"1.2\": 1}, \"connections\": 7}}", METRICS_CLASSIC),
	    "# TYPE porterd_build_info gauge\n"
	    "# HELP porterd_build_info The version of porterd that is running.\n"
	    "porterd_build_info{version=\"1.2\"} 1\n"
	    "# TYPE porterd_connections_total counter\n"
	    "# HELP porterd_connections_total Connections that were given a number.\n"
	    "porterd_connections_total 7\n");
}

END_TEST

START_TEST(one_family_for_all_services)
{
	const char *text = printed(
	    "{\"services\": [{\"id\": \"a\", \"address\": \"tcp:*:1\", \"figures\": {\"service_started\": 1,"
	    " \"service_refused\": {\"cps\": 3}}},"
	    " {\"id\": \"b\", \"address\": \"\", \"figures\": {\"service_started\": 2}}]}",
	    METRICS_OPEN);

	ck_assert_str_eq(text,
	    "# TYPE porterd_service_started counter\n"
	    "# HELP porterd_service_started Programs started.\n"
	    "porterd_service_started_total{service=\"a\",address=\"tcp:*:1\"} 1\n"
	    "porterd_service_started_total{service=\"b\",address=\"\"} 2\n"
	    "# TYPE porterd_service_refused counter\n"
	    "# HELP porterd_service_refused Connections closed because of a limit or a rule, by the reason that FAIL lines give.\n"
	    "porterd_service_refused_total{service=\"a\",address=\"tcp:*:1\",reason=\"cps\"} 3\n"
	    "# EOF\n");
}

END_TEST

START_TEST(label_values_are_escaped)
{
	const char *text =
	    printed("{\"services\": [{\"id\": \"a\\\\b\\\"c\\nd\", \"address\": \"x\","
		    " \"figures\": {\"service_started\": 1}}]}",
		METRICS_OPEN);

	ck_assert_ptr_nonnull(strstr(text, "{service=\"a\\\\b\\\"c\\nd\",address=\"x\"} 1\n"));
}

END_TEST

/* Buckets come one by one, and are summed up. */
START_TEST(histograms)
{
	const char *text = printed(
	    "{\"services\": [{\"id\": \"a\", \"address\": \"x\", \"figures\": {\"service_start_seconds\":"
	    " {\"buckets\": [1, 2, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5], \"sum\": 2.25, \"count\": 12}}}]}",
	    METRICS_OPEN);

	ck_assert_uint_eq(HISTOGRAM_BOUNDS, 12);
	ck_assert_ptr_nonnull(strstr(text, "# TYPE porterd_service_start_seconds histogram\n"));
	ck_assert_ptr_nonnull(strstr(text, "# UNIT porterd_service_start_seconds seconds\n"));
	ck_assert_ptr_nonnull(
	    strstr(text, "_bucket{service=\"a\",address=\"x\",le=\"0.0001\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "le=\"0.000316\"} 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "le=\"1.0\"} 7\n"));
	ck_assert_ptr_nonnull(strstr(text, "le=\"1000.0\"} 7\n"));
	ck_assert_ptr_nonnull(strstr(text, "le=\"+Inf\"} 12\n"));
	ck_assert_ptr_nonnull(strstr(text,
	    "porterd_service_start_seconds_sum{service=\"a\",address=\"x\"} 2.25\n"
	    "porterd_service_start_seconds_count{service=\"a\",address=\"x\"} 12\n# EOF\n"));
}

END_TEST

/* What the specification demands of names, for each row. */
START_TEST(rows_are_named_as_they_should_be)
{
	const struct figure *f = &figures[_i];
	size_t len = strlen(f->name);

	ck_assert_uint_eq(strspn(f->name, "abcdefghijklmnopqrstuvwxyz_0123456789"), len);
	ck_assert_msg(len < 6 || strcmp(f->name + len - 6, "_total") != 0, "%s", f->name);
	if (f->unit != NULL)
		ck_assert_msg(len > strlen(f->unit) &&
				  strcmp(f->name + len - strlen(f->unit), f->unit) == 0 &&
				  f->name[len - strlen(f->unit) - 1] == '_',
		    "%s does not end with its unit", f->name);
	ck_assert_msg(f->text[strlen(f->text) - 1] == '.', "%s: no sentence", f->name);
	ck_assert_ptr_eq(figure_find(f->name), f);
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST(nothing_is_an_end),
		TEST(figures_of_the_daemon),
		TEST(one_family_for_all_services),
		TEST(label_values_are_escaped),
		TEST(histograms),
		TEST_LOOP(rows_are_named_as_they_should_be, (int)figure_count),
	};

	return run_suite("openmetrics", tests, ARRAY_LEN(tests));
}
