/* SPDX-License-Identifier: MIT */
#include "serve/datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "policy/sources.h"
#include "serve/arrival.h"
#include "serve/builtin.h"

/* What belongs to one client. */
#define SOURCE_V6_BITS 64

/* One datagram at a time is worked on, in one thread. */
static char request[ARRIVAL_SIZE];
static char answer[ARRIVAL_SIZE];

/* Sources that answer whatever they get: two of them would talk for ever, or to a victim. Below
 * 1024 all are refused. */
static bool
is_automaton(uint16_t port)
{
	static const uint16_t ports[] = {
		1434,  /* SQL Server browser */
		1900,  /* SSDP */
		3283,  /* Apple Remote Desktop */
		3478,  /* STUN */
		3702,  /* WS-Discovery */
		5060,  /* SIP */
		5353,  /* multicast DNS */
		5683,  /* CoAP */
		11211, /* memcached */
		27015, /* Source engine */
		27960, /* Quake 3 */
		32414, /* Plex discovery */
		37810, /* DVR discovery */
	};

	for (size_t i = 0; i < ARRAY_LEN(ports); i++)
		if (ports[i] == port)
			return true;
	return port < 1024;
}

/* A service elsewhere that answers whatever it gets, at a port that nobody knows, and one of ours would answer each other
 * without end, once somebody has forged one datagram. It ends with the first that is not answered. */
static bool
has_had_enough(const struct addr *peer)
{
	static const struct rate_conf rule = { .count = 100, .period_ms = 1000, .burst = 1000 };
	static struct sources *seen;

	if (seen == NULL)
		seen = sources_new();
	return !sources_take(seen, peer, SOURCE_V6_BITS, &rule, clock_now_ms());
}

static bool
is_answered(const struct arrival *a, const struct addr *peer, const struct datagram_rules *rules)
{
	if (rules->is_refused != NULL && rules->is_refused(peer, rules->arg))
		return false;
	/* An answer to what was sent to many would come from each of them. */
	if (!arrival_is_one_host(peer) || is_automaton(addr_port(peer)) || arrival_was_for_many(a))
		return false;
	if (rules->is_own != NULL && rules->is_own(peer, rules->arg))
		return false;
	return !has_had_enough(peer);
}

static void
put_control(struct msghdr *message, int level, int type, const void *info, size_t size)
{
	struct cmsghdr *c = message->msg_control;

	message->msg_controllen = CMSG_SPACE(size);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), info, size);
}

/* From the address it was sent to: a client would drop an answer from another one. An answer that
 * cannot be sent at once is lost, as datagrams may be. */
static void
send_answer(int fd, struct arrival *a, size_t len)
{
	struct iovec iov = { .iov_base = answer, .iov_len = len };

	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = { 0 };
	struct msghdr message = {
		.msg_name = &a->from.u,
		.msg_namelen = a->from.len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
	};

	/* The way out is for the routing table to find; a link-local client carries its interface
	 * itself. */
	if (a->has_v4) {
		const struct in_pktinfo info = { .ipi_spec_dst = a->v4.ipi_spec_dst };

		put_control(&message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (a->has_v6) {
		const struct in6_pktinfo info = { .ipi6_addr = a->v6.ipi6_addr };

		put_control(&message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	} else
		message.msg_control = NULL;
	(void)sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

unsigned
datagram_serve(int fd, const struct builtin *b, const struct datagram_rules *rules, unsigned budget,
    time_t now)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < budget; i++) {
		struct arrival a;
		struct addr peer;
		ssize_t len;
		int r = arrival_take(fd, &a, request, sizeof(request));

		if (r == -EAGAIN)
			break;
		/* What ICMP reported of an earlier answer, or a datagram that is too long: on to
		 * the next one. */
		if (r < 0)
			continue;
		taken++;
		peer = a.from;
		addr_canonical(&peer);
		if (!is_answered(&a, &peer, rules))
			continue;
		len = b->datagram(request, a.len, answer, sizeof(answer), now);
		if (len >= 0)
			send_answer(fd, &a, (size_t)len);
		if (rules->on_answer != NULL)
			rules->on_answer(&peer, rules->arg);
	}
	return taken;
}
