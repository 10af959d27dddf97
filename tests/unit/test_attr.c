/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <syslog.h>

#include "base/mem.h"
#include "conf/attr.h"
#include "conf/config.h"
#include "conf/help.h"
#include "conf/types.h"
#include "conf/unsupported.h"
#include "stand_in.h"
#include "suite.h"

static struct config *config;

static void *
base(const struct attr *a)
{
	return attr_is_global(a) ? (void *)&config->global : (void *)&config->defaults;
}

static void
setup_config(void)
{
	config = config_new("");
}

static char *
printed(const struct attr *a)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	a->type->print(attr_field(base(a), a), a, f);
	fclose(f);
	return text;
}

START_TEST(names_are_unique_and_found_in_any_case)
{
	const struct attr *a = &attrs[_i];
	char upper[64];
	size_t i = 0;

	for (; a->name[i] != '\0'; i++)
		upper[i] = (char)toupper((unsigned char)a->name[i]);
	upper[i] = '\0';
	ck_assert_ptr_eq(attr_find(upper), a);
	if (a->alias != NULL)
		ck_assert_ptr_eq(attr_find(a->alias), a);
	ck_assert_ptr_null(unsupported_find(a->name));
}

END_TEST

START_TEST(text_is_a_sentence)
{
	const char *text = attrs[_i].text;

	ck_assert(isupper((unsigned char)text[0]));
	ck_assert_int_eq(text[strlen(text) - 1], '.');
	ck_assert_ptr_null(strchr(text, '\n'));
}

END_TEST

START_TEST(the_default_reads_and_prints)
{
	const struct attr *a = &attrs[_i];

	setup_config();
	if (a->initial != NULL && !a->type->is_list) {
		char why[ATTR_WHY_SIZE] = "";

		ck_assert_msg(attr_set(base(a), a, a->initial, why), "%s: %s", a->name, why);
		char *text = printed(a);
		attr_clear(base(a), a);
		ck_assert(attr_set(base(a), a, text, why));
		char *again = printed(a);
		ck_assert_str_eq(text, again);
		free(text);
		free(again);
	}
	config_unref(config);
}

END_TEST

START_TEST(numbers_keep_their_range)
{
	const struct attr *a = &attrs[_i];
	char text[32], why[ATTR_WHY_SIZE];

	if (a->type != &type_number)
		return;
	setup_config();
	for (int beyond = 0; beyond <= 1; beyond++) {
		snprintf(text, sizeof(text), "%lld", a->min - beyond);
		ck_assert(attr_set(base(a), a, text, why) == (beyond == 0));
		snprintf(text, sizeof(text), "%lld", a->max + beyond);
		ck_assert(attr_set(base(a), a, text, why) == (beyond == 0));
	}
	config_unref(config);
}

END_TEST

START_TEST(copies_are_equal_and_cleared_ones_are_not)
{
	const struct attr *a = &attrs[_i];
	static const char *const samples[] = {
		"yes",
		"7",
		"077",
		"udp",
		"dgram",
		"queue",
		"static",
		"worker",
		"fresh",
		"files",
		"plain",
		"json",
		"stream",
		"log",
		"word",
		"/path",
		"80",
		"anna",
		"HUP",
		"3s",
		"INTERNAL",
		"IPv4",
		"HOST",
		"A=1",
		"127.0.0.1",
		"unix:/run/x",
		"SYSLOG daemon",
		"confirmed",
		"8:30-17:00",
		"50 10",
		"10/second",
	};
	char why[ATTR_WHY_SIZE];
	bool is_set = false;

	setup_config();
	struct config *other = config_new("");
	void *to = attr_is_global(a) ? (void *)&other->global : (void *)&other->defaults;
	attr_clear(base(a), a);
	attr_clear(to, a);
	for (size_t i = 0; !is_set && i < ARRAY_LEN(samples); i++)
		is_set = attr_set(base(a), a, samples[i], why) && !attr_equal(base(a), to, a);
	ck_assert_msg(is_set, "%s takes none of the samples", a->name);
	attr_copy(to, base(a), a);
	ck_assert(attr_equal(base(a), to, a));
	attr_clear(base(a), a);
	ck_assert(!attr_equal(base(a), to, a));
	config_unref(config);
	config_unref(other);
}

END_TEST

