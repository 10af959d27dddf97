/* SPDX-License-Identifier: MIT */
#include "net/replay.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/descriptor.h"

/* The loopback device takes packets of this size; an IPv6 datagram may be longer, and goes in two pieces then. */
#define LONGEST_PACKET 65536u
#define FIRST_PIECE    32768u
#define HOPS           64
#define SEGMENT_SIZE   65536u

/* A datagram behind its header. One at a time, in one thread. */
static struct {
	struct udphdr head;
	unsigned char data[SEGMENT_SIZE - sizeof(struct udphdr)];
} segment;

static struct {
	int family, fd; /* family 0: not open */
} raw[2];

static int
open_raw(int family)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	const int on = 1;
	int high;

	if (fd < 0)
		return -errno;
	/* IPPROTO_RAW implies that the header is ours with IPv4 (raw(7)); of IPv6 it is said since Linux 4.5. */
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on)) < 0)
		high = -errno;
	else
		high = descriptor_high(fd);
	if (high < 0)
		close(fd);
	return high;
}

/* The descriptor, or -errno. */
static int
find_raw(int family)
{
	const size_t i = family == AF_INET6;

	if (raw[i].family == 0) {
		int fd = open_raw(family);

		if (fd < 0)
			return fd;
		raw[i].family = family;
		raw[i].fd = fd;
	}
	return raw[i].fd;
}

int
replay_prepare(int family)
{
	int fd = find_raw(family);

	return fd < 0 ? fd : 0;
}

void
replay_done(void)
{
	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
		if (raw[i].family != 0)
			close(raw[i].fd);
		raw[i].family = 0;
	}
}

/* RFC 1071: 16 bits at a time, the highest byte first. All pieces but the last are of even length. */
static uint32_t
add(uint32_t sum, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	if (len == 1)
		sum += (uint32_t)p[0] << 8;
	return (sum & 0xffff) + (sum >> 16);
}

/* 0 would say that there is none. */
static uint16_t
finish(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? 0xffff : htons((uint16_t)~sum);
}

/* Fills the segment; what its checksum covers of the addresses is added already. Its length. */
static size_t
make_segment(
    uint32_t sum, const struct addr *from, const struct addr *to, const void *data, size_t len)
{
	const size_t size = sizeof(segment.head) + len;

	segment.head = (struct udphdr){
		.uh_sport = htons(addr_port(from)),
		.uh_dport = htons(addr_port(to)),
		.uh_ulen = htons((uint16_t)size),
	};
	if (len > 0)
		memcpy(segment.data, data, len);
	sum = add(sum, &segment, size);
	segment.head.uh_sum = finish(sum + IPPROTO_UDP + (uint32_t)size);
	return size;
}

static int
send_packet(int fd, const struct addr *to, struct iovec *parts, size_t count)
{
	struct addr target = *to;
	struct msghdr message = { .msg_name = &target.u,
		.msg_namelen = target.len,
		.msg_iov = parts,
		.msg_iovlen = count };

	/* Of a raw socket of IPv6 the port would be a protocol. */
	addr_set_port(&target, 0);
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int
send_v4(int fd, const struct addr *from, const struct addr *to, size_t size)
{
	/* Its length, id and checksum are filled in by the kernel (raw(7)). */
	struct iphdr head = {
		.version = 4,
		.ihl = sizeof(head) / 4,
		.ttl = HOPS,
		.protocol = IPPROTO_UDP,
		.saddr = from->u.in.sin_addr.s_addr,
		.daddr = to->u.in.sin_addr.s_addr,
	};
	struct iovec parts[] = { { &head, sizeof(head) }, { &segment, size } };

	return send_packet(fd, to, parts, 2);
}

/* size bytes of the segment from offset on, with a fragment header if it is not all of it. */
static int
send_piece(int fd, const struct addr *to, struct ip6_hdr *head, struct ip6_frag *fragment,
    struct iovec piece)
{
	struct iovec parts[] = { { head, sizeof(*head) }, { fragment, sizeof(*fragment) }, piece };

	head->ip6_nxt = fragment != NULL ? IPPROTO_FRAGMENT : IPPROTO_UDP;
	head->ip6_plen =
	    htons((uint16_t)(piece.iov_len + (fragment != NULL ? sizeof(*fragment) : 0)));
	if (fragment == NULL)
		parts[1].iov_len = 0;
	return send_packet(fd, to, parts, 3);
}

static int
send_v6(int fd, const struct addr *from, const struct addr *to, size_t size)
{
	static uint32_t ids;
	struct ip6_hdr head = { .ip6_src = from->u.in6.sin6_addr, .ip6_dst = to->u.in6.sin6_addr };
	struct ip6_frag fragment = { .ip6f_nxt = IPPROTO_UDP, .ip6f_offlg = IP6F_MORE_FRAG };
	unsigned char *bytes = (unsigned char *)&segment;
	int r;

	head.ip6_flow = htonl(6u << 28);
	head.ip6_hlim = HOPS;
	if (sizeof(head) + size <= LONGEST_PACKET)
		return send_piece(fd, to, &head, NULL, (struct iovec){ bytes, size });
	fragment.ip6f_ident = htonl(++ids);
	r = send_piece(fd, to, &head, &fragment, (struct iovec){ bytes, FIRST_PIECE });
	if (r < 0)
		return r;
	/* The offset stands in the upper 13 bits, in units of 8 bytes: the number as it is. */
	fragment.ip6f_offlg = htons(FIRST_PIECE);
	return send_piece(
	    fd, to, &head, &fragment, (struct iovec){ bytes + FIRST_PIECE, size - FIRST_PIECE });
}

int
replay_send(const struct addr *from, const struct addr *to, const void *data, size_t len)
{
	const bool is_v6 = addr_family(to) == AF_INET6;
	int fd = find_raw(addr_family(to));
	uint32_t sum = 0;
	size_t size;

	if (fd < 0)
		return fd;
	if (len > sizeof(segment.data) - 1)
		return -EMSGSIZE;
	if (is_v6) {
		sum = add(sum, &from->u.in6.sin6_addr, sizeof(struct in6_addr));
		sum = add(sum, &to->u.in6.sin6_addr, sizeof(struct in6_addr));
	} else {
		sum = add(sum, &from->u.in.sin_addr, sizeof(struct in_addr));
		sum = add(sum, &to->u.in.sin_addr, sizeof(struct in_addr));
	}
	size = make_segment(sum, from, to, data, len);
	return is_v6 ? send_v6(fd, from, to, size) : send_v4(fd, from, to, size);
}
