/* SPDX-License-Identifier: MIT */
#include "functional/sources.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct listener *
find(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->listener_count; i++)
		if (strcmp(d->listeners[i].name, name) == 0)
			return &d->listeners[i];
	ck_abort_msg("no listener %s", name);
	return NULL;
}

static void
bind_to(int fd, const char *source)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	bool is_v6 = strchr(source, ':') != NULL;
	const int on = 1;

	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	if (is_v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	ck_assert_int_eq(is_v6 ? inet_pton(AF_INET6, source, &v6.sin6_addr)
			       : inet_pton(AF_INET, source, &v4.sin_addr),
	    1);
	int r = is_v6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6))
		      : bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	ck_assert_msg(r == 0, "bind to %s: %s", source, strerror(errno));
}

/* To a dual-stack listener an IPv4 client comes by IPv4. */
static int
connected(struct daemon *d, const char *name, const char *source, int type)
{
	const struct listener *l = find(d, name);
	bool is_v6 = strchr(source, ':') != NULL;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&l->addr;
	const struct sockaddr_in as_v4 = { .sin_family = AF_INET,
		.sin_port = v6->sin6_port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool is_other = l->addr.ss_family == AF_INET6 && !is_v6;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	bind_to(fd, source);
	int r = is_other ? connect(fd, (const struct sockaddr *)&as_v4, sizeof(as_v4))
			 : connect(fd, (const struct sockaddr *)&l->addr, l->len);
	if (r < 0)
		daemon_fail(d, "connect from %s: %s", source, strerror(errno));
	if (type == SOCK_DGRAM && !is_answered_at(fd)) {
		close(fd);
		return connected(d, name, source, type);
	}
	return fd;
}

int
connect_from(struct daemon *d, const char *name, const char *source)
{
	return connected(d, name, source, SOCK_STREAM);
}

int
datagram_from(struct daemon *d, const char *name, const char *source)
{
	return connected(d, name, source, SOCK_DGRAM);
}

int
hold_open_from(struct daemon *d, const char *name, const char *source)
{
	int fd = connect_from(d, name, source);

	ask_pid(fd);
	return fd;
}

void
expect_refused(struct daemon *d, const char *name, const char *source)
{
	int fd = connect_from(d, name, source);

	expect_closed(fd);
	close(fd);
}

void
upgrade_daemon(struct daemon *d)
{
	daemon_mark(d);
	daemon_signal(d, SIGUSR2);
	expect_notify(d, "RELOADING=1");
	expect_notify(d, "READY=1");
	expect_line(d, "event=upgraded version=*");
}

/* ---- a network of its own ---- */

struct route {
	struct nlmsghdr head;
	struct rtmsg message;
	char attributes[64];
};

static void
put(struct route *r, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + (unsigned)RTA_ALIGN(a->rta_len);
}

/* Every address of the prefix is one of this machine's. */
static bool
add_local(int fd, int family, const char *prefix, unsigned char length)
{
	struct route r = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
		    .nlmsg_type = RTM_NEWROUTE,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK },
		.message = { .rtm_family = (unsigned char)family,
		    .rtm_dst_len = length,
		    .rtm_table = RT_TABLE_LOCAL,
		    .rtm_protocol = RTPROT_BOOT,
		    .rtm_scope = RT_SCOPE_HOST,
		    .rtm_type = RTN_LOCAL },
	};
	unsigned loopback = if_nametoindex("lo");
	unsigned char bytes[16];

	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer;

	inet_pton(family, prefix, bytes);
	put(&r, RTA_DST, bytes, family == AF_INET ? 4 : 16);
	put(&r, RTA_OIF, &loopback, sizeof(loopback));
	return send(fd, &r, r.head.nlmsg_len, 0) > 0 && recv(fd, &answer, sizeof(answer), 0) > 0 &&
	       answer.error.error == 0;
}

bool
own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK };
	int fd, netlink;
	bool is_good;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	is_good = ioctl(fd, SIOCSIFFLAGS, &lo) == 0 &&
		  add_local(netlink, AF_INET, "198.51.100.0", 24) &&
		  (!has_ipv6() || add_local(netlink, AF_INET6, "2001:db8::", 32));
	close(fd);
	close(netlink);
	return is_good;
}
