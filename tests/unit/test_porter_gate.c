/* SPDX-License-Identifier: MIT */
#include "launch/porter_gate.h"

#include <errno.h>
#include <sys/stat.h>

#include "launching.h"
#include "policy/admit.h"
#include "suite.h"

/* Stands for porter-gate: a script. Its words are written as printf(1) takes them. */
static void
make_gate(const char *script)
{
	static char path[] = "/tmp/porter-gate-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	FILE *f = fdopen(fd, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fchmod(fd, 0755), 0);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	porter_gate_set_path(path);
}

static void
remove_gate(void)
{
	unlink(porter_gate_path());
}

static struct service_conf
judged(void)
{
	struct service_conf conf = service("/bin/echo");

	conf.asks_libwrap = true;
	strings_add(&conf.server_args, "served");
	return conf;
}

static struct connection
from(const char *address)
{
	struct connection c = { .id = 1 };

	ck_assert_int_eq(addr_parse(&c.peer, address, 4711), 0);
	ck_assert_int_eq(addr_parse(&c.local, "127.0.0.1", 80), 0);
	return c;
}

/* Starts it on one end of a pair of sockets; what the other end reads until the end. */
static const char *
run_on(struct service_conf *conf, struct launch l, int fds[2], int *status)
{
	struct plan *p = plan_new(conf, &origin);
	const char *all;
	pid_t pid;

	l.plan = p;
	l.fd = fds[1];
	l.out_fd = l.err_fd = -1;
	l.env = plan_environment(p, conf, l.client);
	pid = launch_start(&l);
	ck_assert_int_gt(pid, 0);
	close(fds[1]);
	all = read_all(fds[0]);
	*status = wait_end(pid);
	close(fds[0]);
	plan_free(p);
	return all;
}

static const char *
run(struct service_conf *conf, struct launch l, int *status)
{
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	return run_on(conf, l, fds, status);
}

/* What the gate does, and what comes of it. error: of step "gate". */
static const struct {
	const char *script;
	enum verdict verdict;
	int error;
} answers[] = {
	{ "printf '\\001\\000\\002\\000' >&3", VERDICT_OK, 0 },
	{ "printf '\\001\\000' >&3; printf '\\002\\000' >&3; exit 1", VERDICT_OK, 0 },
	{ "printf '\\001\\000\\003\\000' >&3", VERDICT_LIBWRAP, 0 },
	{ "printf '\\001\\000\\004\\000' >&3", VERDICT_ADDRESS, 0 },
	/* Whatever its status is: only a word counts. */
	{ "printf '\\001\\000' >&3", VERDICT_LIBWRAP, 0 },
	{ "printf '\\001\\000' >&3; kill -9 $$", VERDICT_LIBWRAP, 0 },
	{ "printf '\\001\\000\\005\\015' >&3", VERDICT_OK, EACCES },
	{ "printf '\\001\\000\\005\\000' >&3", VERDICT_OK, EPROTO },
	{ "printf '\\001\\000\\143\\000' >&3", VERDICT_OK, EPROTO },
	{ "exit 0", VERDICT_OK, ELIBACC },
	{ "printf '\\001' >&3", VERDICT_OK, ELIBACC },
	/* Stopped by another process of its user once it has said what it has to say, or while it says the same for ever. */
	{ "printf '\\001\\000\\002\\000' >&3; kill -STOP $$", VERDICT_OK, 0 },
	{ "printf '\\001\\000\\003\\000' >&3; kill -STOP $$", VERDICT_LIBWRAP, 0 },
	{ "printf '\\001\\000\\001\\000' >&3; kill -STOP $$", VERDICT_OK, EPROTO },
	/* What a rule puts in its place may take its time. */
	{ "printf '\\001\\000' >&3; exec 3>&-; sleep 0.1; exit 1", VERDICT_LIBWRAP, 0 },
};

START_TEST(only_a_word_admits)
{
	struct service_conf conf = judged();
	struct connection c = from("192.0.2.1");
	struct launch_fault *fault = shared_fault();
	bool is_served = answers[_i].verdict == VERDICT_OK && answers[_i].error == 0;
	int status;

	make_gate(answers[_i].script);
	const char *all = run(&conf, (struct launch){ .client = &c, .fault = fault }, &status);
	ck_assert_str_eq(all, is_served ? "served\n" : "");
	ck_assert_int_eq(status, is_served ? 0 : LAUNCH_EXIT);
	ck_assert_int_eq(fault->verdict, (int)answers[_i].verdict);
	ck_assert_int_eq(fault->error, answers[_i].error);
	if (answers[_i].error != 0)
		ck_assert_str_eq(launch_step_name(fault), "gate");
	else
		ck_assert_int_eq(fault->step, 0);
	strings_done(&conf.server_args);
	remove_gate();
}

