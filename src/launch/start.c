/* SPDX-License-Identifier: MIT */
#include "launch/start.h"

#include <errno.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/raw.h"
#include "launch/environment.h"

/* How many there may be at a time, and of one plan. */
#define STARTS_MOST        128
#define PLAN_MOST          64
/* Pages are touched only as they are used. */
#define STACK_SIZE         65536
#define GUARD_SIZE         65536
/* Of the stack: a child needs no more, as a rule, and what it works from begins in the middle of that page. */
#define STACK_TOP          2048
#define WORDS_SIZE         7168
/* Beyond so many for each processor the daemon lets children go ahead of it, and for how long, see go_ahead. */
#define STARTS_A_PROCESSOR 4
#define AHEAD_NS           2000000
#define REST_US            20000

TAILQ_HEAD(start_list, start);

struct starts {
	struct loop *loop;
	struct loop_timer timer;
	bool is_timed;
	struct start_list free,
	    begun;                  /* the ones used last, and those that began first, in front */
	unsigned count;             /* of all that were made */
	unsigned quick, quick_most; /* of those that have begun and are not slow */
	int64_t rest_us;            /* nobody is waited for before, on the monotonic clock */
	const char *machine;        /* what never changes */
	const char *obstacle;
	void (*on_stuck)(void *arg, pid_t pid);
	void *arg;
};

/* One mapping: room that is not to be touched, a stack that grows down to it, and behind the stack the rest. The words' pointers come
 * first, then the text of those that belong to the connection. */
struct room {
	char guard[GUARD_SIZE];
	char stack[STACK_SIZE + STACK_TOP];
	struct start start;
	char *words[WORDS_SIZE / sizeof(char *)];
};

/* ---- whether it is safe here ---- */

/* Without side effect while no thread shares the descriptors: there is none from that number on. */
static bool
can_unshare(void)
{
	return raw_close_range(~0U, ~0U, CLOSE_RANGE_UNSHARE) >= 0;
}

/* It knows no such processes. */
static bool
is_under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

static const char *
machine_obstacle(void)
{
	if (!RAW_IS_BARE)
		return "not on this processor";
	if (!can_unshare())
		return "the kernel is older than 5.9, or refuses it";
	return is_under_valgrind() ? "under valgrind" : NULL;
}

