/* SPDX-License-Identifier: MIT */
#include "conf/names.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/names_wire.h"

#define SELF    "/proc/self/exe"
#define DELETED " (deleted)"

/* What was asked, and what was said. */
struct asked {
	struct names_question head;
	const char *text[2];
	int result;
	char *bytes; /* with a zero behind them */
	size_t size;
	char room[]; /* for the texts */
};

struct names {
	bool is_here; /* there is no process */
	int fd;
	int pidfd; /* -1: there is none */
	bool has_failed;
	void *asked; /* tree of struct asked */
};

/* The look-ups of struct lookup have no argument for it. */
static struct names *current;

/* ---- the wire ---- */

bool
names_read(int fd, void *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv(fd, (char *)bytes + done, len - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

bool
names_write(int fd, const void *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, (const char *)bytes + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* ---- asking ---- */

static int
compare(const void *x, const void *y)
{
	const struct asked *left = x, *right = y;
	int order = memcmp(&left->head, &right->head, sizeof(left->head));

	for (size_t i = 0; i < ARRAY_LEN(left->text) && order == 0; i++)
		order = strcmp(left->text[i], right->text[i]);
	return order;
}

static void
free_asked(void *item)
{
	struct asked *e = item;

	free(e->bytes);
	free(e);
}

static struct asked *
new_asked(enum names_kind kind, const char *first, const char *second, unsigned number)
{
	const size_t len[] = { strlen(first), strlen(second) };
	struct asked *e = mem_alloc(sizeof(*e) + len[0] + len[1] + 2);

	e->head = (struct names_question){
		.kind = kind, .number = number, .len = { (uint32_t)len[0], (uint32_t)len[1] }
	};
	e->text[0] = memcpy(e->room, first, len[0] + 1);
	e->text[1] = memcpy(e->room + len[0] + 1, second, len[1] + 1);
	return e;
}

static void
look_up_here(struct asked *e)
{
	struct names_reply r;

	names_look_up(&r, e->head.kind, e->text, e->head.number);
	e->result = r.result;
	e->size = r.size;
	e->bytes = mem_alloc(r.size + 1);
	if (r.size > 0)
		memcpy(e->bytes, r.bytes, r.size);
	free(r.bytes);
}

static bool
exchange(int fd, struct asked *e)
{
	struct names_answer answer;

	if (!names_write(fd, &e->head, sizeof(e->head)) ||
	    !names_write(fd, e->text[0], e->head.len[0]) ||
	    !names_write(fd, e->text[1], e->head.len[1]) ||
	    !names_read(fd, &answer, sizeof(answer)) || answer.size > NAMES_MOST_BYTES)
		return false;
	e->bytes = mem_alloc(answer.size + 1);
	e->size = answer.size;
	e->result = answer.result;
	return names_read(fd, e->bytes, e->size);
}

/* What the process says, now or when it was asked before. */
static const struct asked *
ask(enum names_kind kind, const char *first, const char *second, unsigned number)
{
	struct asked *e = new_asked(kind, first, second, number);
	struct asked **found = tsearch(e, &current->asked, compare);

	if (found == NULL)
		abort();
	if (*found != e) {
		free_asked(e);
		return *found;
	}
	if (current->is_here)
		look_up_here(e);
	else if (current->has_failed || !exchange(current->fd, e)) {
		current->has_failed = true;
		e->result = -EAGAIN;
		e->size = 0;
	}
	return e;
}

/* Heap: so many things as were sent. */
static void *
copy(const struct asked *e, size_t each, size_t *count)
{
	*count = e->size / each;
	void *list = mem_array(*count, each);

	memcpy(list, e->bytes, *count * each);
	return list;
}

static int
ask_user(const char *name, struct user_entry *out)
{
	const struct asked *e = ask(NAMES_USER, name, "", 0);
	struct names_user user;

	if (e->result < 0 || e->size < sizeof(user))
		return e->result < 0 ? e->result : -ENOENT;
	memcpy(&user, e->bytes, sizeof(user));
	*out = (struct user_entry){
		.name = mem_dup(e->bytes + sizeof(user)), .uid = user.uid, .gid = user.gid
	};
	return 0;
}

static int
ask_group(const char *name, gid_t *gid)
{
	const struct asked *e = ask(NAMES_GROUP, name, "", 0);

	if (e->result == 0 && e->size == sizeof(*gid))
		memcpy(gid, e->bytes, sizeof(*gid));
	return e->result;
}

static int
ask_groups(const char *user, gid_t gid, gid_t **list, size_t *count)
{
	const struct asked *e = ask(NAMES_GROUPS, user, "", gid);

	if (e->result >= 0)
		*list = copy(e, sizeof(**list), count);
	return e->result;
}

static int
ask_port(const char *name, const char *protocol)
{
	return ask(NAMES_PORT, name, protocol, 0)->result;
}

static int
ask_host(const char *name, struct addr **list, size_t *count)
{
	const struct asked *e = ask(NAMES_HOST, name, "", 0);

	*list = NULL;
	*count = 0;
	if (e->result >= 0)
		*list = copy(e, sizeof(**list), count);
	return e->result;
}

static int
ask_network(const char *name, struct prefix *out)
{
	const struct asked *e = ask(NAMES_NETWORK, name, "", 0);

	if (e->result == 0 && e->size == sizeof(*out))
		memcpy(out, e->bytes, sizeof(*out));
	return e->result;
}

/* ---- the process ---- */

/* Its memory is copied by nobody: the thread waits until it is another program. 0, or the error. */
static int
spawn(pid_t *pid, const char *path, int fd)
{
	char name[] = NAMES_PROGRAM, version[] = VERSION;
	char *argv[] = { name, version, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int error;

	sigfillset(&all);
	sigemptyset(&none);
	if ((error = posix_spawn_file_actions_init(&actions)) != 0)
		return error;
	if ((error = posix_spawnattr_init(&attr)) == 0) {
		posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
		posix_spawnattr_setsigdefault(&attr, &all);
		posix_spawnattr_setsigmask(&attr, &none);
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
		error = posix_spawn(pid, path, &actions, &attr, argv, environ);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static struct names *
begin(int fd, struct lookup *lookup)
{
	struct names *n = mem_alloc(sizeof(*n));

	n->fd = fd;
	n->pidfd = -1;
	lookup->user = ask_user;
	lookup->group = ask_group;
	lookup->groups = ask_groups;
	lookup->port = ask_port;
	lookup->host = ask_host;
	lookup->network = ask_network;
	current = n;
	return n;
}

struct names *
names_start_here(struct lookup *lookup)
{
	struct names *n = begin(-1, lookup);

	n->is_here = true;
	return n;
}

static bool
ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The file that this program is, by its name if it is still there: what runs below valgrind is not what the link itself leads to. */
static void
find_self(char path[PATH_MAX], const char *otherwise)
{
	ssize_t len = readlink(SELF, path, PATH_MAX - 1);

	path[len > 0 ? len : 0] = '\0';
	if (len <= 0)
		snprintf(path, PATH_MAX, "%s", otherwise);
	else if (ends_in(path, DELETED))
		strcpy(path, SELF);
}

struct names *
names_start(const int fds[2], const char *binary, struct lookup *lookup)
{
	struct names *n = begin(fds[0], lookup);
	char path[PATH_MAX];
	pid_t pid;

	find_self(path, binary);
	n->has_failed = spawn(&pid, path, fds[1]) != 0;
	close(fds[1]);
	if (!n->has_failed)
		n->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return n;
}

bool
names_have_failed(const struct names *n)
{
	return n->has_failed;
}

/* Whoever waits for children may have heard of its end already, so it is not known by its number. Where nothing else is known of it,
 * it ends by itself: when the stream does, or with the thread that has started it. */
static void
end_process(const struct names *n)
{
	siginfo_t info;

	if (n->pidfd < 0)
		return;
	syscall(SYS_pidfd_send_signal, n->pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)n->pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	close(n->pidfd);
}

void
names_end(struct names *n)
{
	end_process(n);
	tdestroy(n->asked, free_asked);
	current = NULL;
	free(n);
}