/* clang-format off */
static const struct {
	const char *name, *text, *prints; /* prints NULL: refused */
} values[] = {
	{ "disable", "TRUE", "yes" }, { "disable", "off", "no" }, { "disable", "0", "no" }, { "disable", "ja", NULL },
	{ "instances", "unlimited", "UNLIMITED" }, { "instances", "+5", "5" }, { "instances", "5x", NULL },
	{ "instances", "99999999999999999999", NULL }, { "instances", "", NULL }, { "instances", " 5", NULL },
	{ "umask", "22", "0022" }, { "umask", "0777", "0777" }, { "umask", "8", NULL }, { "umask", "-1", NULL },
	{ "nice", "-20", "-20" }, { "protocol", "TCP", "tcp" }, { "protocol", "icmp", NULL },
	{ "port", "1", "\"1\"" }, { "port", "65536", NULL }, { "port", "00", NULL }, { "port", "http-alt", "\"http-alt\"" },
	{ "port", "80x", "\"80x\"" }, { "port", "a b", NULL }, { "port", "", NULL }, { "port", " 80", NULL },
	{ "user", "0day", "\"0day\"" }, { "user", "-1", NULL }, { "user", "4294967295", NULL },
	{ "user", "4294967294", "\"4294967294\"" }, { "user", " root", NULL }, { "user", "root ", NULL },
	{ "user", "a:b", NULL }, { "user", "99999999999", NULL }, { "user", "", NULL },
	{ "server", "bin/x", NULL }, { "server", "/a b", "\"/a b\"" }, { "id", "a b", NULL },
	{ "stop_signal", "sigterm", "TERM" }, { "stop_signal", "9", "KILL" }, { "stop_signal", "0", NULL },
	{ "stop_signal", "999", NULL }, { "stop_grace", "10", "10s" }, { "stop_grace", "500ms", "500ms" },
	{ "stop_grace", "2m", "120s" }, { "stop_grace", "1h", "3600s" }, { "stop_grace", "-1", NULL },
	{ "stop_grace", "25h", NULL }, { "stop_grace", "99999999999999999999", NULL }, { "stop_grace", "s", NULL },
	{ "rlimit_as", "1k", "1024" }, { "rlimit_as", "1G", "1073741824" }, { "rlimit_as", "Unlimited", "UNLIMITED" },
	{ "rlimit_as", "1.5G", NULL }, { "rlimit_as", "-1", NULL }, { "rlimit_as", "99999999999G", NULL },
	{ "rlimit_cpu", "20", "20" }, { "rlimit_cpu", "20s", NULL }, { "rlimit_nproc", "0", "0" },
	{ "log_type", "", "" }, { "log_type", "stderr", "stderr" }, { "log_type", "stderr x", NULL },
	{ "log_type", "SYSLOG authpriv", "SYSLOG authpriv info" }, { "log_type", "SYSLOG daemon nix", NULL },
	{ "log_type", "SYSLOG", NULL }, { "log_type", "SYSLOG daemon info x", NULL },
	{ "log_type", "file /x 1k", "\"FILE\" \"/x\" \"1024\" \"6144\"" }, { "log_type", "FILE /x 10M", "\"FILE\" \"/x\" \"10485760\" \"10506240\"" },
	{ "log_type", "FILE /x 0 1k", "\"FILE\" \"/x\" \"0\" \"1024\"" }, { "log_type", "FILE x", "\"FILE\" \"/x\"" }, { "log_type", "nix", NULL },
	{ "bind", "::1", "{\"::1\"}" }, { "bind", "[::1]", "{\"::1\"}" }, { "bind", "*", "{\"*\"}" },
	{ "bind", "127.1", NULL }, { "bind", "0x7f.1.1.1", "{\"0x7f.1.1.1\"}" }, { "bind", "a_b.example", "{\"a_b.example\"}" },
	{ "bind", "-x", NULL }, { "bind", "1.2.3.4:80", NULL }, { "bind", "::1::", NULL }, { "bind", "a b", NULL },
	{ "listen", ":80", "{\":80\"}" }, { "listen", "[::1]:80", "{\"[::1]:80\"}" }, { "listen", "::1:80", NULL },
	{ "listen", "UNIX:/x", "{\"UNIX:/x\"}" }, { "listen", "unix:", NULL }, { "listen", "[]:80", NULL },
	{ "listen", "[:80", NULL }, { "listen", "]:80", NULL }, { "listen", "*:", NULL }, { "listen", ":", NULL },
	{ "listen", "", NULL }, { "listen", "[::1]80", NULL }, { "listen", "x:http", "{\"x:http\"}" },
	{ "env", "=x", NULL }, { "env", "A=", "{\"A=\"}" }, { "env", "A=\"\\", "{\"A=\\\"\\\\\"}" },
	{ "passenv", "A", "{\"A\"}" }, { "passenv", "", NULL },
	{ "flags", "ipv4", "{\"IPv4\"}" }, { "flags", "REUSE", "{}" }, { "flags", "SENSOR", "{\"SENSOR\"}" }, { "flags", "LABELED", NULL },
	{ "flags", "X", NULL }, { "type", "tcpmuxplus", "{\"TCPMUXPLUS\"}" }, { "type", "RPC", NULL },
	{ "only_from", "10.0.0.1", "{\"10.0.0.1\"}" }, { "only_from", "10.0.0.5/8", "{\"10.0.0.5/8\"}" },
	{ "only_from", "10.0.0.0/255.0.0.0", "{\"10.0.0.0/255.0.0.0\"}" }, { "only_from", "10.0.0.0/255.0.255.0", NULL },
	{ "only_from", "10.0.0.0/33", NULL }, { "only_from", "10.0.0.0/-1", NULL }, { "only_from", "10.0.0.0/", NULL },
	{ "only_from", "10.0.0.0/8/8", NULL }, { "only_from", "10.0.0.0/0x8", NULL }, { "only_from", "10/8", NULL },
	{ "only_from", "192.168.0.0", "{\"192.168.0.0\"}" }, { "only_from", "0.0.0.0", "{\"0.0.0.0\"}" },
	{ "only_from", "192.168", NULL }, { "only_from", "192.168.", NULL }, { "only_from", "127.1", NULL },
	{ "only_from", "0x7f.0.0.1", NULL }, { "only_from", "0x7f000001", NULL }, { "only_from", "0177.0.0.1", NULL },
	{ "only_from", "2130706433", NULL }, { "only_from", "256.0.0.1", NULL }, { "only_from", "1.2.3.4.5", NULL },
	{ "only_from", "10.0.0.{1,2}", "{\"10.0.0.{1,2}\"}" }, { "only_from", "10.{1,2}.0.0", "{\"10.{1,2}.0.0\"}" },
	{ "only_from", "10.0.{1,2}", "{\"10.0.{1,2}\"}" }, { "only_from", "10.{1,2}.0", NULL }, { "only_from", "{10,11}", NULL },
	{ "only_from", "10.0.0.{1,2", NULL }, { "only_from", "10.0.0.{}", NULL }, { "only_from", "10.0.0.{1,}", NULL },
	{ "only_from", "10.0.0.{1, 2}", NULL }, { "only_from", "10.0.0.{256}", NULL }, { "only_from", "10.0.0.{01}", NULL },
	{ "only_from", "10.{1,2}.{3,4}.0", NULL }, { "only_from", "10.0.0.{1,2}/32", NULL }, { "only_from", "10.0.0.{1,2}3", NULL },
	{ "only_from", "10.0.0.0.{1}", NULL }, { "only_from", "10.0.0.{1-5}", NULL }, { "only_from", "}", NULL },
	{ "only_from", "::1", "{\"::1\"}" }, { "only_from", "::1/128", "{\"::1/128\"}" }, { "only_from", "2001:db8::/32", "{\"2001:db8::/32\"}" },
	{ "only_from", "::1/129", NULL }, { "only_from", "[::1]", NULL }, { "only_from", "fe80::1%eth0", NULL }, { "only_from", "1:2", NULL },
	{ "only_from", "::ffff:10.0.0.1", "{\"::ffff:10.0.0.1\"}" }, { "only_from", "::/255.0.0.0", NULL },
	{ "only_from", "two.example", "{\"two.example\"}" }, { "only_from", ".example.org", "{\".example.org\"}" },
	{ "only_from", "*.example.org", NULL }, { "only_from", "two..example", NULL }, { "only_from", "-x", NULL },
	{ "only_from", "ALL", NULL }, { "only_from", "any", NULL }, { "only_from", "*", NULL }, { "only_from", "", NULL },
	{ "only_from", "a b", NULL }, { "only_from", "!10.0.0.1", NULL }, { "only_from", "anna@10.0.0.1", NULL }, { "only_from", ".", NULL },
	{ "only_from", "@/etc/list", "{\"@/etc/list\"}" }, { "only_from", "@list", NULL }, { "only_from", "@", NULL },
	{ "only_from", "localhost/8", NULL }, { "no_access", "10.0.0.1", "{\"10.0.0.1\"}" },
	{ "access_times", "8:30-17:00", "{\"8:30-17:00\"}" }, { "access_times", "12:00-24:00", "{\"12:00-24:00\"}" },
	{ "access_times", "22:00-06:00", "{\"22:00-06:00\"}" }, { "access_times", "0:00-23:59", "{\"0:00-23:59\"}" },
	{ "access_times", "24:00-6:00", NULL }, { "access_times", "8:30-8:30", NULL }, { "access_times", "8:60-9:00", NULL },
	{ "access_times", "24:01-25:00", NULL }, { "access_times", "8-17", NULL }, { "access_times", "8:30", NULL },
	{ "access_times", "8:30-17:00x", NULL }, { "access_times", "-8:30-17:00", NULL }, { "access_times", "8:3-9:0", "{\"8:3-9:0\"}" },
	{ "access_times", "8:003-9:00", NULL }, { "access_times", "108:30-17:00", NULL }, { "access_times", "", NULL }, { "access_times", "8:30 - 17:00", NULL },
	{ "cps", "50 10", "50 10" }, { "cps", "0", "0" }, { "cps", "0 0", "0" }, { "cps", "0 10", "0" }, { "cps", "unlimited", "0" },
	{ "cps", "50", "50 10" }, { "cps", "50 x", NULL }, { "cps", "-1 10", NULL }, { "cps", "50/10", NULL }, { "cps", "", NULL },
	{ "cps", "50 86401", NULL }, { "cps", "1000001 1", NULL }, { "cps", "50 0", "50 0" }, { "cps", "5000 1000", "5000 1000" },
	{ "rate", "10/second", "10/second" }, { "rate", "10/s burst 20", "10/second burst 20" }, { "rate", "600/MINUTE Burst 50", "600/minute burst 50" },
	{ "rate", "5/h", "5/hour" }, { "rate", "10/second burst 10", "10/second" }, { "rate", "UNLIMITED", "UNLIMITED" },
	{ "rate", "0", "UNLIMITED" }, { "rate", "0/second", "UNLIMITED" }, { "rate", "10", NULL }, { "rate", "10/day", NULL },
	{ "rate", "10/", NULL }, { "rate", "/second", NULL }, { "rate", "10/second burst", NULL }, { "rate", "10/second burst 0", NULL },
	{ "rate", "10/second 20", NULL }, { "rate", "-1/second", NULL }, { "rate", "", NULL }, { "rate", "10/second burst 20x", NULL },
	{ "rate", "99999999999/second", NULL }, { "rate_per_source", "2/minute", "2/minute" },
	{ "max_load", "2.5", "2.50" }, { "max_load", "16", "16.00" }, { "max_load", "0", "0.00" }, { "max_load", "0.01", "0.01" },
	{ "max_load", "0.001", NULL }, { "max_load", "2,5", NULL }, { "max_load", "-1", NULL }, { "max_load", "2.", NULL },
	{ "max_load", "1e3", NULL }, { "max_load", "", NULL }, { "max_load", "2.559", "2.55" }, { "max_load", ".5", "0.50" }, { "max_load", ".", NULL },
	{ "deny_time", "60", "60" }, { "deny_time", "forever", "FOREVER" }, { "deny_time", "0", "NEVER" }, { "deny_time", "-1", NULL },
	{ "per_source", "UNLIMITED", "UNLIMITED" }, { "per_source_prefix", "129", NULL }, { "per_source_prefix", "0", NULL },
	{ "reverse_dns", "yes", NULL },
	{ "redirect", "10.0.0.1 80", "\"10.0.0.1 80\"" }, { "redirect", "smtp smtp", "\"smtp smtp\"" }, { "redirect", "::1 80", "\"::1 80\"" },
	{ "redirect", "a.example:80", "\"a.example 80\"" }, { "redirect", "[::1]:80", "\"::1 80\"" }, { "redirect", "[::1] 80", "\"::1 80\"" },
	{ "redirect", "::1:80", NULL }, { "redirect", "10.0.0.1", NULL }, { "redirect", "* 80", NULL }, { "redirect", "10.0.0.1 0", NULL },
	{ "redirect", "<Host> 80", NULL }, { "redirect", "127.1 80", NULL }, { "redirect", " 80", NULL }, { "redirect", ":80", NULL },
	{ "redirect", "10.0.0.1 80 90", NULL }, { "redirect", "", NULL }, { "redirect", "[]:80", NULL }, { "redirect", "[::1", NULL },
	{ "device", "eth0.5", "\"eth0.5\"" }, { "device", "abcdefghijklmno", "\"abcdefghijklmno\"" }, { "device", "abcdefghijklmnop", NULL },
	{ "device", "a/b", NULL }, { "device", "eth0:1", NULL }, { "device", "a b", NULL }, { "device", "", NULL }, { "device", "..", NULL },
	{ "connect_timeout", "0", NULL }, { "connect_timeout", "1ms", "1ms" }, { "timeout", "0", "0s" }, { "linger", "301", NULL },
	{ "banner", "motd", NULL }, { "libwrap", "in.telnetd", "\"in.telnetd\"" },
};

