/* SPDX-License-Identifier: MIT */
#include "net/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "net/socket.h"

#define FIRST_LISTEN_FD 3
#define MOST_LISTEN_FDS 65536

struct inherited {
	char *name; /* NULL: it serves the endpoint that it is bound to */
	int fd;     /* -1: closed */
	bool is_claimed;
	int type;
	struct addr addr;
};

/* A configuration may be loaded beside the loop, and asks for names here. What else is done is done by the loop. */
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static struct inherited *list;
static size_t list_count;

static unsigned long
env_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	unsigned long n;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	n = strtoul(text, &end, 10);
	return *end == '\0' ? n : 0;
}

unsigned
inherit_announced(void)
{
	unsigned long count = env_number("LISTEN_FDS");

	return env_number("LISTEN_PID") == (unsigned long)getpid() && count <= MOST_LISTEN_FDS
		   ? (unsigned)count
		   : 0;
}

static int
int_option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* True if it is a socket that a service can be served on. */
static bool
examine(int fd, struct inherited *out)
{
	out->type = int_option(fd, SO_TYPE);
	out->addr.len = sizeof(out->addr.u);
	if (out->type < 0 || getsockname(fd, &out->addr.u.sa, &out->addr.len) < 0)
		return false;
	return out->type == SOCK_DGRAM || int_option(fd, SO_ACCEPTCONN) == 1;
}

static void
take_one(int fd, const char *name)
{
	struct inherited i = { .fd = fd };

	if (!examine(fd, &i)) {
		log_warn("event=inherited-refused fd=%d reason=\"no listening socket\"", fd);
		close(fd);
		return;
	}
	i.fd = descriptor_high(fd);
	if (i.fd < 0 || socket_set_blocking(i.fd, false) < 0) {
		log_warn("event=inherited-refused fd=%d error=\"%s\"", fd, strerror(errno));
		close(i.fd < 0 ? fd : i.fd);
		return;
	}
	i.name = mem_dup(name);
	list = mem_grow(list, list_count + 1, sizeof(*list));
	list[list_count++] = i;
}

/* How many of them there are: a number beyond them may be any descriptor, even one that was moved up from below. */
static unsigned
count_present(unsigned announced)
{
	unsigned n = 0;

	while (n < announced && fcntl(FIRST_LISTEN_FD + (int)n, F_GETFD) >= 0)
		n++;
	if (n < announced)
		log_warn("event=inherited-missing announced=%u found=%u", announced, n);
	return n;
}

void
inherit_take(unsigned announced)
{
	unsigned count = count_present(announced);
	char *names = mem_dup(getenv("LISTEN_FDNAMES") != NULL ? getenv("LISTEN_FDNAMES") : "");
	char *rest = names;

	for (unsigned n = 0; n < count; n++) {
		const char *name = strsep(&rest, ":");

		take_one(FIRST_LISTEN_FD + (int)n, name != NULL ? name : "");
	}
	free(names);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

void
inherit_each(void (*fn)(const struct inherited_socket *socket, void *arg), void *arg)
{
	for (size_t i = 0; i < list_count; i++) {
		const struct inherited_socket socket = {
			.fd = list[i].fd,
			.name = list[i].name,
			.type = list[i].type,
			.addr = list[i].addr,
		};

		if (socket.fd >= 0)
			fn(&socket, arg);
	}
}

void
inherit_restore(const struct inherited_socket *socket)
{
	list = mem_grow(list, list_count + 1, sizeof(*list));
	list[list_count++] = (struct inherited){
		.name = socket->name != NULL ? mem_dup(socket->name) : NULL,
		.fd = socket->fd,
		.type = socket->type,
		.addr = socket->addr,
	};
}

static bool
is_for(const struct inherited *i, const char *id, int socket_type)
{
	return i->fd >= 0 && i->type == socket_type && i->name != NULL &&
	       strcasecmp(i->name, id) == 0;
}

bool
inherit_has(const char *id, int socket_type)
{
	bool has = false;

	pthread_mutex_lock(&names_lock);
	for (size_t i = 0; i < list_count && !has; i++)
		has = is_for(&list[i], id, socket_type);
	pthread_mutex_unlock(&names_lock);
	return has;
}

static int
claim(struct inherited *i)
{
	i->is_claimed = true;
	return i->fd;
}

int
inherit_claim_id(const char *id, int socket_type)
{
	for (size_t i = 0; i < list_count; i++)
		if (!list[i].is_claimed && is_for(&list[i], id, socket_type))
			return claim(&list[i]);
	return -1;
}

int
inherit_claim_endpoint(const struct endpoint *e)
{
	for (size_t i = 0; i < list_count; i++) {
		struct inherited *found = &list[i];

		if (found->fd < 0 || found->is_claimed || found->type != e->socket_type ||
		    !addr_equal(&found->addr, &e->addr))
			continue;
		/* A service of its name that comes later cannot have it any more. */
		pthread_mutex_lock(&names_lock);
		free(found->name);
		found->name = NULL;
		pthread_mutex_unlock(&names_lock);
		return claim(found);
	}
	return -1;
}

void
inherit_closed(int fd)
{
	for (size_t i = 0; i < list_count; i++) {
		if (list[i].fd != fd)
			continue;
		pthread_mutex_lock(&names_lock);
		list[i].fd = -1;
		pthread_mutex_unlock(&names_lock);
	}
}

void
inherit_close_unclaimed(void)
{
	char quoted[128];

	for (size_t i = 0; i < list_count; i++) {
		if (list[i].fd < 0 || list[i].is_claimed)
			continue;
		log_warn("event=inherited-unused name=%s",
		    quote_text(list[i].name != NULL ? list[i].name : "", quoted, sizeof(quoted)));
		close(list[i].fd);
		list[i].fd = -1;
	}
}
