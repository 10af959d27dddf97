/* SPDX-License-Identifier: MIT */
#include "control/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/mem.h"
#include "base/quote.h"
#include "control/client.h"
#include "control/daemon.h"
#include "net/linger.h"
#include "run/service.h"

#define MOST_CLIENTS    64u
/* Of those, for clients that may do everything. */
#define KEPT_FOR_ADMINS 8u
#define BACKLOG         64
#define ACCEPTS_A_TURN  4u
/* Those that take longer, for what has to be closed with them, are followed by a rest that is as long. */
#define BRIEF_US        1000
/* Without descriptors nobody is accepted for so long. */
#define REST_MS         1000
#define MESSAGE_MS      5000

/* The socket's file, unless something else has taken its place. */
static void
remove_file(const struct control *control)
{
	struct stat st;

	if (control->file.ino != 0 && lstat(control->path, &st) == 0 &&
	    st.st_dev == control->file.dev && st.st_ino == control->file.ino)
		unlink(control->path);
}

static void
say_failed(const struct control *control, int error)
{
	char path[256];

	log_error("event=control-failed path=%s error=\"%s\"",
	    quote_text(control->path, path, sizeof(path)),
	    error == -EADDRINUSE ? "another daemon, or something that is no socket, is there"
				 : strerror(-error));
}

static int
configure_file(const struct control *control, const struct addr *addr)
{
	const struct control_access *a = &control->access;

	return socket_file_configure(&control->file, addr, a->mode, a->owner, a->group);
}

/* Nobody else can connect before the file belongs to whom it should. */
static int
listen_at(struct control *control)
{
	struct addr addr;
	int r = addr_unix(&addr, control->path), fd, high;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	high = descriptor_high(fd);
	fd = high >= 0 ? high : fd;
	r = socket_file_bind(fd, &addr, S_IRUSR | S_IWUSR, &control->file);
	if (r == 0)
		r = configure_file(control, &addr);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0) {
		remove_file(control);
		control->file = (struct socket_file){ 0 };
		close(fd);
		return r;
	}
	control->io.fd = fd;
	loop_add(control->daemon->loop, &control->io);
	return 0;
}

static void
stop_listening(struct control *control)
{
	loop_timer_stop(control->daemon->loop, &control->rest_timer);
	if (control->io.fd < 0)
		return;
	loop_del(control->daemon->loop, &control->io);
	remove_file(control);
	linger_close(control->io.fd);
	control->io.fd = -1;
}

/* One line for somebody who does not become a client. */
static void
turn_away(int fd, const char *code, const char *text)
{
	json_t *answer = json_pack("{s:b, s:i, s:s, s:{s:s, s:s}}", "ok", 0, "protocol",
	    CONTROL_PROTOCOL, "version", VERSION, "error", "code", code, "message", text);
	char *line = json_dumps(answer, JSON_COMPACT), *end = NULL;

	if (line != NULL) {
		end = mem_format("%s\n", line);
		(void)!send(fd, end, strlen(end), MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	free(line);
	free(end);
	json_decref(answer);
	client_close_socket(fd);
}

static bool
is_member(int fd, gid_t primary, gid_t group)
{
	socklen_t size = 0;
	gid_t *list;
	bool is_found = primary == group;

	if (is_found || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 ||
	    errno != ERANGE)
		return is_found;
	list = mem_alloc(size);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &size) == 0)
		for (size_t i = 0; i < size / sizeof(*list); i++)
			is_found = is_found || list[i] == group;
	free(list);
	return is_found;
}

static enum role
role_of(const struct control *control, int fd, const struct ucred *who)
{
	const struct control_access *a = &control->access;

	if (who->uid == 0 || who->uid == geteuid())
		return ROLE_ADMIN;
	if (a->owner != (uid_t)-1 && who->uid == a->owner)
		return ROLE_LOOK;
	if (a->group != (gid_t)-1 && is_member(fd, who->gid, a->group))
		return ROLE_LOOK;
	return ROLE_NONE;
}

static void
refuse_stranger(struct control *control, int fd, const struct ucred *who)
{
	unsigned left_out;

	if (rate_allows(&control->stranger_rate, clock_now_ms(), MESSAGE_MS, &left_out))
		log_warn("event=control-denied uid=%u pid=%d reason=\"he may not even look\" "
			 "left-out=%u",
		    (unsigned)who->uid, (int)who->pid, left_out);
	turn_away(fd, "forbidden",
	    "only root, whoever runs the daemon, control_owner and members of control_group may "
	    "ask");
}

static void
refuse_busy(struct control *control, int fd, const struct ucred *who)
{
	unsigned left_out;

	if (rate_allows(&control->busy_rate, clock_now_ms(), MESSAGE_MS, &left_out))
		log_warn("event=control-busy uid=%u pid=%d clients=%u left-out=%u",
		    (unsigned)who->uid, (int)who->pid, control->client_count, left_out);
	turn_away(fd, "busy", "too many clients are connected: try again later");
}