END_TEST

START_TEST(a_gate_that_is_not_there_admits_nobody)
{
	struct service_conf conf = judged();
	struct connection c = from("192.0.2.1");
	struct launch_fault *fault = shared_fault();
	int status;

	porter_gate_set_path("/no/such/porter-gate");
	ck_assert_str_eq(run(&conf, (struct launch){ .client = &c, .fault = fault }, &status), "");
	ck_assert_int_eq(status, LAUNCH_EXIT);
	ck_assert_str_eq(launch_step_name(fault), "gate");
	ck_assert_int_eq(fault->error, ENOENT);
	strings_done(&conf.server_args);
}

END_TEST

START_TEST(nobody_is_judged_where_there_is_nothing_to_judge_by)
{
	struct service_conf conf = judged();
	struct connection c = from("192.0.2.1"), local = { .id = 2 };
	struct launch_fault *fault = shared_fault();
	int status;

	make_gate("printf '\\001\\000\\003\\000' >&3");
	/* A person starts it. */
	struct plan *p = plan_new(&conf, &origin);
	ck_assert(!porter_gate_is_needed(&(struct launch){ .plan = p }));
	ck_assert(porter_gate_is_needed(&(struct launch){ .plan = p, .client = &c }));
	ck_assert_int_eq(addr_unix(&local.local, "/run/x"), 0);
	ck_assert(!porter_gate_is_needed(&(struct launch){ .plan = p, .client = &local }));
	plan_free(p);
	conf.asks_libwrap = false;
	ck_assert_str_eq(
	    run(&conf, (struct launch){ .client = &c, .fault = fault }, &status), "served\n");
	p = plan_new(&conf, &origin);
	ck_assert_ptr_null(p->porter_gate);
	plan_free(p);
	/* Those whom an address admits need no name. */
	strings_add(&access_list_need(&conf.only_from_list)->domains, ".example.org");
	p = plan_new(&conf, &origin);
	ck_assert(!porter_gate_is_needed(&(struct launch){ .plan = p, .client = &c }));
	ck_assert(
	    porter_gate_is_needed(&(struct launch){ .plan = p, .client = &c, .by_name = true }));
	plan_free(p);
	access_list_free(conf.only_from_list);
	strings_done(&conf.server_args);
	remove_gate();
}

END_TEST

/* Words that the gate gets, with and without those for clients who come by their name. */
static const struct {
	bool by_name;
	const char *words;
} word_rows[] = {
	{ false, "--libwrap echo --deny-domain .bad.test --deny-domain .worse.test" },
	{ true,
	    "--libwrap echo --deny-domain .bad.test --deny-domain .worse.test --allow-domain .good.test" },
};

START_TEST(the_gate_gets_the_rules_and_the_addresses_alone)
{
	struct service_conf conf = judged();
	struct connection c = from("2001:db8::1");
	struct launch_fault *fault = shared_fault();
	int status;

	strings_add(&conf.env, "LD_PRELOAD=/nowhere.so");
	strings_add(&conf.env, "REMOTE_ADDR=127.0.0.1");
	strings_add(&access_list_need(&conf.no_access_list)->domains, ".bad.test");
	strings_add(&access_list_need(&conf.no_access_list)->domains, ".worse.test");
	strings_add(&access_list_need(&conf.only_from_list)->domains, ".good.test");
	/* To descriptor 1, which is the connection, as 0 is. */
	make_gate(
	    "echo \"$@\"; /usr/bin/env | /usr/bin/sort 2>&1; printf '\\001\\000\\003\\000' >&3");
	const char *all = run(&conf,
	    (struct launch){ .client = &c, .fault = fault, .by_name = word_rows[_i].by_name },
	    &status);
	ck_assert_uint_eq(strncmp(all, word_rows[_i].words, strlen(word_rows[_i].words)), 0);
	ck_assert_int_eq(all[strlen(word_rows[_i].words)], '\n');
	ck_assert_ptr_nonnull(strstr(all, "\nREMOTE_ADDR=2001:db8::1\nREMOTE_PORT=4711\n"));
	ck_assert_ptr_nonnull(strstr(all, "\nLOCAL_ADDR=127.0.0.1\nLOCAL_PORT=80\n"));
	ck_assert_ptr_null(strstr(all, "LD_PRELOAD"));
	ck_assert_ptr_null(strstr(all, "SERVICE_ID"));
	access_list_free(conf.only_from_list);
	access_list_free(conf.no_access_list);
	strings_done(&conf.env);
	strings_done(&conf.server_args);
	remove_gate();
}

END_TEST

