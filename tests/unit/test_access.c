/* SPDX-License-Identifier: MIT */
/* Who may connect, from the words of a configuration to the sets of addresses that they stand for. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/ip_set.h"
#include "conf/access_word.h"
#include "conf/address_file.h"
#include "conf/attr.h"
#include "stand_in.h"
#include "suite.h"

#define HEAD "service a\n{\n\tport = 3600\n\tserver = /bin/cat\n\tuser = daemon\n\twait = no\n"

static struct problems problems;

static bool
list_has(const struct access_list *list, const char *text)
{
	struct addr addr;

	ck_assert_int_eq(addr_parse(&addr, text, 0), 0);
	for (size_t i = 0; i < list->files.count; i++)
		if (ip_set_has(list->file_sets[i], &addr))
			return true;
	return ip_set_has(list->set, &addr);
}

/* clang-format off */
static const struct {
	const char *words, *has, *lacks;
} forms[] = {
	{ "10.0.0.1", "10.0.0.1", "10.0.0.2" },
	{ "10.0.0.5/8", "10.255.255.255", "11.0.0.0" },
	{ "127.0.0.0/255.0.0.0", "127.0.0.1", "128.0.0.1" },
	{ "192.168.0.0", "192.168.255.1", "192.169.0.0" },
	{ "10.0.0.0", "10.1.2.3", "11.0.0.0" },
	{ "128.138.209.0", "128.138.209.255", "128.138.210.0" },
	{ "0.0.0.0", "255.255.255.255", "::1" },
	{ "0.0.0.0/0", "1.2.3.4", "2001:db8::1" },
	{ "10.0.0.{1,3}", "10.0.0.3", "10.0.0.2" },
	{ "10.0.{1,3}", "10.0.3.200", "10.0.2.1" },
	{ "10.{1,3}.0.0", "10.3.255.1", "10.2.0.1" },
	{ "10.{1,3}.0.7", "10.3.0.7", "10.3.0.8" },
	{ "10.0.0.{0}", "10.0.0.0", "10.0.0.1" },
	{ "::1/128", "::1", "::2" },
	{ "::1", "::1", "127.0.0.1" },
	{ "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1" },
	{ "::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1" },
	{ "localhost", "127.0.0.1", "127.0.0.2" },
	{ "localhost", "::1", "::2" },
	{ "two.example", "2001:db8::1", "2001:db8::2" },
	{ "loopback", "127.9.9.9", "128.0.0.0" },
	{ "10.0.0.1,10.0.0.2", "10.0.0.2", "10.0.0.3" },
	{ "10.0.0.1, 10.0.0.{5,6}", "10.0.0.6", "10.0.0.2" },
	{ "10.0.0.1 10.0.0.2\n\tonly_from -= 10.0.0.1/32", "10.0.0.2", "10.0.0.1" },
	{ "10.0.0.1 10.0.0.2\n\tonly_from -= ::ffff:10.0.0.1", "10.0.0.2", "10.0.0.1" },
	{ "10.0.0.0 11.0.0.0\n\tonly_from -= 10.0.0.0/255.0.0.0", "11.0.0.1", "10.0.0.1" },
	{ "10.0.0.1 two.example\n\tonly_from -= TWO.example", "10.0.0.1", "192.0.2.1" },
	{ "10.0.0.1\n\tonly_from += 10.0.0.7", "10.0.0.7", "10.0.0.2" },
};

/* clang-format on */

START_TEST(every_form_of_an_address_means_what_it_says)
{
	char *text = mem_format(HEAD "\tonly_from = %s\n}\n", forms[_i].words);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "a");

	ck_assert_int_eq(s->state, CONF_OK);
	ck_assert(s->has_only_from);
	ck_assert_msg(
	    list_has(access_list_get(s->only_from_list), forms[_i].has), "%s", forms[_i].has);
	ck_assert_msg(
	    !list_has(access_list_get(s->only_from_list), forms[_i].lacks), "%s", forms[_i].lacks);
	problems_done(&problems);
	config_unref(c);
	free(text);
}

