/* SPDX-License-Identifier: MIT */
#include "run/network_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/runtime.h"
#include "run/service.h"

/* What comes within this time is one event: a device that appears has several addresses. */
#define GATHER_MS       100
/* The rest is there in the next turn. */
#define MESSAGES_A_TURN 64u

struct network_watch {
	struct runtime *rt;
	struct loop_io io;
	struct loop_timer timer; /* runs from the first message on */
	bool is_trying;          /* listeners are told at this moment */
};

static int
open_socket(void)
{
	const struct sockaddr_nl groups = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), high;

	if (fd < 0)
		return -errno;
	high = bind(fd, (const struct sockaddr *)(const void *)&groups, sizeof(groups)) < 0
		   ? -errno
		   : descriptor_high(fd);
	if (high < 0)
		close(fd);
	return high;
}

/* What the messages say does not matter: the listeners try. A lost one (ENOBUFS) is as good as any. */
static void
on_message(struct loop_io *io, short got)
{
	struct network_watch *w = io->arg;
	char message[8192];
	ssize_t n = 0;

	(void)got;
	for (unsigned i = 0; i < MESSAGES_A_TURN && (n >= 0 || errno == ENOBUFS || errno == EINTR);
	     i++)
		n = recv(io->fd, message, sizeof(message), 0);
	if (!loop_timer_runs(&w->timer))
		loop_timer_set(w->rt->loop, &w->timer, clock_now_ms() + GATHER_MS);
}

static void
on_timer(struct loop_timer *t, int64_t now_ms)
{
	struct network_watch *w = t->arg;
	struct runtime *rt = w->rt;
	struct service *s;
	struct listener *l;

	(void)now_ms;
	w->is_trying = true;
	TAILQ_FOREACH(s, &rt->services, link)
		TAILQ_FOREACH(l, &s->listeners, link)
			listener_network_changed(l);
	w->is_trying = false;
	network_watch_settle(rt);
}

void
network_watch_open(struct runtime *rt)
{
	struct network_watch *w;
	int fd = rt->network == NULL ? open_socket() : -EALREADY;

	if (fd < 0) {
		if (fd != -EALREADY)
			log_debug("event=network-unwatched error=\"%s\"", strerror(-fd));
		return;
	}
	w = mem_alloc(sizeof(*w));
	w->rt = rt;
	w->io = (struct loop_io){
		.fd = fd, .want = POLLIN, .order = LOOP_PIPES, .fn = on_message, .arg = w
	};
	w->timer = (struct loop_timer){ .fn = on_timer, .arg = w };
	rt->network = w;
	loop_add(rt->loop, &w->io);
}

static bool
is_of_use(const struct runtime *rt)
{
	const struct service *s;
	const struct listener *l;

	TAILQ_FOREACH(s, &rt->services, link)
		TAILQ_FOREACH(l, &s->listeners, link)
			if (listener_heeds_network(l))
				return true;
	return false;
}

void
network_watch_settle(struct runtime *rt)
{
	if (rt->network != NULL && !rt->network->is_trying && !is_of_use(rt))
		network_watch_close(rt);
}

void
network_watch_close(struct runtime *rt)
{
	struct network_watch *w = rt->network;

	if (w == NULL)
		return;
	loop_del(rt->loop, &w->io);
	loop_timer_stop(rt->loop, &w->timer);
	close(w->io.fd);
	rt->network = NULL;
	loop_defer(rt->loop, free, w);
}
