/* SPDX-License-Identifier: MIT */
/* Process groups whose program has ended. */
#include "run/leftover.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/loop.h"
#include "net/drain.h"
#include "run/server.h"
#include "suite.h"

#define LONG_MS 3600000

static struct loop *loop;
static struct servers *servers;
static struct drains *drains;
static struct leftovers *leftovers;

static void
start(void)
{
	loop = loop_new();
	servers = servers_new(16);
	drains = drains_new(loop);
	leftovers = leftovers_new(loop, servers, drains);
}

static void
finish(void)
{
	leftovers_free(leftovers);
	drains_free(drains);
	servers_free(servers);
	loop_free(loop);
}

/* Stands for all that a program has left behind: a group of its own. */
static pid_t
group(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	ck_assert_int_gt(pid, 0);
	ck_assert(setpgid(pid, pid) == 0 || errno == EACCES);
	return pid;
}

static void
end_group(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static int
pair(int *client)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	*client = ends[1];
	return ends[0];
}

static bool
has_ended(int client)
{
	return recv(client, &(char){ 0 }, 1, MSG_DONTWAIT) == 0;
}

START_TEST(client_is_left_alone_until_the_group_has_gone)
{
	int client, fd = pair(&client);
	const struct leftover rest = { .pgid = group(), .fd = fd, .linger_ms = LONG_MS };

	start();
	leftovers_add(leftovers, &rest);
	ck_assert_uint_eq(leftovers_count(leftovers), 1);
	for (int i = 0; i < 4; i++)
		loop_turn(loop, -1);
	ck_assert_uint_eq(leftovers_count(leftovers), 1);
	ck_assert(!has_ended(client));
	end_group(rest.pgid);
	while (leftovers_count(leftovers) > 0)
		loop_turn(loop, -1);
	ck_assert_uint_eq(drains_count(drains), 1);
	ck_assert(has_ended(client));
	close(client);
	finish();
}

END_TEST

START_TEST(client_waits_no_longer_than_his_time_for_a_group_that_stays)
{
	/* Before there is a connection, which it would have as well. */
	struct leftover rest = { .pgid = group(), .linger_ms = 50 };
	int client;

	start();
	rest.fd = pair(&client);
	leftovers_add(leftovers, &rest);
	while (leftovers_count(leftovers) > 0)
		loop_turn(loop, -1);
	ck_assert_uint_eq(drains_count(drains), 0);
	ck_assert(has_ended(client));
	ck_assert_int_eq(kill(rest.pgid, 0), 0);
	finish();
	end_group(rest.pgid);
	close(client);
}

END_TEST

START_TEST(group_that_has_gone_already_is_not_waited_for)
{
	int client, fd = pair(&client);
	const struct leftover rest = { .pgid = group(), .fd = fd, .linger_ms = LONG_MS };

	end_group(rest.pgid);
	start();
	leftovers_add(leftovers, &rest);
	ck_assert_uint_eq(leftovers_count(leftovers), 0);
	ck_assert(has_ended(client));
	close(client);
	finish();
}

END_TEST

/* A number is only given again when nothing of its group is left. */
START_TEST(new_program_of_that_number_is_another)
{
	int client, fd = pair(&client);
	const struct leftover rest = { .pgid = group(), .fd = fd, .linger_ms = LONG_MS };

	start();
	leftovers_add(leftovers, &rest);
	servers_start(servers, servers_take(servers), rest.pgid);
	while (leftovers_count(leftovers) > 0)
		loop_turn(loop, -1);
	ck_assert(has_ended(client));
	end_group(rest.pgid);
	close(client);
	finish();
}

END_TEST

START_TEST(group_is_killed_when_its_time_is_over)
{
	const struct leftover rest = { .pgid = group(), .kill_ms = clock_now_ms() + 50 };
	int status;

	start();
	leftovers_add(leftovers, &rest);
	while (leftovers_count(leftovers) > 0)
		loop_turn(loop, -1);
	ck_assert_int_ge(clock_now_ms(), rest.kill_ms);
	ck_assert_int_eq(waitpid(rest.pgid, &status, 0), rest.pgid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	finish();
}

END_TEST

START_TEST(beyond_the_most_the_oldest_is_given_up)
{
	/* Before there is a connection, which it would have as well. */
	struct leftover rest = { .pgid = group() };
	struct rlimit files;
	int client;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_max < 8 * LEFTOVERS_MOST) {
		end_group(rest.pgid);
		test_skip("beyond_the_most_the_oldest_is_given_up", "too few descriptors");
		return;
	}
	start();
	rest.fd = pair(&client);
	rest.linger_ms = LONG_MS;
	leftovers_add(leftovers, &rest);
	rest.fd = 0;
	rest.kill_ms = INT64_MAX;
	for (unsigned i = 1; i < LEFTOVERS_MOST; i++)
		leftovers_add(leftovers, &rest);
	ck_assert(!has_ended(client));
	leftovers_add(leftovers, &rest);
	ck_assert_uint_eq(leftovers_count(leftovers), LEFTOVERS_MOST);
	ck_assert(has_ended(client));
	finish();
	end_group(rest.pgid);
	close(client);
}

END_TEST

START_TEST(group_that_is_given_up_is_killed_before_its_time)
{
	const struct rlimit few = { 256, 256 };
	const struct leftover late = { .pgid = group(), .kill_ms = clock_now_ms() + LONG_MS };
	const struct leftover other = { .pgid = group(), .kill_ms = late.kill_ms };
	int status;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	start();
	leftovers_add(leftovers, &late);
	for (unsigned i = 0; i < 256 / 8 + 1; i++)
		leftovers_add(leftovers, &other);
	ck_assert_uint_eq(leftovers_count(leftovers), 256 / 8 + 1);
	ck_assert_int_eq(waitpid(late.pgid, &status, 0), late.pgid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(kill(other.pgid, 0), 0);
	finish();
	end_group(other.pgid);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(client_is_left_alone_until_the_group_has_gone),
	TEST(client_waits_no_longer_than_his_time_for_a_group_that_stays),
	TEST(group_that_has_gone_already_is_not_waited_for),
	TEST(new_program_of_that_number_is_another),
	TEST(group_is_killed_when_its_time_is_over),
	TEST(beyond_the_most_the_oldest_is_given_up),
	TEST(group_that_is_given_up_is_killed_before_its_time),
};

int
main(void)
{
	return run_suite("leftover", tests, sizeof(tests) / sizeof(tests[0]));
}
