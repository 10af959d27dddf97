/* SPDX-License-Identifier: MIT */
/* What sharing memory with a child does where it is not safe, and that it is not done there. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/raw.h"
#include "launch/start.h"
#include "launching.h"
#include "suite.h"

#define SOMEBODY 65534

/* What only the daemon may know. */
static char secret[] = "nobody may read this";

static void
ignore_stuck(void *arg, pid_t pid)
{
	(void)arg;
	(void)pid;
}

/* A process that shares our memory, as a start does. */
static pid_t
share(int (*fn)(void *), void *arg)
{
	const size_t size = 65536;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(stack, MAP_FAILED);
	return clone(fn, stack + size, CLONE_VM | SIGCHLD, arg);
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* ---- another process of the service's user ---- */

struct victim {
	int dumpable; /* what fs.suid_dumpable makes of it when its uid changes */
	int is_there; /* a futex */
};

static int
become_somebody(void *arg)
{
	struct victim *v = arg;

	raw_setresuid(SOMEBODY);
	raw_prctl(PR_SET_DUMPABLE, v->dumpable, 0);
	__atomic_store_n(&v->is_there, 1, __ATOMIC_RELEASE);
	raw_futex_wake(&v->is_there);
	for (;;)
		RAW(SYS_ppoll, 0, 0, 0);
	return 0;
}

/* As that user: 0 if what is at `at` could be read there. */
static int
look_into(pid_t pid, void *at)
{
	int status;
	pid_t spy = fork();

	if (spy == 0) {
		if (setresuid(SOMEBODY, SOMEBODY, SOMEBODY) < 0)
			_exit(2);
		if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
			_exit(1);
		waitpid(pid, NULL, __WALL);
		errno = 0;
		long word = ptrace(PTRACE_PEEKDATA, pid, at, NULL);
		_exit(errno != 0 || memcmp(&word, at, sizeof(word)) != 0);
	}
	ck_assert_int_eq(waitpid(spy, &status, 0), spy);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status);
}

/* 1: what the kernel does where fs.suid_dumpable is 1. */
START_TEST(memory_that_is_dumpable_can_be_read_by_the_services_user)
{
	struct victim v = { .dumpable = _i };

	if (geteuid() != 0) {
		test_skip("memory_that_is_dumpable_can_be_read_by_the_services_user", "not root");
		return;
	}
	pid_t pid = share(become_somebody, &v);
	ck_assert_int_gt(pid, 0);
	while (__atomic_load_n(&v.is_there, __ATOMIC_ACQUIRE) == 0)
		raw_futex_wait(&v.is_there, 0, NULL);
	ck_assert_int_eq(look_into(pid, secret), _i == 1 ? 0 : 1);
	end(pid);
	prctl(PR_SET_DUMPABLE, 1);
}

END_TEST

/* ---- how easily the daemon is killed when memory runs out ---- */

static int
read_score(void)
{
	char text[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	return atoi(text);
}

static int
write_score(void *arg)
{
	int fd = raw_open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)arg;
	raw_exit(raw_write(fd, "500", 3) == 3 ? 0 : 1);
	return 0;
}

START_TEST(score_of_a_child_that_shares_memory_is_the_daemons)
{
	int status, before = read_score();
	pid_t pid = share(write_score, NULL);

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (status != 0 || before == 500) {
		test_skip("score_of_a_child_that_shares_memory_is_the_daemons", "not writable");
		return;
	}
	ck_assert_int_eq(read_score(), 500);
}

END_TEST

