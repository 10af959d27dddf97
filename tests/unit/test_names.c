/* SPDX-License-Identifier: MIT */
/* What is looked up by a process of its own is what is looked up here, and the process may fail. This program is that process, too. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/names.h"
#include "suite.h"

static int fds[2];

/* Together with the look-ups that ask it. */
static struct names *
start(struct lookup *lookup)
{
	*lookup = lookup_system;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	return names_start(fds, "/nowhere", lookup);
}

static void
end(struct names *n)
{
	names_end(n);
	close(fds[0]);
	/* Nobody is left to be waited for. */
	ck_assert_int_eq(wait(NULL), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void
compare_users(const struct lookup *x, const char *name)
{
	struct user_entry a = { 0 }, b = { 0 };
	int r = lookup_system.user(name, &a);

	ck_assert_int_eq(x->user(name, &b), r);
	ck_assert_uint_eq(a.uid, b.uid);
	ck_assert_uint_eq(a.gid, b.gid);
	ck_assert_pstr_eq(a.name, b.name);
	free(a.name);
	free(b.name);
}

static void
compare_groups(const struct lookup *x, const char *name)
{
	gid_t a = 0, b = 0, *list_a = NULL, *list_b = NULL;
	size_t count_a = 0, count_b = 0;

	ck_assert_int_eq(x->group(name, &b), lookup_system.group(name, &a));
	ck_assert_uint_eq(a, b);
	ck_assert_int_eq(x->groups(name, 7, &list_b, &count_b),
	    lookup_system.groups(name, 7, &list_a, &count_a));
	ck_assert_uint_eq(count_a, count_b);
	ck_assert_mem_eq(list_a, list_b, count_a * sizeof(*list_a));
	free(list_a);
	free(list_b);
}

static void
compare_hosts(const struct lookup *x, const char *name)
{
	struct addr *a = NULL, *b = NULL;
	size_t count_a = 0, count_b = 0;
	int r = lookup_system.host(name, &a, &count_a);

	ck_assert_int_eq(x->host(name, &b, &count_b), r);
	ck_assert_uint_eq(count_a, count_b);
	for (size_t i = 0; i < count_a; i++)
		ck_assert(addr_equal(&a[i], &b[i]));
	free(a);
	free(b);
}

static void
compare_networks(const struct lookup *x, const char *name)
{
	struct prefix a = { 0 }, b = { 0 };

	ck_assert_int_eq(x->network(name, &b), lookup_system.network(name, &a));
	ck_assert_mem_eq(&a, &b, sizeof(a));
}

static void
compare_all(const struct lookup *x)
{
	compare_users(x, "root");
	compare_users(x, "0");
	compare_users(x, "nobody at all");
	compare_groups(x, "root");
	compare_groups(x, "nobody at all");
	compare_hosts(x, "127.0.0.1");
	compare_hosts(x, "::1");
	compare_hosts(x, "");
	compare_networks(x, "127.0.0.0");
	compare_networks(x, "no network");
	ck_assert_int_eq(x->port("echo", "tcp"), lookup_system.port("echo", "tcp"));
	ck_assert_int_eq(x->port("echo", "udp"), lookup_system.port("echo", "udp"));
	ck_assert_int_eq(x->port("no port", "tcp"), -ENOENT);
}

START_TEST(the_process_says_what_the_machine_says)
{
	struct lookup lookup;
	struct names *n = start(&lookup);

	compare_all(&lookup);
	/* The same again, which it remembers. */
	compare_all(&lookup);
	ck_assert(!names_have_failed(n));
	end(n);
}

END_TEST

START_TEST(without_a_process_it_is_the_same)
{
	struct lookup lookup = lookup_system;
	struct names *n = names_start_here(&lookup);

	compare_all(&lookup);
	compare_all(&lookup);
	ck_assert(!names_have_failed(n));
	names_end(n);
}

END_TEST

START_TEST(what_it_cannot_be_asked_is_not_known)
{
	struct user_entry entry = { 0 };
	struct lookup lookup;
	struct names *n = start(&lookup);
	size_t count = 0;
	gid_t *list = NULL;

	ck_assert_int_eq(lookup.user("root", &entry), 0);
	free(entry.name);
	shutdown(fds[0], SHUT_RDWR);
	/* What was said before is remembered. */
	ck_assert_int_eq(lookup.user("root", &entry), 0);
	free(entry.name);
	ck_assert(!names_have_failed(n));
	ck_assert_int_lt(lookup.user("0", &entry), 0);
	ck_assert(names_have_failed(n));
	ck_assert_int_lt(lookup.groups("root", 0, &list, &count), 0);
	ck_assert_int_lt(lookup.port("echo", "tcp"), 0);
	end(n);
}

END_TEST

START_TEST(it_may_be_ended_while_it_is_asked)
{
	struct lookup lookup;
	struct names *n = start(&lookup);

	end(n);
}

END_TEST

/* Another version says other things. */
START_TEST(it_answers_its_own_version_alone)
{
	char name[] = NAMES_PROGRAM, version[] = "0.0.0", own[] = VERSION;
	char *other[] = { name, version, NULL }, *none[] = { name, NULL },
	     *same[] = { name, own, NULL };

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	shutdown(fds[1], SHUT_WR);
	ck_assert_int_eq(names_serve(fds[0], 2, other), 1);
	ck_assert_int_eq(names_serve(fds[0], 1, none), 1);
	ck_assert_int_eq(names_serve(fds[0], 2, same), 0);
	close(fds[0]);
	close(fds[1]);
}

END_TEST

int
main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		TEST(the_process_says_what_the_machine_says),
		TEST(without_a_process_it_is_the_same),
		TEST(what_it_cannot_be_asked_is_not_known),
		TEST(it_may_be_ended_while_it_is_asked),
		TEST(it_answers_its_own_version_alone),
	};

	if (strcmp(argv[0], NAMES_PROGRAM) == 0)
		return names_serve(STDIN_FILENO, argc, argv);
	return run_suite("names", tests, ARRAY_LEN(tests));
}
