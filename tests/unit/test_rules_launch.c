/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/hosts_access.h"
#include "load/load.h"
#include "stand_in.h"
#include "suite.h"

static unsigned machine;

static unsigned
stand_in_hosts_access(void)
{
	return machine;
}

/* Loads one service of this machine; its first problem of this severity, "" if there is none. */
static const char *
load(const char *attributes, enum severity severity, const struct service_conf **found)
{
	static char first[1024], text[4096];
	static struct config *latest;
	struct lookup lookup = stand_in_lookup;
	const struct load_options options = { .lookup = &lookup, .is_root = true };
	struct problems problems = { 0 };

	lookup.hosts_access = stand_in_hosts_access;
	snprintf(text, sizeof(text), "service %s\n{\n\tid = x\n%s}\n",
	    strstr(attributes, "INTERNAL") != NULL ? "echo" : "x", attributes);
	config_unref(latest);
	latest = stand_in_load(text, &options, &problems);
	first[0] = '\0';
	for (size_t i = 0; i < problems.count && first[0] == '\0'; i++)
		if (problems.item[i].severity == severity)
			snprintf(first, sizeof(first), "%s", problems.item[i].text);
	problems_done(&problems);
	*found = stand_in_find(latest, "x");
	return first;
}

#define TCP    "\tport = 4000\n\tserver = /bin/cat\n\tuser = root\n"
#define NOWAIT TCP "\twait = no\n"

/* What is said of words, and of whom it is true. */
static const struct {
	const char *attributes, *warning;
} words[] = {
	{ NOWAIT "\tserver_args = %{remote_addr} %{remote_port} %{service} 100% %%{x}\n", "" },
	{ NOWAIT "\tserver_args = -a %{remote_adr}\n", "%{remote_adr} is no value" },
	{ NOWAIT "\tenv = A=%{nothing}\n", "%{nothing} is no value" },
	{ NOWAIT "\tenv = A=%{remote_host}\n", "" },
	{ TCP "\twait = yes\n\tserver_args = %{remote_addr}\n",
	    "%{remote_addr} is empty: with wait" },
	{ TCP "\twait = yes\n\tserver_args = %{local_port} %{connection}\n", "" },
	{ TCP "\twait = yes\n\tprotocol = udp\n\tserver_args = %{remote_addr}\n", "" },
	{ TCP "\tpool = static\n\tpool_exec = once\n\tserver_args = %{connection}\n",
	    "%{connection} is empty: a worker" },
	{ TCP "\tpool = static\n\tpool_exec = once\n\tserver_args = %{service}\n", "" },
	{ TCP "\tpool = static\n\tpool_exec = fresh\n\tserver_args = %{remote_addr}\n", "" },
	{ "\tlisten = unix:/run/x.sock\n\tserver = /bin/cat\n\tuser = root\n\twait = no\n"
	  "\tserver_args = %{remote_addr}\n",
	    "%{remote_addr} is empty: clients of a unix" },
};

START_TEST(values_that_nobody_knows_are_said)
{
	const struct service_conf *x;
	const char *said;

	machine = HOSTS_ACCESS_SUPPORTED;
	said = load(words[_i].attributes, SEVERITY_WARNING, &x);
	ck_assert_msg(strncmp(said, words[_i].warning, strlen(words[_i].warning)) == 0 &&
			  (*words[_i].warning != '\0' || *said == '\0'),
	    "it says: %s", said);
	ck_assert_int_eq(x->state, CONF_OK);
}

END_TEST

enum { RULES = HOSTS_ACCESS_SUPPORTED | HOSTS_ACCESS_RULES, WITHOUT = 0, RULES_WITHOUT = 2 };