START_TEST(score_is_reset_by_a_process_that_shares_nothing)
{
	struct loop *loop = loop_new();
	struct starts *starts = starts_new(loop, ignore_stuck, NULL);
	struct origin guarded = origin;
	struct service_conf conf = service("/bin/true");
	struct plan *p;

	guarded.has_oom_score = true;
	p = plan_new(&conf, &guarded);
	ck_assert_str_eq(
	    launch_not_shared(p, starts), "oom_score_adj is reset, which would be porterd's own");
	plan_free(p);
	p = plan_new(&conf, &origin);
	if (starts_obstacle(starts) == NULL)
		ck_assert_ptr_null(launch_not_shared(p, starts));
	else
		ck_assert_str_eq(launch_not_shared(p, starts), starts_obstacle(starts));
	starts_forbid(starts, "a reason");
	ck_assert_str_eq(launch_not_shared(p, starts), "a reason");
	ck_assert_str_eq(launch_way(p, starts), "fork");
	plan_free(p);
	starts_free(starts);
	loop_free(loop);
}

END_TEST

/* ---- what a start has of its own ---- */

static struct launch
launch_of(struct plan *p, char *const *env, struct launch_fault *fault)
{
	return (struct launch){
		.plan = p, .fd = 3, .out_fd = -1, .err_fd = -1, .env = env, .fault = fault
	};
}

START_TEST(words_of_a_connection_are_its_own)
{
	struct loop *loop = loop_new();
	struct starts *starts = starts_new(loop, ignore_stuck, NULL);
	char fixed[] = "A=b", first[] = "PEER=1", id[] = "ID=1";
	char *env[] = { fixed, first, id, NULL };
	struct plan p = { .env_fixed = 1 };
	struct launch_fault fault = { 0 };
	struct launch l = launch_of(&p, env, &fault);
	struct start *s = start_take(starts, &l);

	ck_assert_ptr_nonnull(s);
	first[5] = id[3] = '2';
	ck_assert_ptr_eq(s->launch.env[0], fixed);
	ck_assert_str_eq(s->launch.env[1], "PEER=1");
	ck_assert_str_eq(s->launch.env[2], "ID=1");
	ck_assert_ptr_null(s->launch.env[3]);
	start_begun(starts, s, -EAGAIN);
	ck_assert_uint_eq(p.starting, 0);
	ck_assert_ptr_eq(start_take(starts, &l), s);
	start_begun(starts, s, -EAGAIN);
	starts_free(starts);
	loop_free(loop);
}

END_TEST

START_TEST(what_is_too_long_is_not_shared)
{
	struct loop *loop = loop_new();
	struct starts *starts = starts_new(loop, ignore_stuck, NULL);
	static char long_word[8000];
	char *env[] = { long_word, NULL };
	struct plan p = { .env_fixed = 0 }, many = { .env_fixed = 4000 };
	struct launch_fault fault = { 0 };
	struct launch l = launch_of(&p, env, &fault), large = launch_of(&many, NULL, &fault);

	memset(long_word, 'x', sizeof(long_word) - 1);
	ck_assert_ptr_null(start_take(starts, &l));
	ck_assert_ptr_null(start_take(starts, &large));
	starts_free(starts);
	loop_free(loop);
}

END_TEST

/* A plan that is dropped meanwhile is freed by the last who has started from it: a leak or a second free would be found. */
START_TEST(plan_outlives_those_who_start_from_it)
{
	struct loop *loop = loop_new();
	struct starts *starts = starts_new(loop, ignore_stuck, NULL);
	struct service_conf conf = service("/bin/true");
	struct plan *p = plan_new(&conf, &origin);
	char *env[] = { NULL };
	struct launch_fault fault = { 0 };
	struct launch l = launch_of(p, env, &fault);
	struct start *s[3];

	p->env_fixed = 0;
	for (size_t i = 0; i < 3; i++) {
		s[i] = start_take(starts, &l);
		ck_assert_ptr_nonnull(s[i]);
		start_begun(starts, s[i], getpid());
	}
	ck_assert_uint_eq(p->starting, 3);
	plan_free(p);
	ck_assert_str_eq(p->path, "/bin/true");
	for (size_t i = 0; i < 3; i++)
		s[i]->word = START_HAS_ENDED;
	starts_free(starts);
	loop_free(loop);
}

END_TEST

