/* SPDX-License-Identifier: MIT */
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "serve/arrival.h"

/* Everything that the daemon keeps is numbered from here. */

struct socket_options
socket_options_of(const struct service_conf *conf)
{
	return (struct socket_options){
		.backlog = conf->backlog,
		.nodelay = (conf->flags & CONF_FLAG_NODELAY) != 0,
		.keepalive = (conf->flags & CONF_FLAG_KEEPALIVE) != 0,
		.freebind = conf->freebind,
		.device = conf->device,
		.mode = conf->listen_mode,
		.uid = conf->listen_uid,
		.gid = conf->listen_gid,
	};
}

int
socket_set_blocking(int fd, bool blocks)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

static int
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int
get_option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* One that was handed over may be open to more than its service is. */
static int
bind_to_device(int fd, const char *device)
{
	char known[IF_NAMESIZE] = "";
	socklen_t len = sizeof(known);

	if (device == NULL || (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, known, &len) == 0 &&
				  strcmp(known, device) == 0))
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) <
		       0
		   ? -errno
		   : 0;
}

bool
socket_lacks_device(int fd)
{
	char name[IF_NAMESIZE];
	socklen_t len = sizeof(name);

	return getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) < 0 && errno == ENODEV;
}

static int
configure_stream(int fd, int family, const struct socket_options *options)
{
	int r = 0;

	if (family != AF_UNIX) {
		r = set_option(fd, IPPROTO_TCP, TCP_NODELAY, options->nodelay);
		if (r == 0)
			r = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, options->keepalive);
	}
	return r == 0 && listen(fd, (int)options->backlog) < 0 ? -errno : r;
}

int
socket_configure(int fd, const struct endpoint *e, const struct socket_file *file,
    const struct socket_options *options)
{
	int family = get_option(fd, SO_DOMAIN);
	int r = 0;

	if (e != NULL && file != NULL && file->ino != 0)
		r = socket_file_configure(
		    file, &e->addr, options->mode, options->uid, options->gid);
	if (r == 0 && family != AF_UNIX)
		r = bind_to_device(fd, options->device);
	if (r < 0)
		return r;
	if (get_option(fd, SO_TYPE) != SOCK_DGRAM)
		return configure_stream(fd, family, options);
	return family == AF_UNIX ? 0 : arrival_prepare(fd, family);
}

/* A socket of IPv6 has both: it may take clients of IPv4 as well. */
static int
allow_any_address(int fd, int family)
{
	int r = set_option(fd, IPPROTO_IP, IP_FREEBIND, 1);

	return r == 0 && family == AF_INET6 ? set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) : r;
}

/* Options that must be set before bind. No SO_REUSEADDR on datagram sockets: two of them would share a port and one
 * would starve. */
static int
prepare(int fd, const struct endpoint *e, const struct socket_options *options)
{
	const int family = addr_family(&e->addr);
	int r = 0;

	if (family == AF_UNIX)
		return 0;
	if (family == AF_INET6)
		r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !e->is_dual);
	if (r == 0 && options->freebind)
		r = allow_any_address(fd, family);
	if (r == 0)
		r = bind_to_device(fd, options->device);
	if (r == 0 && e->socket_type == SOCK_STREAM)
		r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return r;
}

static int
bind_socket(int fd, const struct endpoint *e, const struct socket_options *options,
    struct socket_file *file)
{
	int r = prepare(fd, e, options);

	if (r < 0)
		return r;
	if (addr_family(&e->addr) == AF_UNIX)
		r = socket_file_bind(fd, &e->addr, options->mode, file);
	else
		r = bind(fd, &e->addr.u.sa, e->addr.len) < 0 ? -errno : 0;
	return r == 0 ? socket_configure(fd, e, file, options) : r;
}

