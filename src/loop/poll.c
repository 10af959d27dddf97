/* SPDX-License-Identifier: MIT */
/* The reference backend: poll(2) over a dense array; removal moves the last one into the gap. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/mem.h"
#include "loop/backend.h"

struct poll_set {
	struct pollfd *fd;
	struct loop_io **io; /* parallel to fd */
	unsigned count, room;
};

static void *
poll_open(void)
{
	return mem_alloc(sizeof(struct poll_set));
}

static void
watch(struct poll_set *set, struct loop_io *io)
{
	if (set->count == set->room) {
		set->room = set->room == 0 ? 16 : 2 * set->room;
		set->fd = mem_grow(set->fd, set->room, sizeof(*set->fd));
		set->io = mem_grow(set->io, set->room, sizeof(struct loop_io *));
	}
	set->fd[set->count] = (struct pollfd){ .fd = io->fd };
	set->io[set->count] = io;
	io->slot = ++set->count;
}

static void
unwatch(struct poll_set *set, struct loop_io *io)
{
	const unsigned at = io->slot - 1;

	set->count--;
	set->fd[at] = set->fd[set->count];
	set->io[at] = set->io[set->count];
	set->io[at]->slot = at + 1;
	io->slot = LOOP_SLOT_IDLE;
}

static void
poll_remove(void *state, struct loop_io *io)
{
	if (io->slot != LOOP_SLOT_IDLE)
		unwatch(state, io);
}

static void
poll_update(void *state, struct loop_io *io)
{
	struct poll_set *set = state;

	if (io->want == 0) {
		poll_remove(set, io);
		return;
	}
	if (io->slot == LOOP_SLOT_IDLE)
		watch(set, io);
	set->fd[io->slot - 1].events = io->want;
}

static int
poll_add(void *state, struct loop_io *io)
{
	poll_update(state, io);
	return 0;
}

static int
poll_wait(void *state, struct loop_ready *ready, int timeout_ms)
{
	const struct poll_set *set = state;
	int left = poll(set->fd, set->count, timeout_ms), count = 0;

	if (left < 0)
		return -errno;
	for (unsigned i = 0; i < set->count && left > 0; i++) {
		if (set->fd[i].revents == 0)
			continue;
		/* A descriptor that was closed while it was watched would be ready for ever. */
		assert((set->fd[i].revents & POLLNVAL) == 0);
		ready[count++] = (struct loop_ready){ .io = set->io[i], .got = set->fd[i].revents };
		left--;
	}
	return count;
}

static void
poll_close(void *state)
{
	struct poll_set *set = state;

	free(set->fd);
	free(set->io);
	free(set);
}

const struct loop_backend loop_poll_backend = {
	.name = "poll",
	.open = poll_open,
	.add = poll_add,
	.update = poll_update,
	.remove = poll_remove,
	.wait = poll_wait,
	.close = poll_close,
};