/* Whose rights were lowered takes no place of those who may do more. */
bool
control_is_full_of_lookers(const struct control *control)
{
	const struct client_conn *c;
	unsigned lookers = 0;

	LIST_FOREACH(c, &control->clients, link)
		lookers += c->role < ROLE_ADMIN;
	return lookers >= MOST_CLIENTS - KEPT_FOR_ADMINS;
}

static void
welcome(struct control *control, int fd)
{
	struct ucred who = { .uid = (uid_t)-1, .pid = 0 };
	socklen_t len = sizeof(who);
	struct client_conn *c;
	enum role role = ROLE_NONE;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0)
		role = role_of(control, fd, &who);
	if (role == ROLE_NONE)
		refuse_stranger(control, fd, &who);
	else if (control->client_count >= MOST_CLIENTS ||
		 (role == ROLE_LOOK && control_is_full_of_lookers(control)))
		refuse_busy(control, fd, &who);
	else {
		c = client_new(control, fd, ++control->last_number);
		c->uid = who.uid;
		c->pid = who.pid;
		c->role = role;
		client_settle(c);
	}
}

static void
on_rested(struct loop_timer *t, int64_t now_ms)
{
	struct control *control = t->arg;

	(void)now_ms;
	loop_want(control->daemon->loop, &control->io, POLLIN);
}

static void
rest_for(struct control *control, int64_t ms)
{
	loop_want(control->daemon->loop, &control->io, 0);
	loop_timer_set(control->daemon->loop, &control->rest_timer, clock_now_ms() + ms);
}

/* Whatever it is, it must not spin. */
static void
rest(struct control *control, int error)
{
	int64_t now_ms = clock_now_ms();
	unsigned left_out;

	if (rate_allows(&control->accept_rate, now_ms, MESSAGE_MS, &left_out))
		log_warn("event=control-accept-failed error=\"%s\" left-out=%u", strerror(error),
		    left_out);
	rest_for(control, REST_MS);
}

/* False if nobody is there. */
static bool
accept_one(struct control *control)
{
	int fd = accept4(control->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), high;

	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			rest(control, errno);
		return false;
	}
	high = descriptor_high(fd);
	if (high < 0) {
		rest(control, -high);
		client_close_socket(fd);
		return false;
	}
	welcome(control, high);
	return true;
}

static void
on_ready(struct loop_io *io, short got)
{
	struct control *control = io->arg;
	const int64_t began_us = clock_now_us();
	unsigned left = ACCEPTS_A_TURN;
	int64_t took_us = 0;

	(void)got;
	while (left > 0 && took_us < BRIEF_US && accept_one(control)) {
		left--;
		took_us = clock_now_us() - began_us;
	}
	if (took_us >= BRIEF_US && !loop_timer_runs(&control->rest_timer))
		rest_for(control, took_us / 1000 + 1);
}

/* Without a socket. */
struct control *
control_new(struct daemon *d, const char *path, const struct control_access *access)
{
	struct control *control = mem_alloc(sizeof(*control));

	/* Values that do not fit into memory end the daemon as everything else that does not. */
	json_set_alloc_funcs(mem_alloc, free);
	control->daemon = d;
	control->path = mem_dup(path);
	control->access = *access;
	control->io = (struct loop_io){
		.fd = -1, .want = POLLIN, .order = LOOP_CONTROL, .fn = on_ready, .arg = control
	};
	control->rest_timer = (struct loop_timer){ .fn = on_rested, .arg = control };
	control->turn_timer = (struct loop_timer){ .fn = control_on_turn, .arg = control };
	TAILQ_INIT(&control->turns);
	control->denied = mem_array(command_count, sizeof(*control->denied));
	return control;
}

struct control *
control_open(struct daemon *d, const char *path, const struct control_access *access)
{
	struct control *control = control_new(d, path, access);
	int r = listen_at(control);

	if (r == 0)
		return control;
	say_failed(control, r);
	control_close(control);
	return NULL;
}

void
control_set_access(struct control *control, const struct control_access *access)
{
	struct addr addr;
	int r = addr_unix(&addr, control->path);

	control->access = *access;
	if (control->io.fd >= 0 && r == 0)
		r = configure_file(control, &addr);
	if (r == -ESTALE)
		stop_listening(control);
	if (control->io.fd < 0)
		r = listen_at(control);
	if (r < 0)
		say_failed(control, r);
	control_count_watchers(control);
}

void
control_leave(struct control *control)
{
	if (control != NULL)
		stop_listening(control);
}

void
control_close(struct control *control)
{
	struct client_conn *c;

	if (control == NULL)
		return;
	while ((c = LIST_FIRST(&control->clients)) != NULL)
		client_end(c);
	loop_timer_stop(control->daemon->loop, &control->turn_timer);
	stop_listening(control);
	free(control->denied);
	free(control->path);
	free(control);
}

unsigned
control_clients(const struct control *control)
{
	return control != NULL ? control->client_count : 0;
}

struct client_conn *
client_find(struct daemon *d, uint64_t number)
{
	struct client_conn *c;

	if (d->control == NULL)
		return NULL;
	LIST_FOREACH(c, &d->control->clients, link)
		if (c->number == number)
			return c;
	return NULL;
}