END_TEST

START_TEST(a_taken_word_that_is_not_there_is_told)
{
	struct config *c =
	    stand_in_load(HEAD "\tno_access = 10.0.0.0/8\n\tno_access -= 10.0.0.0/9\n}\n",
		&stand_in_root, &problems);

	ck_assert_uint_eq(problems.by_severity[SEVERITY_WARNING], 1);
	ck_assert_uint_eq(stand_in_find(c, "a")->no_access.count, 1);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

/* clang-format off */
static const struct {
	const char *defaults, *service, *error;
} opened[] = {
	{ "", "only_from = 10.0.0.0/8\n\tonly_from -= 10.1.0.0/16", "another word" },
	{ "", "only_from = 10.0.0.0/8 10.1.0.0/16\n\tonly_from -= 10.1.0.0/16", "another word" },
	{ "", "only_from = 10.0.0.{1,2}\n\tonly_from -= 192.0.2.1,10.0.0.2", "another word" },
	{ "", "only_from = 10.0.0.1\n\tonly_from -= 10.0.0.0/24", "another word" },
	{ "", "only_from = 10.0.0.0/8\n\tonly_from -= 10.1.0.300", "no IPv4 address" },
	{ "only_from = 10.0.0.0/8", "only_from -= 10.0.0.1", "another word" },
	{ "only_from = 10.0.0.0/8\n\tonly_from -= 10.0.0.1", "", "another word" },
	{ "", "access_times = 8:00-9:00\n\taccess_times -= 8:00-9:00", "holds no time" },
	{ "", "access_times = ,", "holds no time" },
	{ "access_times = 8:00-9:00", "access_times -= 8:00-9:00", "holds no time" },
	{ "access_times = ,", "", "holds no time" },
};

/* clang-format on */

START_TEST(what_is_taken_from_a_list_opens_nothing)
{
	char *text = mem_format(
	    "defaults\n{\n\t%s\n}\n" HEAD "\t%s\n}\n", opened[_i].defaults, opened[_i].service);
	struct config *c = stand_in_load(text, &stand_in_root, &problems);
	const char *error = problems_first_error(&problems, 0);

	ck_assert_int_eq(c->services[0]->state, CONF_BROKEN_TEXT);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(strstr(error, opened[_i].error) != NULL, "%s", error);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_ERROR], 1);
	problems_done(&problems);
	config_unref(c);
	free(text);
}

END_TEST