START_TEST(a_refused_datagram_is_thrown_away)
{
	struct service_conf conf = judged();
	struct connection c = from("192.0.2.1");
	struct launch_fault *fault = shared_fault();
	char byte;
	int fds[2], keep, status;

	make_pair(SOCK_DGRAM, fds);
	keep = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
	ck_assert_int_eq(send(fds[0], "1", 1, 0), 1);
	ck_assert_int_eq(send(fds[0], "2", 1, 0), 1);
	shutdown(fds[0], SHUT_RD);
	make_gate("printf '\\001\\000\\003\\000' >&3");
	run_on(&conf, (struct launch){ .client = &c, .fault = fault }, fds, &status);
	ck_assert_int_eq(fault->verdict, VERDICT_LIBWRAP);
	ck_assert_int_eq(recv(keep, &byte, 1, MSG_DONTWAIT), 1);
	ck_assert_int_eq(byte, '2');
	ck_assert_int_lt(recv(keep, &byte, 1, MSG_DONTWAIT), 0);
	close(keep);
	strings_done(&conf.server_args);
	remove_gate();
}

END_TEST

/* The user whom the program gets has the gate as well, and the limits of the program do not hold for it. */
START_TEST(the_gate_is_the_services_user)
{
	struct service_conf conf = judged();
	struct connection c = from("192.0.2.1");
	struct launch_fault *fault = shared_fault();
	int status;

	if (geteuid() != 0) {
		test_skip("the_gate_is_the_services_user", "not root");
		return;
	}
	make_gate("id -u; id -g; pwd; ulimit -t; printf '\\001\\000\\002\\000' >&3");
	conf.changes_ids = true;
	conf.uid = 65533;
	conf.gid = 65532;
	conf.rlimits[CONF_RLIMIT_CPU] = (struct rlimit_conf){ true, 7 };
	const char *all = run(&conf, (struct launch){ .client = &c, .fault = fault }, &status);
	ck_assert_ptr_eq(strstr(all, "65533\n65532\n"), all);
	ck_assert_ptr_nonnull(strstr(all, "unlimited\nserved\n"));
	strings_done(&conf.server_args);
	remove_gate();
}

END_TEST

/* Whom hosts.allow is to name: libwrap, server, first word of server_args, flags, whether it is a builtin or a redirect. */
static const struct {
	const char *libwrap, *server, *argument;
	unsigned flags, type;
	const char *redirect, *name;
} names[] = {
	{ NULL, "/usr/sbin/in.ftpd", "-l", 0, 0, NULL, "in.ftpd" },
	{ "ftp", "/usr/sbin/in.ftpd", "-l", 0, 0, NULL, "ftp" },
	{ NULL, "/usr/sbin/tcpd", "/usr/sbin/in.telnetd", CONF_FLAG_NAMEINARGS, 0, NULL,
	    "in.telnetd" },
	{ NULL, "/usr/sbin/tcpd", "plain", CONF_FLAG_NAMEINARGS, 0, NULL, "plain" },
	{ NULL, NULL, NULL, 0, CONF_TYPE_INTERNAL, NULL, "the-id" },
	{ NULL, NULL, NULL, 0, 0, "host 80", "the-id" },
	{ "web", NULL, NULL, 0, 0, "host 80", "web" },
};

START_TEST(services_have_the_names_that_xinetd_gives_them)
{
	struct service_conf conf = { .name = text("echo"),
		.id = text("the-id"),
		.asks_libwrap = true,
		.flags = names[_i].flags,
		.type = names[_i].type };
	size_t always;
	char **words;

	if (names[_i].libwrap != NULL)
		conf.libwrap = text(names[_i].libwrap);
	if (names[_i].server != NULL)
		conf.server = text(names[_i].server);
	if (names[_i].redirect != NULL)
		conf.redirect = text(names[_i].redirect);
	if (names[_i].argument != NULL)
		strings_add(&conf.server_args, names[_i].argument);
	words = porter_gate_words_new(&conf, &always);
	ck_assert_uint_eq(always, 3);
	ck_assert_str_eq(words[1], "--libwrap");
	ck_assert_str_eq(words[2], names[_i].name);
	ck_assert_ptr_null(words[3]);
	for (size_t i = 0; i < always; i++)
		free(words[i]);
	free(words);
	strings_done(&conf.server_args);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(only_a_word_admits, ARRAY_LEN(answers)),
		TEST(a_gate_that_is_not_there_admits_nobody),
		TEST(nobody_is_judged_where_there_is_nothing_to_judge_by),
		TEST_LOOP(the_gate_gets_the_rules_and_the_addresses_alone, ARRAY_LEN(word_rows)),
		TEST(a_refused_datagram_is_thrown_away),
		TEST(the_gate_is_the_services_user),
		TEST_LOOP(services_have_the_names_that_xinetd_gives_them, ARRAY_LEN(names)),
	};

	return run_suite("porter_gate", tests, ARRAY_LEN(tests));
}