/* clang-format on */

START_TEST(values_are_read_or_refused)
{
	const struct attr *a = attr_find(values[_i].name);
	char why[ATTR_WHY_SIZE] = "";

	setup_config();
	attr_clear(base(a), a);
	bool is_set = attr_set(base(a), a, values[_i].text, why);
	ck_assert_msg(
	    is_set == (values[_i].prints != NULL), "%s = '%s': %s", a->name, values[_i].text, why);
	if (is_set) {
		char *text = printed(a);

		ck_assert_str_eq(text, values[_i].prints);
		free(text);
	} else
		ck_assert_str_ne(why, "");
	config_unref(config);
}

END_TEST

START_TEST(words_are_taken_out_of_lists)
{
	const struct attr *env = attr_find("env"), *flags = attr_find("flags"),
			  *enabled = attr_find("enabled");
	char why[ATTR_WHY_SIZE];

	setup_config();
	struct strings *list = &config->defaults.env;
	ck_assert(attr_set(&config->defaults, env, "A=1", why) &&
		  attr_set(&config->defaults, env, "AB=2", why));
	ck_assert(attr_set(&config->defaults, env, "A=3", why));
	ck_assert_uint_eq(list->count, 2);
	ck_assert(!env->type->remove(list, env, "A=1"));
	ck_assert(env->type->remove(list, env, "A"));
	ck_assert(list->count == 1 && strcmp(list->item[0], "AB=2") == 0);
	ck_assert(attr_set(&config->defaults, flags, "IPv4", why));
	ck_assert(flags->type->remove(&config->defaults.flags, flags, "ipv4"));
	ck_assert(!flags->type->remove(&config->defaults.flags, flags, "ipv4"));
	ck_assert(attr_set(&config->global, enabled, "Echo", why));
	ck_assert(enabled->type->remove(&config->global.enabled, enabled, "eCHO"));
	config_unref(config);
}

