/* SPDX-License-Identifier: MIT */
/* The backend for many descriptors: epoll(7). What a watcher wants is noted in a list, and told to the kernel right before
 * the wait, so that one that is held and released within a turn costs no system call. One that wants nothing is taken out:
 * epoll would report its hang-up all the same. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rate.h"
#include "loop/backend.h"

/* Watchers that are called in one turn at most. The kernel puts those behind the others that it has reported, so that the
 * rest follow in the next turns. */
#define EVENTS_A_TURN 256
/* Numbers below are for connections, which are passed on. */
/* What could not be watched for want of memory is tried again after this time at the latest. */
#define RETRY_MS      100
#define MESSAGE_MS    60000

_Static_assert(
    EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLHUP == POLLHUP && EPOLLERR == POLLERR,
    "poll's and epoll's events have the same values");

struct epoll_set {
	int fd;
	/* Those whose want the kernel may not know; their slot is the place + 1. */
	struct loop_io **changed;
	unsigned changed_count, changed_room;
	struct rate failures;
	struct epoll_event event[EVENTS_A_TURN];
};

static void *
epoll_open(void)
{
	int low = epoll_create1(EPOLL_CLOEXEC);
	int fd = low < 0 ? -1 : descriptor_high(low);
	struct epoll_set *set;

	if (low < 0)
		return NULL;
	set = mem_alloc(sizeof(*set));
	set->fd = fd >= 0 ? fd : low;
	return set;
}

/* Tells the kernel what io wants. 0 or -errno. */
static int
tell(const struct epoll_set *set, struct loop_io *io, short want)
{
	struct epoll_event event = { .events = (uint32_t)want, .data.ptr = io };
	int op = io->known == 0 ? EPOLL_CTL_ADD : want == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

	if (want == io->known)
		return 0;
	if (epoll_ctl(set->fd, op, io->fd, &event) < 0) {
		/* One that was closed while it was watched could go on being reported, for a child may still
		 * have it open. */
		assert(errno != EBADF && errno != ENOENT);
		return -errno;
	}
	io->known = want;
	return 0;
}

static void
note(struct epoll_set *set, struct loop_io *io)
{
	if (io->slot != LOOP_SLOT_IDLE)
		return;
	if (set->changed_count == set->changed_room) {
		set->changed_room = set->changed_room == 0 ? 16 : 2 * set->changed_room;
		set->changed = mem_grow(set->changed, set->changed_room, sizeof(struct loop_io *));
	}
	set->changed[set->changed_count] = io;
	io->slot = ++set->changed_count;
}

static int
epoll_add(void *state, struct loop_io *io)
{
	int r;

	io->known = 0;
	r = tell(state, io, io->want);
	if (r < 0)
		note(state, io);
	return r;
}

static void
epoll_update(void *state, struct loop_io *io)
{
	if (io->want != io->known)
		note(state, io);
}

static void
epoll_remove(void *state, struct loop_io *io)
{
	struct epoll_set *set = state;

	if (io->slot != LOOP_SLOT_IDLE) {
		struct loop_io *last = set->changed[--set->changed_count];

		set->changed[io->slot - 1] = last;
		last->slot = io->slot;
		io->slot = LOOP_SLOT_IDLE;
	}
	tell(set, io, 0);
}

static void
say_failed(struct epoll_set *set, int error)
{
	unsigned left_out;

	if (rate_allows(&set->failures, clock_now_ms(), MESSAGE_MS, &left_out))
		log_error("event=watch-failed error=\"%s\" left-out=%u", strerror(error), left_out);
}

/* True if the kernel knows everything now; what it does not take stays in the list. */
static bool
tell_changes(struct epoll_set *set)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < set->changed_count; i++) {
		struct loop_io *io = set->changed[i];
		int r = tell(set, io, io->want);

		io->slot = LOOP_SLOT_IDLE;
		if (r == 0)
			continue;
		say_failed(set, -r);
		set->changed[kept] = io;
		io->slot = ++kept;
	}
	set->changed_count = kept;
	return kept == 0;
}

static int
epoll_wait_ready(void *state, struct loop_ready *ready, int timeout_ms)
{
	struct epoll_set *set = state;
	int count;

	if (!tell_changes(set) && (timeout_ms < 0 || timeout_ms > RETRY_MS))
		timeout_ms = RETRY_MS;
	count = epoll_wait(set->fd, set->event, EVENTS_A_TURN, timeout_ms);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++)
		ready[i] = (struct loop_ready){ .io = set->event[i].data.ptr,
			.got = (short)set->event[i].events };
	return count;
}

static void
epoll_close(void *state)
{
	struct epoll_set *set = state;

	close(set->fd);
	free(set->changed);
	free(set);
}

const struct loop_backend loop_epoll_backend = {
	.name = "epoll",
	.open = epoll_open,
	.add = epoll_add,
	.update = epoll_update,
	.remove = epoll_remove,
	.wait = epoll_wait_ready,
	.close = epoll_close,
};
