/* SPDX-License-Identifier: MIT */
#include "run/datagram.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/mem.h"
#include "run/builtin.h"

/* Longer than any datagram of IPv4 or IPv6. */
#define DATAGRAM_SIZE 65536

/* Room for the address that a datagram was sent to, in both families. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* A datagram as it came in. */
struct arrival {
	struct addr from; /* as the socket says it, maybe mapped */
	size_t len;
	bool has_v4, has_v6;
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
};

/* One datagram at a time is worked on, in one thread. */
static char request[DATAGRAM_SIZE];
static char answer[DATAGRAM_SIZE];

int
datagram_prepare(int fd, int family)
{
	const int on = 1;

	/* A dual-stack socket tells of IPv4 datagrams in IPv4's way. */
	if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
		return -errno;
	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static void
read_control(struct arrival *a, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&a->v4, CMSG_DATA(c), sizeof(a->v4));
			a->has_v4 = true;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&a->v6, CMSG_DATA(c), sizeof(a->v6));
			a->has_v6 = true;
		}
	}
}

/* 0, or -errno; -EMSGSIZE for one that does not fit. */
static int
take(int fd, struct arrival *a)
{
	struct iovec iov = { .iov_base = request, .iov_len = sizeof(request) };
	union control control;
	struct msghdr message = {
		.msg_name = &a->from.u,
		.msg_namelen = sizeof(a->from.u),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	*a = (struct arrival){ 0 };
	n = recvmsg(fd, &message, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if ((message.msg_flags & MSG_TRUNC) != 0)
		return -EMSGSIZE;
	a->from.len = message.msg_namelen;
	a->len = (size_t)n;
	read_control(a, &message);
	return 0;
}

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

/* "This network", multicast, the reserved range and broadcast are nobody's addresses. */
static bool
is_one_host(const struct addr *a)
{
	if (addr_family(a) == AF_INET) {
		const uint32_t v4 = ntohl(a->u.in.sin_addr.s_addr);

		return v4 >> 24 != 0 && v4 < 0xe0000000;
	}
	return addr_family(a) == AF_INET6 && !addr_is_any(a) &&
	       !IN6_IS_ADDR_MULTICAST(&a->u.in6.sin6_addr);
}

/* An answer to what was sent to many would come from each of them. */
static bool
was_for_many(const struct arrival *a)
{
	if (a->has_v4)
		return a->v4.ipi_addr.s_addr != a->v4.ipi_spec_dst.s_addr;
	return a->has_v6 && IN6_IS_ADDR_MULTICAST(&a->v6.ipi6_addr);
}

static bool
is_answered(const struct arrival *a, const struct addr *peer, const struct datagram_rules *rules)
{
	if (rules->is_refused != NULL && rules->is_refused(peer, rules->arg))
		return false;
	if (!is_one_host(peer) || is_automaton(addr_port(peer)) || was_for_many(a))
		return false;
	return rules->is_own == NULL || !rules->is_own(peer, rules->arg);
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
	union control control = { 0 };
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
		int r = take(fd, &a);

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