START_TEST(cps_without_a_rest_has_that_of_xinetd)
{
	struct config *c = stand_in_load(HEAD "\tcps = 100\n}\n", &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "a");

	ck_assert_int_eq(s->state, CONF_OK);
	ck_assert(s->cps.per_second == 100 && s->cps.pause_s == 10);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_WARNING], 1);
	ck_assert_ptr_nonnull(strstr(problems.item[0].text, "write cps = 100 10"));
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(a_limit_of_files_goes_by_the_name_of_the_system_too)
{
	struct config *c =
	    stand_in_load(HEAD "\trlimit_nofile = 20\n}\n", &stand_in_root, &problems);
	const struct rlimit_conf *limit = &stand_in_find(c, "a")->rlimits[CONF_RLIMIT_FILES];

	ck_assert(limit->is_set && limit->value == 20);
	ck_assert_uint_eq(problems.count, 0);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

static char *
write_file(const char *bytes, size_t len)
{
	char path[] = "/tmp/porter-list-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	return mem_dup(path);
}

static void
remove_file(char *path)
{
	unlink(path);
	free(path);
}

static const struct trust anybody;

START_TEST(a_file_holds_an_address_a_line)
{
	static const char text[] =
	    "\xef\xbb\xbf# who may come\r\n10.0.0.1\r\n\n  10.1.0.0  # a network\n"
	    "2001:db8::/32\n10.2.{3,4}\n192.168.7.7";
	char *path = write_file(text, sizeof(text) - 1), why[256] = "";
	struct ip_set *set;
	struct addr addr;

	ck_assert_msg(address_file_read(&set, path, &anybody, why) == 0, "%s", why);
	ck_assert_uint_eq(ip_set_ranges(set), 5);
	addr_parse(&addr, "192.168.7.7", 0);
	ck_assert(ip_set_has(set, &addr));
	addr_parse(&addr, "10.1.2.3", 0);
	ck_assert(ip_set_has(set, &addr));
	ip_set_unref(set);
	remove_file(path);
}

END_TEST

/* clang-format off */
static const struct {
	const char *bytes;
	size_t len;
	const char *says;
} bad_files[] = {
	{ "10.0.0.1\n10.0.0.2\n10.0.0.300\n", 30, "line 3: '10.0.0.300'" },
	{ "10.0.0.1\nlocalhost\n", 19, "line 2: 'localhost' is no address" },
	{ "@/etc/list\n", 11, "line 1" },
	{ ".example.org\n", 13, "line 1" },
	{ "10.0.0.1 10.0.0.2\n", 18, "line 1: one address" },
	{ "10.0.0.1\n10.0.0.\0002\n", 19, "line 2: it holds a byte 0" },
	{ "10.0.0.1\n192.168\n", 17, "did you mean 192.168.0.0/16" },
	{ "\x7f" "ELF", 4, "line 1" },
};

/* clang-format on */

START_TEST(one_bad_line_refuses_a_file)
{
	char *path = write_file(bad_files[_i].bytes, bad_files[_i].len), why[256] = "";
	struct ip_set *set;

	ck_assert_int_eq(address_file_read(&set, path, &anybody, why), -EINVAL);
	ck_assert_ptr_null(set);
	ck_assert_msg(strstr(why, bad_files[_i].says) != NULL, "%s", why);
	remove_file(path);
}

END_TEST

START_TEST(a_line_without_end_is_refused)
{
	const size_t size = 1 << 20;
	char *bytes = mem_alloc(size), why[256] = "";
	struct ip_set *set;

	memset(bytes, '1', size);
	memcpy(bytes, "10.0.0.1\n", 9);
	char *path = write_file(bytes, size);
	ck_assert_int_eq(address_file_read(&set, path, &anybody, why), -EINVAL);
	ck_assert_str_eq(why, "line 2: it is too long");
	remove_file(path);
	free(bytes);
}

END_TEST

START_TEST(many_lines_are_read)
{
	char *text = NULL, why[256] = "";
	size_t len;
	struct ip_set *set;
	struct addr addr;
	FILE *f = open_memstream(&text, &len);

	for (unsigned i = 1; i < 200000; i += 2)
		fprintf(f, "10.%u.%u.%u\n", i >> 16, i >> 8 & 255, i & 255);
	fclose(f);
	char *path = write_file(text, len);
	ck_assert_msg(address_file_read(&set, path, &anybody, why) == 0, "%s", why);
	ck_assert_uint_eq(ip_set_ranges(set), 100000);
	addr_parse(&addr, "10.2.0.9", 0);
	ck_assert(ip_set_has(set, &addr));
	addr_parse(&addr, "10.2.0.8", 0);
	ck_assert(!ip_set_has(set, &addr));
	ip_set_unref(set);
	remove_file(path);
	free(text);
}

END_TEST

START_TEST(what_is_no_file_holds_no_addresses)
{
	char why[256] = "", dir[] = "/tmp/porter-list-XXXXXX";
	struct ip_set *set;

	ck_assert_int_eq(address_file_read(&set, "/nonexistent", &anybody, why), -ENOENT);
	ck_assert_int_eq(address_file_read(&set, "/dev/zero", &anybody, why), -EINVAL);
	ck_assert_str_eq(why, "it is no regular file");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	char *fifo = mem_format("%s/fifo", dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(address_file_read(&set, fifo, &anybody, why), -EINVAL);
	unlink(fifo);
	free(fifo);
	rmdir(dir);
}

END_TEST

START_TEST(a_file_that_others_may_write_is_not_trusted)
{
	struct trust trust = { .is_checked = true, .owners = { 0, geteuid() }, .owner_count = 2 };
	char *path = write_file("10.0.0.1\n", 9), why[256] = "";
	struct ip_set *set;

	ck_assert_msg(address_file_read(&set, path, &trust, why) == 0, "%s", why);
	ip_set_unref(set);
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(address_file_read(&set, path, &trust, why), -EPERM);
	ck_assert_str_ne(why, "");
	remove_file(path);
}

END_TEST

static unsigned asked;
static const char *moving = "192.0.2.77";

static int
counting_host(const char *name, struct addr **list, size_t *count)
{
	if (strcmp(name, "moving.example") != 0)
		return stand_in_host(name, list, count);
	asked++;
	*list = mem_alloc(sizeof(**list));
	*count = 1;
	return addr_parse(*list, moving, 0);
}

/* Two services that name the same host and the same file, and one of them both a second time. */
static struct config *
load_twins(const char *path)
{
	static struct lookup lookup;
	static struct load_options options;
	char *text =
	    mem_format(HEAD "\tonly_from = moving.example @%s @%s\n}\n"
			    "service b\n{\n\tport = 3601\n\tserver = /bin/cat\n\tuser = daemon\n"
			    "\twait = no\n\tno_access = moving.example @%s\n}\n",
		path, path, path);

	lookup = stand_in_lookup;
	lookup.host = counting_host;
	options = stand_in_root;
	options.lookup = &lookup;
	struct config *c = stand_in_load(text, &options, &problems);
	free(text);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_ERROR], 0);
	problems_done(&problems);
	return c;
}