END_TEST

START_TEST(a_misspelt_name_that_restricts_is_told_apart)
{
	static const struct {
		const char *word, *guess;
		bool restricts;
	} words[] = {
		{ "only_form", "only_from", true },
		{ "per_souce", "per_source", true },
		{ "instanses", "instances", true },
		{ "usr", "user", true },
		{ "rlimit_cpus", "rlimit_cpu", true },
		{ "acces_times", "access_times", true },
		{ "nicee", "nice", false },
		{ "log_on_failer", "log_on_failure", false },
		{ "sever", "server", false },
		{ "kafel_rule", NULL, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		bool restricts = !words[i].restricts;
		const char *guess = unknown_guess(words[i].word, &restricts);

		if (words[i].guess == NULL)
			ck_assert_ptr_null(guess);
		else
			ck_assert_str_eq(guess, words[i].guess);
		ck_assert(restricts == words[i].restricts);
	}
}

END_TEST

static char *
helped(void (*help)(FILE *))
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	help(f);
	fclose(f);
	return text;
}

START_TEST(help_names_every_attribute)
{
	char *text = helped(attr_help), *mdoc = helped(attr_help_mdoc);

	for (size_t i = 0; i < attr_count; i++) {
		char *plain =
		    mem_format("%s%s%s%s", attrs[i].name, attrs[i].alias != NULL ? ", " : "",
			attrs[i].alias != NULL ? attrs[i].alias : "", " = ");
		char *item =
		    mem_format(".It Ic %s No = Ar %s\n", attrs[i].name, attrs[i].type->label);

		ck_assert_ptr_nonnull(strstr(text, plain));
		ck_assert_ptr_nonnull(strstr(mdoc, item));
		free(plain);
		free(item);
	}
	for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1)
		ck_assert_uint_le(strcspn(line, "\n"), 100);
	free(text);
	free(mdoc);
}

END_TEST

int
main(void)
{
	const int count = (int)attr_count;
	const struct suite_test tests[] = {
		TEST_LOOP(names_are_unique_and_found_in_any_case, count),
		TEST_LOOP(text_is_a_sentence, count),
		TEST_LOOP(the_default_reads_and_prints, count),
		TEST_LOOP(numbers_keep_their_range, count),
		TEST_LOOP(copies_are_equal_and_cleared_ones_are_not, count),
		TEST_LOOP(values_are_read_or_refused, (int)ARRAY_LEN(values)),
		TEST(words_are_taken_out_of_lists),
		TEST(a_misspelt_name_that_restricts_is_told_apart),
		TEST(help_names_every_attribute),
	};

	return run_suite("attr", tests, ARRAY_LEN(tests));
}
