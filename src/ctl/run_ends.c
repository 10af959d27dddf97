/* SPDX-License-Identifier: MIT */
#include "ctl/run_ends.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/array.h"
#include "ctl/get.h"

/* Socket types by the words of the attribute. */
static const struct {
	const char *name;
	int type;
} socket_types[] = {
	{ "dgram", SOCK_DGRAM },
	{ "seqpacket", SOCK_SEQPACKET },
	{ "stream", SOCK_STREAM },
};

static const char *
attribute(const json_t *service, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(service, "attributes"), i, row)
		if (strcmp(get_text(row, "name"), name) == 0)
			return get_text(row, "value");
	return "";
}

static int
type_of(const json_t *service)
{
	const char *name = attribute(service, "socket_type");

	if (strcmp(get_text(service, "protocol"), "udp") == 0)
		return SOCK_DGRAM;
	for (size_t i = 0; i < ARRAY_LEN(socket_types); i++)
		if (strcmp(name, socket_types[i].name) == 0)
			return socket_types[i].type;
	return SOCK_STREAM;
}

/* A socket with an address that nobody else has: a free port of 127.0.0.1, or a free abstract name. */
static int
bound_socket(int family, int type)
{
	struct addr a = { .len = sizeof(sa_family_t) };
	int fd = socket(family, type | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	a.u.sa.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		addr_any(&a, AF_INET, 0);
		a.u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	}
	if (bind(fd, &a.u.sa, a.len) == 0 && (type == SOCK_DGRAM || listen(fd, 16) == 0))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* Ours, connected to the bound one. */
static int
connect_to(int bound, int family, int type)
{
	struct addr a;
	int fd, error;

	a.len = sizeof(a.u);
	if (getsockname(bound, &a.u.sa, &a.len) < 0)
		return -errno;
	/* Unix datagrams are answered only to who has a name. */
	fd = type == SOCK_DGRAM ? bound_socket(family, type)
				: socket(family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return type == SOCK_DGRAM ? fd : -errno;
	if (connect(fd, &a.u.sa, a.len) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* The accepted end of our connection: others might have come to the port before. */
static int
accept_ours(int listener, int ours)
{
	struct addr us, peer;

	us.len = sizeof(us.u);
	if (getsockname(ours, &us.u.sa, &us.len) < 0)
		return -errno;
	for (;;) {
		peer.len = sizeof(peer.u);
		int fd = accept4(listener, &peer.u.sa, &peer.len, SOCK_CLOEXEC);

		if (fd < 0)
			return -errno;
		if (addr_equal(&us, &peer))
			return fd;
		close(fd);
	}
}

static int
open_pair(struct run_ends *e, int type)
{
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	e->ours = fds[0];
	e->theirs = fds[1];
	return 0;
}

int
run_ends_open(struct run_ends *e, const json_t *service)
{
	bool waits = strcmp(attribute(service, "wait"), "yes") == 0;
	int family = strcmp(get_text(service, "protocol"), "unix") == 0 ? AF_UNIX : AF_INET;
	int type = type_of(service), bound;

	*e = (struct run_ends){ .ours = -1, .theirs = -1, .is_datagram = type == SOCK_DGRAM };
	if (family == AF_UNIX && !waits)
		return open_pair(e, type);
	bound = bound_socket(family, type);
	if (bound < 0)
		return bound;
	e->ours = connect_to(bound, family, type);
	if (e->ours < 0) {
		close(bound);
		return e->ours;
	}
	if (waits || e->is_datagram) {
		e->theirs = bound;
		return 0;
	}
	e->theirs = accept_ours(bound, e->ours);
	close(bound);
	if (e->theirs >= 0)
		return 0;

	int r = e->theirs;

	run_ends_close(e);
	return r;
}

void
run_ends_close(struct run_ends *e)
{
	if (e->ours >= 0)
		close(e->ours);
	if (e->theirs >= 0)
		close(e->theirs);
	e->ours = e->theirs = -1;
}