START_TEST(names_and_files_are_asked_once_a_load)
{
	char *path = write_file("10.0.0.1\n", 9);
	struct config *c = load_twins(path);
	const struct access_list *a = stand_in_find(c, "a")->only_from_list;
	const struct access_list *b = stand_in_find(c, "b")->no_access_list;

	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(a->files.count, 1);
	ck_assert_str_eq(a->files.item[0], path);
	ck_assert_ptr_eq(a->file_sets[0], b->file_sets[0]);
	ck_assert(list_has(a, "10.0.0.1") && list_has(b, "192.0.2.77"));
	remove_file(path);
	config_unref(c);
}

END_TEST

/* What the words stand for may change while they stay the same. */
START_TEST(a_list_that_stands_for_others_is_another)
{
	char *path = write_file("10.0.0.1\n", 9);
	struct config *before = load_twins(path), *same = load_twins(path);
	const struct service_conf *a = stand_in_find(before, "a");

	ck_assert(service_conf_same_access(a, stand_in_find(same, "a")));
	moving = "192.0.2.78";
	struct config *moved = load_twins(path);
	ck_assert(!service_conf_same_access(a, stand_in_find(moved, "a")));
	ck_assert(!service_conf_same_access(stand_in_find(before, "b"), stand_in_find(moved, "b")));
	moving = "192.0.2.77";
	FILE *f = fopen(path, "w");
	fputs("10.0.0.2\n", f);
	fclose(f);
	struct config *filled = load_twins(path);
	ck_assert(!service_conf_same_access(a, stand_in_find(filled, "a")));
	remove_file(path);
	config_unref(before);
	config_unref(same);
	config_unref(moved);
	config_unref(filled);
}

END_TEST

START_TEST(a_clone_admits_the_same_clients)
{
	char *path = write_file("10.0.0.1\n", 9);
	struct config *c = load_twins(path);
	const struct service_conf *s = stand_in_find(c, "a");
	struct service_conf *copy = service_conf_clone(s);

	ck_assert(service_conf_same_access(s, copy));
	ck_assert(list_has(copy->only_from_list, "10.0.0.1"));
	service_conf_free(copy);
	ck_assert(list_has(access_list_get(s->only_from_list), "10.0.0.1"));
	remove_file(path);
	config_unref(c);
}

