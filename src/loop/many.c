/* SPDX-License-Identifier: MIT */
#include "loop/many.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/descriptor.h"

static void
on_ready(struct loop_io *io, short got)
{
	struct many *m = io->arg;

	(void)got;
	m->ready_count = epoll_wait(io->fd, m->ready, MANY_A_TURN, 0);
	for (int i = 0; i < m->ready_count; i++) {
		struct many_member *member = m->ready[i].data.ptr;

		m->ready[i].data.ptr = NULL;
		if (member != NULL)
			member->fn(member->arg);
	}
	m->ready_count = 0;
}

int
many_init(struct many *m, struct loop *loop, enum loop_order order)
{
	int low, fd;

	*m = (struct many){
		.loop = loop,
		.order = order,
		.io = { .fd = -1, .order = order, .fn = on_ready, .arg = m },
	};
	if (loop_is_epoll(loop))
		return 0;
	low = epoll_create1(EPOLL_CLOEXEC);
	fd = low < 0 ? -errno : descriptor_high(low);
	if (fd < 0) {
		if (low >= 0)
			close(low);
		return fd;
	}
	m->io.fd = fd;
	loop_add(loop, &m->io);
	return 0;
}

void
many_done(struct many *m)
{
	assert(m->count == 0);
	if (m->io.fd < 0)
		return;
	loop_del(m->loop, &m->io);
	close(m->io.fd);
	m->io.fd = -1;
}

static void
on_member(struct loop_io *io, short got)
{
	const struct many_member *member = io->arg;

	(void)got;
	member->fn(member->arg);
}

static int
add_to_loop(struct many *m, struct many_member *member)
{
	int r;

	member->io = (struct loop_io){
		.fd = member->fd, .want = POLLIN, .order = m->order, .fn = on_member, .arg = member
	};
	r = loop_add(m->loop, &member->io);
	if (r < 0)
		loop_del(m->loop, &member->io);
	return r;
}

static int
add_to_epoll(struct many *m, struct many_member *member)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = member };

	if (epoll_ctl(m->io.fd, EPOLL_CTL_ADD, member->fd, &event) < 0)
		return -errno;
	if (m->count == 0)
		loop_want(m->loop, &m->io, POLLIN);
	return 0;
}

int
many_add(struct many *m, struct many_member *member)
{
	int r = m->io.fd < 0 ? add_to_loop(m, member) : add_to_epoll(m, member);

	if (r == 0)
		m->count++;
	return r;
}

void
many_del(struct many *m, struct many_member *member)
{
	m->count--;
	if (m->io.fd < 0) {
		loop_del(m->loop, &member->io);
		return;
	}
	epoll_ctl(m->io.fd, EPOLL_CTL_DEL, member->fd, NULL);
	if (m->count == 0)
		loop_want(m->loop, &m->io, 0);
	for (int i = 0; i < m->ready_count; i++)
		if (m->ready[i].data.ptr == member)
			m->ready[i].data.ptr = NULL;
}