/* A core dump of one process ends all that share its memory. */
static bool
kernel_dumps_sharers(void)
{
	struct utsname u;
	unsigned long major, minor;
	char *end;

	if (uname(&u) < 0)
		return true;
	major = strtoul(u.release, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return major < 5 || (major == 5 && minor < 16);
}

/* proc(5), /proc/sys/fs/suid_dumpable. -1: it cannot be read. */
static long
suid_dumpable(void)
{
	FILE *f = fopen("/proc/sys/fs/suid_dumpable", "re");
	char text[16] = "", *end;
	long value;

	if (f == NULL)
		return -1;
	(void)!fgets(text, sizeof(text), f);
	fclose(f);
	value = strtol(text, &end, 10);
	return end != text ? value : -1;
}

void
starts_look(struct starts *t)
{
	const long dumpable = suid_dumpable();

	t->obstacle = t->machine;
	if (t->obstacle != NULL || dumpable == 0)
		return;
	if (dumpable < 0)
		t->obstacle = "fs.suid_dumpable cannot be read";
	else if (dumpable == 1)
		t->obstacle = "fs.suid_dumpable is 1";
	else if (kernel_dumps_sharers())
		t->obstacle = "fs.suid_dumpable is not 0 and the kernel older than 5.16";
}

const char *
starts_obstacle(const struct starts *t)
{
	return t->obstacle;
}

void
starts_forbid(struct starts *t, const char *why)
{
	t->obstacle = why;
}

/* ---- those that have begun ---- */

static int
word_of(const struct start *s)
{
	return __atomic_load_n(&s->word, __ATOMIC_ACQUIRE);
}

static void
give(struct starts *t, struct start *s)
{
	TAILQ_INSERT_HEAD(&t->free, s, link);
}

/* Somebody has set fs.suid_dumpable since it was looked at. */
static void
check_memory(struct starts *t, const struct start *s)
{
	if (!s->launch.fault->was_open || t->obstacle != NULL)
		return;
	t->obstacle = "fs.suid_dumpable was set to 1";
	log_warn("event=memory-not-shared reason=\"%s\"", t->obstacle);
}

/* True if it has become its program, or has ended. */
static bool
collect(struct starts *t, struct start *s)
{
	if (word_of(s) != START_HAS_ENDED)
		return false;
	check_memory(t, s);
	TAILQ_REMOVE(&t->begun, s, link);
	if (!s->is_slow)
		t->quick--;
	plan_release(s->plan);
	s->plan = NULL;
	give(t, s);
	return true;
}

static void
collect_all(struct starts *t)
{
	struct start *s, *next;

	for (s = TAILQ_FIRST(&t->begun); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		collect(t, s);
	}
}

/* proc(5), /proc/pid/stat: the state stands behind the name. */
static bool
is_stopped(pid_t pid)
{
	char path[32], text[128] = "";
	const char *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	state = strrchr(text, ')');
	return state != NULL && (strncmp(state, ") T", 3) == 0 || strncmp(state, ") t", 3) == 0);
}

/* The word of one says that it lives, so that its pid is still its own. */
static void
kill_stuck(const struct starts *t, struct start *s)
{
	t->on_stuck(t->arg, s->pid);
	kill(s->pid, SIGKILL);
	s->is_killed = true;
}

static void
end_stuck(struct starts *t, struct start *s, int64_t now_ms)
{
	const int64_t age_ms = now_ms - s->begun_ms;

	if (s->is_killed)
		return;
	if (age_ms < START_MOST_MS && (age_ms < START_STOPPED_MS || !is_stopped(s->pid)))
		return;
	kill_stuck(t, s);
}

/* Down to so many that are free. */
static void
unmap_free(struct starts *t, unsigned keep)
{
	struct start *s, *next;

	for (s = TAILQ_FIRST(&t->free); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (keep > 0) {
			keep--;
			continue;
		}
		TAILQ_REMOVE(&t->free, s, link);
		t->count--;
		munmap((char *)s - offsetof(struct room, start), sizeof(struct room));
	}
}

/* What a rush has needed is given back after it. */
static void
on_timer(struct loop_timer *timer, int64_t now_ms)
{
	struct starts *t = timer->arg;
	struct start *s;

	collect_all(t);
	TAILQ_FOREACH(s, &t->begun, link)
		end_stuck(t, s, now_ms);
	t->is_timed = !TAILQ_EMPTY(&t->begun);
	if (t->is_timed)
		loop_timer_set(t->loop, timer, now_ms + START_STOPPED_MS);
	else
		unmap_free(t, t->quick_most);
}

void
starts_leave(struct starts *t)
{
	struct start *s;

	collect_all(t);
	TAILQ_FOREACH(s, &t->begun, link)
		if (is_stopped(s->pid))
			kill_stuck(t, s);
}

static unsigned
processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (unsigned)CPU_COUNT(&set);
}

struct starts *
starts_new(struct loop *loop, void (*on_stuck)(void *arg, pid_t pid), void *arg)
{
	struct starts *t = mem_alloc(sizeof(*t));

	t->loop = loop;
	t->timer = (struct loop_timer){ .fn = on_timer, .arg = t };
	t->on_stuck = on_stuck;
	t->arg = arg;
	TAILQ_INIT(&t->free);
	TAILQ_INIT(&t->begun);
	t->quick_most = STARTS_A_PROCESSOR * processors();
	t->machine = machine_obstacle();
	starts_look(t);
	return t;
}

