/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "conf/attr.h"
#include "load/load.h"
#include "stand_in.h"
#include "suite.h"

#define GOOD TESTS_DIR "/conf/good"
#define BAD  TESTS_DIR "/conf/bad"

static struct strings good, bad;

static void
list_files(struct strings *out, const char *dir)
{
	struct dirent **entries;
	int count = scandir(dir, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			strings_take(out, mem_format("%s/%s", dir, entries[i]->d_name));
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static char *
dumped(const struct config *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	config_dump(c, f);
	fclose(f);
	return text;
}

static void
fail_with(const struct problems *problems, const char *path)
{
	problems_print(problems, stderr);
	ck_abort_msg("%s: see above", path);
}

START_TEST(good_files_load_without_errors)
{
	struct problems problems = { 0 };
	struct config *c = config_load(good.item[_i], &stand_in_root, &problems);

	if (problems.by_severity[SEVERITY_ERROR] > 0)
		fail_with(&problems, good.item[_i]);
	for (size_t i = 0; i < c->count; i++)
		ck_assert(
		    c->services[i]->state == CONF_OK || c->services[i]->state == CONF_DISABLED);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

static void
assert_same(const struct config *x, const struct config *y)
{
	ck_assert_uint_eq(x->count, y->count);
	for (size_t i = 0; i < x->count; i++) {
		const struct service_conf *a = x->services[i], *b = y->services[i];

		ck_assert_str_eq(a->name, b->name);
		ck_assert_str_eq(a->id, b->id);
		ck_assert_int_eq(a->state, b->state);
		ck_assert_uint_eq(a->uid, b->uid);
		ck_assert_uint_eq(a->gid, b->gid);
		ck_assert(strings_equal(&a->server_args, &b->server_args));
		ck_assert(strings_equal(&a->env, &b->env));
		ck_assert_uint_eq(a->instances, b->instances);
		ck_assert_uint_eq(a->endpoint_count, b->endpoint_count);
		for (size_t k = 0; k < a->endpoint_count; k++)
			ck_assert_str_eq(a->endpoints[k].key, b->endpoints[k].key);
		ck_assert(service_conf_same_access(a, b));
		ck_assert_uint_eq(a->time_count, b->time_count);
		ck_assert_pstr_eq(a->redirect_host, b->redirect_host);
		ck_assert_pstr_eq(a->redirect_port, b->redirect_port);
		for (size_t k = 0; k < attr_count; k++)
			ck_assert_msg(attr_is_global(&attrs[k]) || attr_equal(a, b, &attrs[k]),
			    "%s: %s", a->id, attrs[k].name);
	}
}

START_TEST(a_dump_loads_to_the_same)
{
	struct problems problems = { 0 };
	struct config *c = config_load(good.item[_i], &stand_in_root, &problems);
	char *first = dumped(c);
	problems_done(&problems);
	struct config *again = stand_in_load(first, &stand_in_root, &problems);
	char *second = dumped(again);

	if (problems.by_severity[SEVERITY_ERROR] > 0 || problems.by_severity[SEVERITY_WARNING] > 0)
		fail_with(&problems, first);
	ck_assert_str_eq(first, second);
	assert_same(c, again);
	free(first);
	free(second);
	problems_done(&problems);
	config_unref(c);
	config_unref(again);
}

END_TEST

static const char *
severity_name(enum severity severity)
{
	static const char *const names[] = { "note", "warning", "error" };

	return names[severity];
}

/* "LINE:COLUMN: severity: text" of a problem of this file. */
static bool
matches(const struct problem *p, const char *path, unsigned line, unsigned column, const char *rest)
{
	char *said = mem_format("%s: %s", severity_name(p->severity), p->text);
	const char *colon = strstr(rest, ": ");
	size_t severity_len = colon == NULL ? strlen(rest) : (size_t)(colon - rest);
	bool is_same = p->place.source != NULL && strcmp(p->place.source->path, path) == 0 &&
		       p->place.line == line && p->place.column == column &&
		       strncmp(said, rest, severity_len) == 0 &&
		       (colon == NULL || strstr(said, colon + 2) != NULL);

	free(said);
	return is_same;
}

static void
expect_problem(
    const struct problems *problems, const char *path, const char *text, bool *is_expected)
{
	unsigned line, column;
	int used;
	bool is_found = false;

	ck_assert_msg(
	    sscanf(text, "%u:%u: %n", &line, &column, &used) == 2, "%s: expect: %s", path, text);
	for (size_t i = 0; i < problems->count; i++) {
		if (!matches(&problems->item[i], path, line, column, text + used))
			continue;
		is_found = is_expected[i] = true;
	}
	if (!is_found) {
		fprintf(stderr, "%s: nobody says: %s\n", path, text);
		fail_with(problems, path);
	}
}

static void
expect_state(const struct config *c, const char *path, const char *text)
{
	static const char *const names[] = {
		[CONF_OK] = "ok",
		[CONF_DISABLED] = "off",
		[CONF_BROKEN_TEXT] = "text",
		[CONF_BROKEN_SURROUNDINGS] = "missing",
	};
	char id[64], state[16];

	ck_assert_msg(sscanf(text, "%63s %15s", id, state) == 2, "%s: state: %s", path, text);
	const struct service_conf *s = stand_in_find(c, id);
	ck_assert_msg(strcmp(names[s->state], state) == 0, "%s: service %s is %s, not %s", path, id,
	    names[s->state], state);
}

START_TEST(bad_files_say_what_is_wrong_and_where)
{
	struct problems problems = { 0 };
	const char *path = bad.item[_i];
	struct config *c = config_load(path, &stand_in_root, &problems);
	bool *is_expected = mem_array(problems.count, sizeof(*is_expected));
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0, wanted = 0;

	while (getline(&line, &room, f) > 0 && line[0] == '#') {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "# expect: ", 10) == 0)
			expect_problem(&problems, path, line + 10, is_expected);
		else if (strncmp(line, "# state: ", 9) == 0)
			expect_state(c, path, line + 9);
		wanted++;
	}
	ck_assert_uint_gt(wanted, 0);
	for (size_t i = 0; i < problems.count; i++)
		if (problems.item[i].severity == SEVERITY_ERROR && !is_expected[i])
			fail_with(&problems, path);
	free(line);
	fclose(f);
	free(is_expected);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(a_dump_of_a_bad_file_has_no_errors)
{
	struct problems problems = { 0 };
	struct config *c = config_load(bad.item[_i], &stand_in_root, &problems);
	char *text = dumped(c);
	problems_done(&problems);
	struct config *again = stand_in_load(text, &stand_in_root, &problems);

	if (problems.by_severity[SEVERITY_ERROR] > 0) {
		fputs(text, stderr);
		fail_with(&problems, bad.item[_i]);
	}
	free(text);
	problems_done(&problems);
	config_unref(c);
	config_unref(again);
}

END_TEST

START_TEST(the_file_of_the_readme_is_read_word_for_word)
{
	struct problems problems = { 0 };
	struct config *c = config_load(GOOD "/myecho.conf", &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "myecho");

	ck_assert_uint_eq(
	    problems.by_severity[SEVERITY_ERROR] + problems.by_severity[SEVERITY_WARNING], 0);
	ck_assert_str_eq(s->server, "/usr/local/bin/echo_server_xinetd");
	ck_assert_str_eq(s->user, "root");
	ck_assert_str_eq(s->port, "3600");
	ck_assert_uint_eq(s->instances, 5);
	ck_assert_uint_eq(s->endpoint_count, 1);
	ck_assert_str_eq(s->endpoints[0].key, "tcp:*:3600");
	ck_assert(!s->wait && !s->disable && s->changes_ids && s->uid == 0);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(every_attribute_has_its_value)
{
	struct problems problems = { 0 };
	struct config *c = config_load(GOOD "/every_attribute.conf", &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "a"), *b = stand_in_find(c, "b");

	ck_assert_uint_eq(s->flags, CONF_FLAG_NODELAY | CONF_FLAG_KEEPALIVE | CONF_FLAG_IPV4 |
					CONF_FLAG_NAMEINARGS | CONF_FLAG_NORETRY);
	ck_assert_uint_eq(s->endpoint_count, 2);
	ck_assert_str_eq(s->endpoints[1].key, "tcp:192.0.2.4:3600%eth0");
	ck_assert(
	    s->on_limit == CONF_QUEUE && s->stderr_to == CONF_STDERR_LOG && s->backlog == 100);
	ck_assert(s->uid == 1000 && s->gid == 1 && s->group_count == 2 && s->group_list[1] == 50);
	ck_assert(s->has_umask && s->umask == 027 && s->nice == -5 && s->has_passenv);
	ck_assert_uint_eq(s->rlimits[CONF_RLIMIT_AS].value, 1UL << 30);
	ck_assert(s->rlimits[CONF_RLIMIT_NPROC].value == RLIM_INFINITY);
	ck_assert(s->rlimits[CONF_RLIMIT_CORE].is_set && s->rlimits[CONF_RLIMIT_CORE].value == 0);
	ck_assert(
	    s->log_type.kind == SINK_SYSLOG && s->log_on_success == (CONF_LOG_PID | CONF_LOG_HOST));
	ck_assert(s->log_format == CONF_FORMAT_LOGFMT && b->log_format == CONF_FORMAT_XINETD);
	ck_assert(c->global.daemon_log_format == LOG_FORMAT_JSON);
	ck_assert(s->log_on_failure == 0 && s->stop_grace_ms == 500 && s->stop_signal == 2);
	ck_assert(b->state == CONF_DISABLED && b->listen_mode == 0660 && b->v6only);
	ck_assert(s->has_only_from && s->only_from.count == 7 && s->no_access.count == 2);
	ck_assert(
	    s->only_from_list->domains.count == 1 && s->reverse_dns == CONF_REVERSE_CONFIRMED);
	ck_assert(s->time_count == 2 && s->times[0].from == 510 && s->times[1].to == 360);
	ck_assert(s->per_source == 10 && s->per_source_prefix == 56 && s->max_load == 250);
	ck_assert(s->cps.per_second == 50 && s->cps.pause_s == 10 && s->rate.burst == 50);
	ck_assert(s->rate.count == 600 && s->rate.period_ms == 60000);
	ck_assert(s->rate_per_source.burst == 5 && s->timeout_ms == 600000 && s->linger_ms == 2000);
	ck_assert(s->freebind && strcmp(s->device, "eth0") == 0 && s->asks_libwrap);
	ck_assert_str_eq(s->banner_fail, "/etc/banner");
	ck_assert_str_eq(stand_in_find(c, "relay")->redirect_host, "two.example");
	ck_assert_str_eq(stand_in_find(c, "relay")->redirect_port, "http");
	ck_assert_int_eq(stand_in_find(c, "relay")->idle_timeout_ms, 3600000);
	ck_assert_int_eq(stand_in_find(c, "trap")->deny_time, CONF_DENY_FOREVER);
	ck_assert_uint_eq(stand_in_find(c, "mux")->endpoint_count, 0);
	ck_assert(c->global.max_servers == 1000 && c->global.daemon_log.soft_bytes == 1 << 20);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(defaults_apply_whatever_the_order)
{
	struct problems problems = { 0 };
	struct config *c = config_load(GOOD "/defaults_below.conf", &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "a");

	ck_assert_uint_eq(s->instances, 7);
	/* The defaults of the file above come first. */
	ck_assert_int_eq(s->nice, 2);
	ck_assert_uint_eq(s->env.count, 2);
	ck_assert_str_eq(s->env.item[0], "A=1");
	ck_assert_uint_eq(s->log_on_success, CONF_LOG_HOST | CONF_LOG_EXIT | CONF_LOG_DURATION);
	config_unref(c);
	problems_done(&problems);
}

END_TEST

START_TEST(addresses_follow_flags_and_bind)
{
	static const struct {
		const char *id, *keys[2];
	} wanted[] = {
		{ "a", { "tcp:127.0.0.1:3600", "tcp:[::1]:3600" } },
		{ "b", { "tcp:192.0.2.1:3600", "tcp:[2001:db8::1]:3600" } },
		{ "c", { "tcp:127.0.0.1:3601", NULL } },
		{ "d", { "tcp:0.0.0.0:3602", NULL } },
		{ "e", { "tcp:[::]:3602", NULL } },
		{ "f", { "tcp:192.0.2.5:80", NULL } },
		{ "g", { "udp:*:3602", NULL } },
	};
	struct problems problems = { 0 };
	struct config *c = config_load(GOOD "/addresses.conf", &stand_in_root, &problems);

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		const struct service_conf *s = stand_in_find(c, wanted[i].id);

		ck_assert_uint_eq(s->endpoint_count, wanted[i].keys[1] == NULL ? 1 : 2);
		for (size_t k = 0; k < s->endpoint_count; k++)
			ck_assert_str_eq(s->endpoints[k].key, wanted[i].keys[k]);
	}
	config_unref(c);
	problems_done(&problems);
}

END_TEST

/* Words reach the program as they were written: nothing expands, and no quote is lost. */
START_TEST(words_are_taken_as_they_are)
{
	static const char *const args[] = {
		"-c",
		"cd${IFS}/home/pot;exec${IFS}./run.sh",
		"$(x)",
		"'a",
		"it\"s",
		"%d",
		"\\",
	};
	struct problems problems = { 0 };
	struct config *c = config_load(GOOD "/odd_words.conf", &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "a");

	ck_assert_uint_eq(s->server_args.count, ARRAY_LEN(args));
	for (size_t i = 0; i < ARRAY_LEN(args); i++)
		ck_assert_str_eq(s->server_args.item[i], args[i]);
	ck_assert_str_eq(s->env.item[1], "X='y'");
	ck_assert(s->has_passenv && s->passenv.count == 0);
	ck_assert(s->log_type.is_set && s->log_type.kind == SINK_NONE);
	config_unref(c);
	problems_done(&problems);
}

END_TEST

START_TEST(a_configuration_lives_as_long_as_someone_holds_it)
{
	struct problems problems = { 0 };
	struct config *c = config_load(GOOD "/myecho.conf", &stand_in_root, &problems);

	ck_assert_ptr_eq(config_ref(c), c);
	config_unref(c);
	ck_assert_str_eq(c->services[0]->name, "myecho");
	config_unref(c);
	config_unref(NULL);
	problems_done(&problems);
}

END_TEST

START_TEST(defaults_add_up_as_in_xinetd)
{
	struct problems problems = { 0 };
	struct config *c = config_load(GOOD "/defaults_add_up.conf", &stand_in_root, &problems);

	ck_assert_uint_eq(stand_in_find(c, "a")->log_on_success, CONF_LOG_PID | CONF_LOG_HOST);
	ck_assert_uint_eq(stand_in_find(c, "a")->log_on_failure, 0);
	ck_assert_uint_eq(stand_in_find(c, "b")->log_on_success, CONF_LOG_EXIT);
	ck_assert_uint_eq(problems.count, 0);
	config_unref(c);
	problems_done(&problems);
}

END_TEST

START_TEST(the_first_bind_counts)
{
	struct problems problems = { 0 };
	struct config *c = config_load(BAD "/bind_twice.conf", &stand_in_root, &problems);
	const struct service_conf *a = stand_in_find(c, "a"), *b = stand_in_find(c, "b");

	ck_assert_uint_eq(a->endpoint_count, 1);
	ck_assert_str_eq(a->endpoints[0].key, "tcp:127.0.0.1:3600");
	ck_assert_uint_eq(b->endpoint_count, 1);
	ck_assert_str_eq(b->endpoints[0].key, "tcp:192.0.2.7:3600");
	config_unref(c);
	problems_done(&problems);
}

END_TEST

START_TEST(a_limit_of_zero_is_none_where_xinetd_takes_it_so)
{
	struct problems problems = { 0 };
	struct config *c = config_load(BAD "/rlimit_zero.conf", &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "a");

	for (int i = 0; i < CONF_RLIMIT_MAX; i++) {
		bool is_set = i == CONF_RLIMIT_FILES || i == CONF_RLIMIT_NPROC ||
			      i == CONF_RLIMIT_FSIZE || i == CONF_RLIMIT_CORE;

		ck_assert_int_eq(s->rlimits[i].is_set, is_set);
		ck_assert_uint_eq(s->rlimits[i].value, 0);
	}
	config_unref(c);
	problems_done(&problems);
}

END_TEST

START_TEST(unix_sockets_take_short_names)
{
	struct problems problems = { 0 };
	struct config *c = config_load(GOOD "/unix_mode.conf", &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "a");

	ck_assert_uint_eq(s->listen_mode, 0600);
	ck_assert_uint_eq(s->listen_uid, 1000);
	ck_assert_uint_eq(s->listen_gid, 1);
	ck_assert_uint_eq(s->gid, 1);
	config_unref(c);
	problems_done(&problems);
}

END_TEST

START_TEST(words_beyond_measure_break_one_service_alone)
{
	static const char *const names[] = { "too_many_pieces", "too_many_settings" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = mem_format("%s/%s.conf", BAD, names[i]);
		struct problems problems = { 0 };
		struct config *c = config_load(path, &stand_in_root, &problems);

		ck_assert_uint_le(problems.count, 22);
		config_unref(c);
		problems_done(&problems);
		free(path);
	}
}

END_TEST

/* A folder with main.conf, which includes `name` and holds a service that is sound. */
static char *
make_folder(const char *name)
{
	char *dir = mem_dup("/tmp/porter-load-XXXXXX");

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	FILE *f = fopen("main.conf", "w");
	fprintf(f,
	    "include %s\nservice a\n{\n\tport = 3600\n\tuser = root\n\twait = no\n"
	    "\tserver = /bin/cat\n}\n",
	    name);
	ck_assert_int_eq(fclose(f), 0);
	return dir;
}

static void
expect_gap(const char *dir, const struct load_options *options, enum conf_state state)
{
	struct problems problems = { 0 };
	char *path = mem_format("%s/main.conf", dir);
	struct config *c = config_load(path, options, &problems);

	ck_assert_uint_eq(c->count, 1);
	ck_assert_int_eq(c->services[0]->state, state);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_ERROR], 1);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_NOTE], state == CONF_BROKEN_TEXT);
	config_unref(c);
	problems_done(&problems);
	free(path);
}

