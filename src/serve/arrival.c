/* SPDX-License-Identifier: MIT */
#include "serve/arrival.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Room for the address that a datagram was sent to, in both families. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

int
arrival_prepare(int fd, int family)
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

static int
receive(int fd, struct arrival *a, struct iovec iov, int flags)
{
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
	n = recvmsg(fd, &message, flags | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if ((message.msg_flags & MSG_TRUNC) != 0)
		return -EMSGSIZE;
	a->from.len = message.msg_namelen;
	a->len = (size_t)n;
	read_control(a, &message);
	return 0;
}

int
arrival_take(int fd, struct arrival *a, void *buffer, size_t size)
{
	return receive(fd, a, (struct iovec){ buffer, size }, 0);
}

int
arrival_look(int fd, struct arrival *a, void *buffer, size_t size)
{
	return receive(fd, a, (struct iovec){ buffer, size }, MSG_PEEK);
}

bool
arrival_local(const struct arrival *a, uint16_t port, struct addr *local)
{
	struct addr out = { 0 };

	if (a->has_v4) {
		addr_any(&out, AF_INET, port);
		out.u.in.sin_addr = a->v4.ipi_spec_dst;
	} else if (a->has_v6) {
		addr_any(&out, AF_INET6, port);
		out.u.in6.sin6_addr = a->v6.ipi6_addr;
		if (IN6_IS_ADDR_LINKLOCAL(&a->v6.ipi6_addr))
			out.u.in6.sin6_scope_id = a->v6.ipi6_ifindex;
		addr_canonical(&out);
	}
	if (out.len == 0 || !arrival_is_one_host(&out))
		return false;
	*local = out;
	return true;
}

bool
arrival_was_for_many(const struct arrival *a)
{
	if (a->has_v4)
		return a->v4.ipi_addr.s_addr != a->v4.ipi_spec_dst.s_addr;
	return a->has_v6 && IN6_IS_ADDR_MULTICAST(&a->v6.ipi6_addr);
}

bool
arrival_is_one_host(const struct addr *a)
{
	if (addr_family(a) == AF_INET) {
		const uint32_t v4 = ntohl(a->u.in.sin_addr.s_addr);

		return v4 >> 24 != 0 && v4 < 0xe0000000;
	}
	return addr_family(a) == AF_INET6 && !addr_is_any(a) &&
	       !IN6_IS_ADDR_MULTICAST(&a->u.in6.sin6_addr);
}