void
starts_free(struct starts *t)
{
	if (t == NULL)
		return;
	collect_all(t);
	unmap_free(t, 0);
	loop_timer_stop(t->loop, &t->timer);
	free(t);
}

/* ---- a new one ---- */

static struct start *
make(struct starts *t)
{
	struct room *p = MAP_FAILED;

	if (t->count < STARTS_MOST)
		p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p->guard, sizeof(p->guard), PROT_NONE) < 0) {
		munmap(p, sizeof(*p));
		return NULL;
	}
	p->start.stack = p->stack + sizeof(p->stack);
	p->start.words = p->words;
	t->count++;
	return &p->start;
}

static void
slow_down(struct starts *t, struct start *s)
{
	s->is_slow = true;
	t->quick--;
}

/* Were the daemon always ahead of its children, all clients would be served side by side, and some of them very late. So few
 * begin at a time for each processor. Nobody can make this take long: each is waited for once, and after one that took too long, be
 * it that its user has stopped it or that others need the processors, none for a while. */
static void
go_ahead(struct starts *t)
{
	const struct timespec most = { .tv_nsec = AHEAD_NS };
	struct start *s, *next;

	collect_all(t);
	if (t->quick < t->quick_most || clock_now_us() < t->rest_us)
		return;
	for (s = TAILQ_FIRST(&t->begun); s != NULL && t->quick >= t->quick_most; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->is_slow)
			continue;
		raw_futex_wait(&s->word, START_IS_APART, &most);
		if (collect(t, s))
			continue;
		slow_down(t, s);
		t->rest_us = clock_now_us() + REST_US;
		return;
	}
}

static struct start *
find_free(struct starts *t)
{
	struct start *s = TAILQ_FIRST(&t->free);

	if (s == NULL)
		return make(t);
	TAILQ_REMOVE(&t->free, s, link);
	return s;
}

/* Of those up to NULL. */
static size_t
count_words(char *const *words)
{
	size_t count = 0;

	while (words[count] != NULL)
		count++;
	return count;
}

/* The words of the plan stay where they are; those of the connection are written anew for the next one. */
static bool
copy_environment(struct start *s, const struct launch *l)
{
	const size_t fixed = l->plan->env_fixed;
	char *to, *const end = (char *)s->words + WORDS_SIZE;
	size_t count;

	if (fixed + ENVIRONMENT_TAIL > WORDS_SIZE / sizeof(*s->words))
		return false;
	count = fixed + count_words(l->env + fixed);
	to = (char *)(s->words + count + 1);
	memcpy(s->words, l->env, fixed * sizeof(*s->words));
	for (size_t i = fixed; i < count; i++) {
		const size_t len = strlen(l->env[i]) + 1;

		if (len > (size_t)(end - to))
			return false;
		s->words[i] = memcpy(to, l->env[i], len);
		to += len;
	}
	s->words[count] = NULL;
	s->launch.env = s->words;
	return true;
}

struct start *
start_take(struct starts *t, const struct launch *l)
{
	struct start *s;

	go_ahead(t);
	s = l->plan->starting < PLAN_MOST ? find_free(t) : NULL;
	if (s == NULL)
		return NULL;
	s->launch = *l;
	if (!copy_environment(s, l)) {
		give(t, s);
		return NULL;
	}
	s->word = START_BEGINS;
	return s;
}

void
start_begun(struct starts *t, struct start *s, pid_t pid)
{
	if (pid <= 0) {
		give(t, s);
		return;
	}
	s->pid = pid;
	s->begun_ms = clock_now_ms();
	s->plan = s->launch.plan;
	s->plan->starting++;
	s->is_slow = s->is_killed = false;
	t->quick++;
	TAILQ_INSERT_TAIL(&t->begun, s, link);
	if (t->is_timed)
		return;
	t->is_timed = true;
	loop_timer_set(t->loop, &t->timer, s->begun_ms + START_STOPPED_MS);
}