static int
open_once(const struct endpoint *e, const struct socket_options *options, struct socket_file *file)
{
	int fd = socket(addr_family(&e->addr), e->socket_type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r, high;

	*file = (struct socket_file){ 0 };
	if (fd < 0)
		return -errno;
	r = bind_socket(fd, e, options, file);
	high = r == 0 ? descriptor_high(fd) : r;
	if (high < 0)
		socket_close(fd, file->ino != 0 ? e : NULL);
	return high;
}

int
socket_open(
    const struct endpoint *e, const struct socket_options *options, struct socket_file *file)
{
	struct endpoint v4 = *e;
	int fd = open_once(e, options, file);

	/* No IPv6 on this machine, or switched off: the dual-stack wildcard is then all of IPv4. */
	if (!e->is_dual || (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL))
		return fd;
	addr_any(&v4.addr, AF_INET, addr_port(&e->addr));
	v4.is_dual = false;
	return open_once(&v4, options, file);
}

int
socket_try(const struct endpoint *e, const struct socket_options *options)
{
	int fd, r;

	if (addr_family(&e->addr) == AF_UNIX)
		return 0;
	fd = socket(addr_family(&e->addr), e->socket_type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return e->is_dual ? 0 : -errno;
	r = prepare(fd, e, options);
	if (r == 0 && bind(fd, &e->addr.u.sa, e->addr.len) < 0)
		r = -errno;
	close(fd);
	return r == -EADDRNOTAVAIL && e->is_dual ? 0 : r;
}

/* Reading from it was shut down; a unix or datagram socket cannot take that back. */
static bool
is_shut(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLRDHUP)) != 0;
}

/* A connected datagram socket hears one peer alone. With that, Linux forgets a port that it had picked. */
static int
disconnect(int fd, const struct addr *bound)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct addr a = { .len = sizeof(a.u) };

	if (getpeername(fd, &a.u.sa, &a.len) < 0)
		return 0;
	if (connect(fd, &nobody, sizeof(nobody)) < 0)
		return -errno;
	a.len = sizeof(a.u);
	if (getsockname(fd, &a.u.sa, &a.len) < 0)
		return -errno;
	if (addr_port(&a) != addr_port(bound) && bind(fd, &bound->u.sa, bound->len) < 0)
		return -errno;
	return 0;
}

static int
listen_again(int fd, unsigned backlog, const struct addr *bound)
{
	if (get_option(fd, SO_ACCEPTCONN) == 1)
		return 0;
	/* EINVAL: still bound, since the port was asked for by number. */
	if (bind(fd, &bound->u.sa, bound->len) < 0 && errno != EINVAL)
		return -errno;
	return listen(fd, (int)backlog) < 0 ? -errno : 0;
}

int
socket_repair(int fd, int socket_type, unsigned backlog, const struct addr *bound)
{
	int r = socket_set_blocking(fd, false);

	if (r == 0)
		r = socket_type == SOCK_DGRAM ? disconnect(fd, bound)
					      : listen_again(fd, backlog, bound);
	if (r < 0)
		return r;
	return is_shut(fd) ? -ESHUTDOWN : 0;
}

static uint64_t
fnv(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211ULL;
	return h;
}

/* The first datagram: when it came, and where it is from. The kernel keeps the time with the datagram from the first
 * time that it is asked for (socket(7), SO_TIMESTAMPNS), so that two equal datagrams are told apart. */
static uint64_t
datagram_mark(int fd)
{
	char byte, control[256];
	struct sockaddr_storage from = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	uint64_t h = 14695981039346656037ULL;
	ssize_t n;

	set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	n = recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT);
	set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 0);
	if (n < 0)
		return 0;
	h = fnv(h, &from, m.msg_namelen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
			h = fnv(h, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return h | 1;
}

uint64_t
socket_queue_mark(int fd, int socket_type)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (socket_type == SOCK_DGRAM)
		return datagram_mark(fd);
	if (poll(&p, 1, 0) <= 0 || (p.revents & POLLIN) == 0)
		return 0;
	/* For a listening socket the kernel reports the length of its accept queue here (tcp(7), Linux 2.6.24). */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 1;
	return (uint64_t)info.tcpi_unacked + 1;
}

bool
socket_is_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

unsigned
socket_queued(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	/* As above; of a connection it would be something else. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 || info.tcpi_state != TCP_LISTEN)
		return 0;
	return info.tcpi_unacked;
}

void
socket_close(int fd, const struct endpoint *e)
{
	bool was_shut = is_shut(fd);

	close(fd);
	if (e == NULL || addr_family(&e->addr) != AF_UNIX)
		return;
	/* A program that has the socket still answers on it; the file is then its own. */
	if (was_shut || !socket_file_is_served(&e->addr))
		socket_file_remove_stale(&e->addr);
}