/* On what machine which service is judged; error: a part of the message, NULL: there is none. */
static const struct {
	unsigned machine;
	const char *attributes;
	bool asks;
	const char *error;
} judged[] = {
	{ HOSTS_ACCESS_SUPPORTED, NOWAIT, false, NULL },
	{ HOSTS_ACCESS_SUPPORTED, NOWAIT "\tlibwrap = ftp\n", true, NULL },
	{ HOSTS_ACCESS_SUPPORTED, NOWAIT "\tlibwrap = ftp\n\tflags = NOLIBWRAP\n", false, NULL },
	{ RULES, NOWAIT, true, NULL },
	{ RULES, NOWAIT "\tflags = NOLIBWRAP\n", false, NULL },
	{ RULES, "\ttype = INTERNAL\n\twait = no\n", true, NULL },
	{ WITHOUT, NOWAIT, false, NULL },
	{ WITHOUT, NOWAIT "\tlibwrap = ftp\n", true, "built without libwrap" },
	{ RULES_WITHOUT, NOWAIT, true, "built without libwrap" },
	{ RULES_WITHOUT, NOWAIT "\tflags = NOLIBWRAP\n", false, NULL },
	{ RULES, TCP "\twait = yes\n", true, "with wait = yes" },
	{ RULES, TCP "\twait = yes\n\tflags = NOLIBWRAP\n", false, NULL },
	{ RULES, TCP "\twait = yes\n\tprotocol = udp\n", true, NULL },
	{ RULES, TCP "\tpool = static\n\tpool_exec = fresh\n", true, "workers of a pool" },
	{ HOSTS_ACCESS_SUPPORTED, TCP "\tpool = static\n\tpool_exec = fresh\n\tlibwrap = a\n", true,
	    "workers of a pool" },
	{ RULES, "\tlisten = unix:/run/x.sock\n\tserver = /bin/cat\n\tuser = root\n\twait = no\n",
	    false, NULL },
	{ HOSTS_ACCESS_SUPPORTED,
	    "\tlisten = unix:/run/x.sock\n\tserver = /bin/cat\n\tuser = root\n\twait = no\n\tlibwrap = a\n",
	    true, "have no address" },
	{ HOSTS_ACCESS_SUPPORTED,
	    TCP
	    "\tpool = static\n\tpool_exec = fresh\n\treverse_dns = confirmed\n\tno_access = .bad.test\n",
	    false, "names of its clients cannot be looked up" },
	{ HOSTS_ACCESS_SUPPORTED,
	    TCP "\twait = no\n\treverse_dns = confirmed\n\tonly_from = .good.test\n", false, NULL },
};

START_TEST(services_are_judged_where_they_can_and_must_be)
{
	const struct service_conf *x;
	const char *said;

	machine = judged[_i].machine;
	said = load(judged[_i].attributes, SEVERITY_ERROR, &x);
	if (judged[_i].error == NULL)
		ck_assert_str_eq(said, "");
	else
		ck_assert_msg(strstr(said, judged[_i].error) != NULL, "it says: %s", said);
	ck_assert_int_eq(x->state == CONF_OK, judged[_i].error == NULL);
	ck_assert_int_eq(x->asks_libwrap, judged[_i].asks);
}

END_TEST

static const struct {
	const char *text;
	bool has;
} files[] = {
	{ "", false },
	{ "# only\n#\n\n \t\n", false },
	{ "ALL: ALL\n", true },
	{ "# first\n\nALL: ALL", true },
	{ " in.ftpd: 192.0.2.1\n", true },
	{ " # not at the beginning of the line: hosts_access(5) takes it for a rule\n", true },
};

START_TEST(rules_are_what_is_no_comment)
{
	char path[] = "/tmp/porter-hosts-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
	    write(fd, files[_i].text, strlen(files[_i].text)), (ssize_t)strlen(files[_i].text));
	close(fd);
	ck_assert_int_eq(hosts_access_has_rules(path), files[_i].has);
	unlink(path);
	ck_assert(!hosts_access_has_rules(path));
}

END_TEST

/* Two services on one port: their devices, "" for none, and whether they are in each other's way. */
static const struct {
	const char *one, *other;
	bool conflict;
} devices[] = {
	{ "", "", true },
	{ "eth0", "eth1", false },
	{ "eth0", "eth0", true },
	{ "eth0", "", true },
	{ "", "eth0", true },
};

START_TEST(a_device_makes_another_address)
{
	char text[1024], line[2][64] = { "", "" };
	struct problems problems = { 0 };
	struct config *c;

	if (*devices[_i].one != '\0')
		snprintf(line[0], sizeof(line[0]), "device = %s\n", devices[_i].one);
	if (*devices[_i].other != '\0')
		snprintf(line[1], sizeof(line[1]), "device = %s\n", devices[_i].other);
	snprintf(text, sizeof(text), "service a\n{\n" NOWAIT "%s}\nservice b\n{\n" NOWAIT "%s}\n",
	    line[0], line[1]);
	c = stand_in_load(text, &stand_in_root, &problems);
	ck_assert_int_eq(c->services[0]->state, CONF_OK);
	ck_assert_int_eq(c->services[1]->state != CONF_OK, devices[_i].conflict);
	snprintf(text, sizeof(text), "tcp:*:4000%s%s", *devices[_i].one != '\0' ? "%" : "",
	    devices[_i].one);
	ck_assert_str_eq(c->services[0]->endpoints[0].key, text);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(values_that_nobody_knows_are_said, ARRAY_LEN(words)),
		TEST_LOOP(services_are_judged_where_they_can_and_must_be, ARRAY_LEN(judged)),
		TEST_LOOP(rules_are_what_is_no_comment, ARRAY_LEN(files)),
		TEST_LOOP(a_device_makes_another_address, ARRAY_LEN(devices)),
	};

	return run_suite("rules_launch", tests, ARRAY_LEN(tests));
}
