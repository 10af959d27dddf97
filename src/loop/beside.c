/* SPDX-License-Identifier: MIT */
/*
 * The daemon goes on to start programs while a thread works. That is safe in all ways of starting one: those that share its
 * memory, or have copied it with a bare system call, make system calls alone until they are another program. Children of fork(3)
 * find the locks of the C library's memory and streams free: fork sees to that. Other locks of the library are those of its
 * look-ups, of users or of hosts; no thread of ours takes them, see conf/names.h, so that a child may look up what it wants.
 *
 * The thread is as nice as the loop: fork waits for the lock of each part of the heap, and who is nice keeps others waiting.
 */
#include "loop/beside.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/mem.h"

/* Room for paths and for what libraries may need; the deepest calls are those of files that include each other. */
#define STACK_BYTES (1u << 20)

struct beside {
	struct loop *loop;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
	pthread_t thread;
	bool has_thread;
	struct loop_io io;       /* readable when the thread has ended; fd -1: there is none */
	struct loop_timer timer; /* of work that was done in the loop */
};

static void *
run(void *arg)
{
	struct beside *b = arg;
	const uint64_t one = 1;

	b->work(b->arg);
	(void)!write(b->io.fd, &one, sizeof(one));
	return NULL;
}

void
beside_finish(struct beside *b)
{
	if (b->has_thread)
		pthread_join(b->thread, NULL);
	if (b->io.fd >= 0) {
		loop_del(b->loop, &b->io);
		close(b->io.fd);
	}
	loop_timer_stop(b->loop, &b->timer);
	loop_defer(b->loop, free, b);
	b->done(b->arg);
}

static void
on_end(struct loop_io *io, short got)
{
	(void)got;
	beside_finish(io->arg);
}

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	(void)now_ms;
	beside_finish(t->arg);
}

/* A thread starts with the mask of who makes it. */
static bool
make_thread(struct beside *b)
{
	sigset_t all, before;
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) != 0)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	b->has_thread = pthread_attr_setstacksize(&attr, STACK_BYTES) == 0 &&
			pthread_create(&b->thread, &attr, run, b) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return b->has_thread;
}

/* The descriptor is one that the daemon keeps. */
static int
open_event(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int high = fd >= 0 ? descriptor_high(fd) : -1;

	return high >= 0 ? high : fd;
}

struct beside *
beside_start(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct beside *b = mem_alloc(sizeof(*b));

	*b = (struct beside){ .loop = loop, .work = work, .done = done, .arg = arg };
	b->timer = (struct loop_timer){ .fn = on_timer, .arg = b };
	b->io = (struct loop_io){
		.fd = open_event(), .want = POLLIN, .order = LOOP_PIPES, .fn = on_end, .arg = b
	};
	if (b->io.fd >= 0 && make_thread(b)) {
		loop_add(loop, &b->io);
		return b;
	}
	if (b->io.fd >= 0)
		close(b->io.fd);
	b->io.fd = -1;
	work(arg);
	loop_timer_set(loop, &b->timer, clock_now_ms());
	return b;
}