/* Children that have not become their program yet are waited for, each once, and after one that took too long none for a while. */
START_TEST(nobody_is_waited_for_twice)
{
	struct loop *loop = loop_new();
	struct starts *starts = starts_new(loop, ignore_stuck, NULL);
	char *env[] = { NULL };
	struct plan p = { .env_fixed = 0 };
	struct launch_fault fault = { 0 };
	struct launch l = launch_of(&p, env, &fault);
	struct start *s[64], *first = NULL;
	size_t count = 0;

	while (first == NULL) {
		s[count] = start_take(starts, &l);
		ck_assert_ptr_nonnull(s[count]);
		s[count]->word = START_IS_APART;
		start_begun(starts, s[count], getpid());
		ck_assert(!s[count]->is_slow);
		first = s[0]->is_slow ? s[0] : NULL;
		ck_assert_uint_lt(++count, 64);
	}
	for (size_t i = 1; i < count; i++)
		ck_assert(!s[i]->is_slow);
	for (size_t i = 0; i < 2; i++)
		start_begun(starts, start_take(starts, &l), -EAGAIN);
	ck_assert(!s[1]->is_slow);
	first->word = START_HAS_ENDED;
	for (size_t i = 1; i < count; i++)
		s[i]->word = START_HAS_ENDED;
	starts_free(starts);
	ck_assert_uint_eq(p.starting, 0);
	loop_free(loop);
}

END_TEST

static bool
is_mapped(struct start *s)
{
	unsigned char resident;
	char *page = (char *)s - (uintptr_t)s % (uintptr_t)sysconf(_SC_PAGESIZE);

	return mincore(page, 1, &resident) == 0;
}

static struct starts *
starts_of_one_processor(struct loop *loop)
{
	struct starts *starts;
	cpu_set_t all, one;
	int cpu = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	starts = starts_new(loop, ignore_stuck, NULL);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(all), &all), 0);
	return starts;
}

/* As many stay as usually are needed. */
START_TEST(memory_of_a_rush_is_given_back)
{
	struct loop *loop = loop_new();
	struct starts *starts = starts_of_one_processor(loop);
	char *env[] = { NULL };
	struct plan p = { .env_fixed = 0 };
	struct launch_fault fault = { 0 };
	struct launch l = launch_of(&p, env, &fault);
	struct start *s[64];
	unsigned mapped = ARRAY_LEN(s);

	for (size_t i = 0; i < ARRAY_LEN(s); i++) {
		s[i] = start_take(starts, &l);
		ck_assert_ptr_nonnull(s[i]);
		start_begun(starts, s[i], getpid());
		/* None is waited for. */
		s[i]->is_slow = true;
	}
	for (size_t i = 0; i < ARRAY_LEN(s); i++) {
		s[i]->word = START_HAS_ENDED;
		ck_assert(is_mapped(s[i]));
	}
	for (int turns = 0; mapped == ARRAY_LEN(s) && turns < 3; turns++) {
		loop_turn(loop, 2 * START_STOPPED_MS);
		mapped = 0;
		for (size_t i = 0; i < ARRAY_LEN(s); i++)
			mapped += is_mapped(s[i]);
	}
	ck_assert_uint_gt(mapped, 0);
	ck_assert_uint_lt(mapped, ARRAY_LEN(s));
	ck_assert_ptr_nonnull(start_take(starts, &l));
	starts_free(starts);
	loop_free(loop);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(memory_that_is_dumpable_can_be_read_by_the_services_user, 2),
		TEST(score_of_a_child_that_shares_memory_is_the_daemons),
		TEST(score_is_reset_by_a_process_that_shares_nothing),
		TEST(words_of_a_connection_are_its_own),
		TEST(what_is_too_long_is_not_shared),
		TEST(plan_outlives_those_who_start_from_it),
		TEST(nobody_is_waited_for_twice),
		TEST(memory_of_a_rush_is_given_back),
	};

	return run_suite("start", tests, ARRAY_LEN(tests));
}