END_TEST

START_TEST(a_service_without_rules_has_no_lists)
{
	struct config *c = stand_in_load(HEAD "}\n", &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "a");
	struct service_conf *copy = service_conf_clone(s);
	struct access_list empty = { 0 };

	ck_assert_ptr_null(s->only_from_list);
	ck_assert_ptr_null(s->no_access_list);
	ck_assert_uint_eq(access_list_get(NULL)->files.count, 0);
	ck_assert(service_conf_same_access(s, copy));
	/* One that was made for nothing says the same. */
	ck_assert_ptr_nonnull(access_list_need(&copy->only_from_list));
	ck_assert(service_conf_same_access(s, copy) && service_conf_same_access(copy, s));
	strings_add(&copy->only_from_list->domains, ".example.org");
	ck_assert(!service_conf_same_access(s, copy) && !service_conf_same_access(copy, s));
	ck_assert(access_list_equal(NULL, &empty));
	service_conf_free(copy);
	config_unref(c);
	problems_done(&problems);
}

END_TEST

START_TEST(an_empty_list_admits_nobody_after_a_dump)
{
	struct config *c = stand_in_load(HEAD "\tonly_from =\n}\n", &stand_in_root, &problems);
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_uint_eq(problems.by_severity[SEVERITY_WARNING], 1);
	config_dump(c, f);
	fclose(f);
	config_unref(c);
	problems_done(&problems);
	c = stand_in_load(text, &stand_in_root, &problems);
	const struct service_conf *s = stand_in_find(c, "a");
	ck_assert(s->state == CONF_OK && s->has_only_from && s->only_from.count == 0);
	ck_assert_ptr_null(s->only_from_list);
	config_unref(c);
	problems_done(&problems);
	free(text);
}

END_TEST

static bool
never(void)
{
	return false;
}

START_TEST(a_program_for_each_udp_client_takes_a_right)
{
	struct lookup lookup = stand_in_lookup;
	struct load_options options = stand_in_root;

	options.lookup = &lookup;
	struct config *c = stand_in_load(HEAD "\tprotocol = udp\n}\n", &options, &problems);
	ck_assert_int_eq(stand_in_find(c, "a")->state, CONF_OK);
	config_unref(c);
	problems_done(&problems);
	lookup.may_send_raw = never;
	c = stand_in_load(HEAD "\tprotocol = udp\n}\n", &options, &problems);
	ck_assert_int_eq(stand_in_find(c, "a")->state, CONF_BROKEN_SURROUNDINGS);
	ck_assert_ptr_nonnull(strstr(problems_first_error(&problems, 0), "CAP_NET_RAW"));
	config_unref(c);
	problems_done(&problems);
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST_LOOP(every_form_of_an_address_means_what_it_says, (int)ARRAY_LEN(forms)),
		TEST(a_taken_word_that_is_not_there_is_told),
		TEST_LOOP(what_is_taken_from_a_list_opens_nothing, (int)ARRAY_LEN(opened)),
		TEST(cps_without_a_rest_has_that_of_xinetd),
		TEST(a_limit_of_files_goes_by_the_name_of_the_system_too),
		TEST(a_file_holds_an_address_a_line),
		TEST_LOOP(one_bad_line_refuses_a_file, (int)ARRAY_LEN(bad_files)),
		TEST(a_line_without_end_is_refused),
		TEST(many_lines_are_read),
		TEST(what_is_no_file_holds_no_addresses),
		TEST(a_file_that_others_may_write_is_not_trusted),
		TEST(names_and_files_are_asked_once_a_load),
		TEST(a_list_that_stands_for_others_is_another),
		TEST(a_clone_admits_the_same_clients),
		TEST(a_service_without_rules_has_no_lists),
		TEST(an_empty_list_admits_nobody_after_a_dump),
		TEST(a_program_for_each_udp_client_takes_a_right),
	};

	return run_suite("access", tests, ARRAY_LEN(tests));
}