static void
remove_folder(char *dir)
{
	ck_assert_int_eq(unlink("main.conf"), 0);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(dir), 0);
	free(dir);
}

START_TEST(an_include_that_is_refused_stops_every_service)
{
	struct load_options strict = stand_in_root;
	char *dir = make_folder("x.conf");

	strict.trust =
	    (struct trust){ .is_checked = true, .owners = { 0, getuid() }, .owner_count = 2 };
	expect_gap(dir, &stand_in_root, CONF_OK); /* it is missing */
	ck_assert_int_eq(mkdir("x.conf", 0755), 0);
	expect_gap(dir, &stand_in_root, CONF_OK);
	ck_assert_int_eq(rmdir("x.conf"), 0);
	ck_assert_int_eq(mkfifo("x.conf", 0600), 0);
	expect_gap(dir, &stand_in_root, CONF_OK);
	ck_assert_int_eq(unlink("x.conf"), 0);
	ck_assert_int_eq(fclose(fopen("x.conf", "w")), 0);
	ck_assert_int_eq(chmod("x.conf", 0664), 0);
	expect_gap(dir, &strict, CONF_BROKEN_TEXT);
	ck_assert_int_eq(chmod("x.conf", 0644), 0);
	ck_assert_int_eq(truncate("x.conf", SOURCE_MAX_BYTES + 1), 0);
	expect_gap(dir, &stand_in_root, CONF_BROKEN_TEXT);
	ck_assert_int_eq(unlink("x.conf"), 0);
	remove_folder(dir);
}

END_TEST

START_TEST(includes_that_go_too_deep_stop_every_service)
{
	char *dir = make_folder("1.conf");

	for (unsigned i = 1; i <= 40; i++) {
		char *path = mem_format("%u.conf", i);
		FILE *f = fopen(path, "w");

		if (i < 40)
			fprintf(f, "include %u.conf\n", i + 1);
		ck_assert_int_eq(fclose(f), 0);
		free(path);
	}
	expect_gap(dir, &stand_in_root, CONF_BROKEN_TEXT);
	for (unsigned i = 1; i <= 40; i++) {
		char *path = mem_format("%u.conf", i);

		ck_assert_int_eq(unlink(path), 0);
		free(path);
	}
	remove_folder(dir);
}

END_TEST

int
main(void)
{
	list_files(&good, GOOD);
	list_files(&bad, BAD);
	const struct suite_test tests[] = {
		TEST_LOOP(good_files_load_without_errors, (int)good.count),
		TEST_LOOP(a_dump_loads_to_the_same, (int)good.count),
		TEST_LOOP(bad_files_say_what_is_wrong_and_where, (int)bad.count),
		TEST_LOOP(a_dump_of_a_bad_file_has_no_errors, (int)bad.count),
		TEST(the_file_of_the_readme_is_read_word_for_word),
		TEST(every_attribute_has_its_value),
		TEST(defaults_apply_whatever_the_order),
		TEST(defaults_add_up_as_in_xinetd),
		TEST(the_first_bind_counts),
		TEST(a_limit_of_zero_is_none_where_xinetd_takes_it_so),
		TEST(unix_sockets_take_short_names),
		TEST(words_beyond_measure_break_one_service_alone),
		TEST(an_include_that_is_refused_stops_every_service),
		TEST(includes_that_go_too_deep_stop_every_service),
		TEST(addresses_follow_flags_and_bind),
		TEST(words_are_taken_as_they_are),
		TEST(a_configuration_lives_as_long_as_someone_holds_it),
	};
	int status = run_suite("load", tests, ARRAY_LEN(tests));
	strings_done(&good);
	strings_done(&bad);
	return status;
}
