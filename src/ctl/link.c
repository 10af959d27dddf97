/* SPDX-License-Identifier: MIT */
#include "ctl/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "control/command.h"
#include "control/json_text.h"
#include "ctl/call.h"
#include "ctl/get.h"

/* The daemon refuses longer requests. */
#define REQUEST_MAX_BYTES 65536
/* No answer is that long: what listens there is no porterd. */
#define ANSWER_MAX_BYTES  (64U << 20)
#define PATIENCE_MS       30000
/* How deep answers are nested at most, with room. */
#define READ_FLAGS        (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)

void
link_init(struct link *l)
{
	*l = (struct link){ .fd = -1, .fds = { -1, -1 }, .patience_ms = PATIENCE_MS };
}

void
link_close(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->text);
	link_init(l);
}

/* Why connect(2) has failed, in words of control sockets. */
static const struct {
	int error, status;
	const char *before, *after; /* the path is in between */
} refusals[] = {
	{ ENOENT, CTL_NO_DAEMON, "there is no socket ",
	    ": porterd does not run, or has another --control" },
	{ ENOTDIR, CTL_NO_DAEMON, "there is no socket ",
	    ": porterd does not run, or has another --control" },
	{ ECONNREFUSED, CTL_NO_DAEMON, "nobody listens at ",
	    ": porterd has ended and left it behind" },
	{ EPROTOTYPE, CTL_NO_DAEMON, "", " is a socket of another kind, not porterd's" },
	{ ENOTSOCK, CTL_NO_DAEMON, "", " is no socket" },
	{ EACCES, CTL_NO_RIGHT, "no permission to use ",
	    ": be root, or a member of the control_group" },
	{ EPERM, CTL_NO_RIGHT, "no permission to use ",
	    ": be root, or a member of the control_group" },
};

/* Exit statuses by the code of an error. */
static const struct {
	const char *code;
	int status;
} statuses[] = {
	{ "forbidden", CTL_NO_RIGHT },
	{ "protocol", CTL_VERSION },
	{ "unknown-command", CTL_VERSION },
};

static int
say_refusal(struct call *c, int error)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (refusals[i].error == error)
			return call_fail(c, refusals[i].status,
			    refusals[i].status == CTL_NO_RIGHT ? "forbidden" : "no-daemon",
			    "%s%s%s", refusals[i].before, c->path, refusals[i].after);
	if (error == EAGAIN)
		return call_fail(c, CTL_REFUSED, "timeout",
		    "porterd does not take the connection at %s", c->path);
	return call_fail(c, CTL_REFUSED, "failed", "%s: %s", c->path, strerror(error));
}

static int
say_end(struct call *c)
{
	return call_fail(c, CTL_REFUSED, "gone", "porterd has ended before it answered");
}

int
link_open(struct call *c)
{
	struct link *l = &c->link;
	/* A daemon that was stopped accepts nobody: that must end, too. */
	const struct timeval most = { .tv_sec = PATIENCE_MS / 1000 };
	struct addr addr;
	struct stat st;

	if (l->fd >= 0)
		return CTL_OK;
	if (addr_unix(&addr, c->path) < 0)
		return call_usage(c, "the path of the control socket is too long: %s", c->path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return say_refusal(c, errno);
	setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
	if (connect(l->fd, &addr.u.sa, addr.len) == 0)
		return CTL_OK;

	int error = errno;

	/* A file that is no socket refuses as one does that nobody listens at. */
	if (error == ECONNREFUSED && stat(c->path, &st) == 0 && !S_ISSOCK(st.st_mode))
		error = ENOTSOCK;
	close(l->fd);
	l->fd = -1;
	return say_refusal(c, error);
}

json_t *
link_request(const char *name)
{
	json_t *request = json_object();

	json_object_set_new(request, "command", json_string(name));
	json_object_set_new(request, "protocol", json_integer(CONTROL_PROTOCOL));
	return request;
}

void
link_put_text(json_t *request, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(request, name, json_text(text));
}

/* The descriptors go with the first byte. */
static ssize_t
send_some(struct link *l, char *text, size_t len)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(l->fds))];
	} control = { .room = { 0 } };
	struct iovec iov = { .iov_base = text, .iov_len = len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (l->fds[0] >= 0) {
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(l->fds)) };
		memcpy(CMSG_DATA(&control.header), l->fds, sizeof(l->fds));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.room);
	}
	return sendmsg(l->fd, &message, MSG_NOSIGNAL);
}

/* An error is not looked at: who is refused is told so before the connection is closed, and what came is read first. */
static void
send_line(struct link *l, char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send_some(l, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		l->fds[0] = l->fds[1] = -1;
		text += n;
		len -= (size_t)n;
	}
}

/* A whole line of those that have come, as JSON; NULL if there is none. *is_bad: there is one that is none. */
static json_t *
take_line(struct link *l, bool *is_bad)
{
	char *end =
	    l->len > l->searched ? memchr(l->text + l->searched, '\n', l->len - l->searched) : NULL;
	json_t *value;
	size_t used;

	l->searched = l->len;
	if (end == NULL)
		return NULL;
	used = (size_t)(end - l->text) + 1;
	value = json_loadb(l->text, used, READ_FLAGS, NULL);
	l->len -= used;
	memmove(l->text, l->text + used, l->len);
	l->searched = 0;
	*is_bad = !json_is_object(value);
	if (!*is_bad)
		return value;
	json_decref(value);
	return NULL;
}

/* Bytes that came; 0: no more will; -errno. */
static ssize_t
receive(struct link *l, int flags)
{
	ssize_t n;

	if (l->size - l->len < 4096) {
		l->size = l->size == 0 ? 65536 : l->size * 2;
		l->text = mem_grow(l->text, l->size, 1);
	}
	do
		n = recv(l->fd, l->text + l->len, l->size - l->len, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	l->len += (size_t)n;
	return n;
}

static int
say_strange(struct call *c)
{
	return call_fail(c, CTL_VERSION, "protocol",
	    "what listens at %s does not speak as porterd does", c->path);
}

/* Waits for a whole line; *value is NULL when the daemon has closed the connection. */
static int
read_line(struct call *c, int patience_ms, json_t **value)
{
	struct link *l = &c->link;
	int64_t end = clock_now_ms() + patience_ms;
	bool is_bad = false;

	while ((*value = take_line(l, &is_bad)) == NULL) {
		struct pollfd p = { .fd = l->fd, .events = POLLIN };
		int64_t left = end - clock_now_ms();

		if (is_bad || l->len > ANSWER_MAX_BYTES)
			return say_strange(c);
		if (patience_ms >= 0 && (left <= 0 || poll(&p, 1, (int)left) == 0))
			return call_fail(c, CTL_REFUSED, "timeout",
			    "porterd does not answer within %d seconds", patience_ms / 1000);

		ssize_t n = receive(l, 0);

		if (n < 0)
			return say_refusal(c, (int)-n);
		if (n == 0)
			return CTL_OK;
	}
	return CTL_OK;
}

static int
status_of(const char *code)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (strcmp(code, statuses[i].code) == 0)
			return statuses[i].status;
	return CTL_REFUSED;
}

/* The daemon says no; or something else, in another version. */
static int
say_error(struct call *c, const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const char *code = get_text(error, "code"), *version = get_text(answer, "version");

	if (*get_text(error, "message") == '\0')
		return say_strange(c);
	if (status_of(code) == CTL_VERSION)
		return call_fail(c, CTL_VERSION, code,
		    "porterd %s does not understand porterctl " VERSION ": %s", version,
		    get_text(error, "message"));
	return call_fail_with(c, status_of(code), error);
}

static int
take_answer(struct call *c, json_t *answer, json_t **result)
{
	const json_t *protocol = json_object_get(answer, "protocol");
	int status = CTL_OK;

	*result = NULL;
	if (answer == NULL)
		return say_end(c);
	if (!json_is_integer(protocol))
		status = say_strange(c);
	else if (json_integer_value(protocol) != CONTROL_PROTOCOL)
		status = call_fail(c, CTL_VERSION, "protocol",
		    "porterd %s speaks version %lld of the protocol, porterctl " VERSION
		    " version %d",
		    get_text(answer, "version"), (long long)json_integer_value(protocol),
		    CONTROL_PROTOCOL);
	else if (!json_is_true(json_object_get(answer, "ok")))
		status = say_error(c, answer);
	else
		*result = json_incref(json_object_get(answer, "result"));
	if (status == CTL_OK && !json_is_object(*result)) {
		json_decref(*result);
		status = say_strange(c);
	}
	json_decref(answer);
	return status;
}

int
link_ask(struct call *c, json_t *request, json_t **result)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t len = text != NULL ? strlen(text) : 0;
	json_t *answer = NULL;
	int status = CTL_OK;

	json_decref(request);
	if (text == NULL || len >= REQUEST_MAX_BYTES)
		status = call_usage(c, "an argument is too long");
	if (status == CTL_OK)
		status = link_open(c);
	if (status == CTL_OK) {
		text[len] = '\n';
		send_line(&c->link, text, len + 1);
		status = read_line(c, c->link.patience_ms, &answer);
	}
	free(text);
	return status == CTL_OK ? take_answer(c, answer, result) : status;
}

int
link_ask_all(struct call *c, json_t *request, const char *list, json_t **result)
{
	json_t *page, *next;
	int status = link_ask(c, json_incref(request), result);

	while (status == CTL_OK && (next = json_object_get(*result, "next")) != NULL) {
		json_object_set(request, "after", next);
		status = link_ask(c, json_incref(request), &page);
		if (status != CTL_OK) {
			json_decref(*result);
			break;
		}
		json_object_del(*result, "next");
		json_array_extend(json_object_get(*result, list), json_object_get(page, list));
		json_object_update_missing(*result, page);
		json_decref(page);
	}
	json_decref(request);
	return status;
}

int
link_event(struct call *c, json_t **event)
{
	return read_line(c, -1, event);
}

int
link_poll(struct call *c, json_t **event, bool *is_closed)
{
	bool is_bad = false;
	ssize_t n;

	*is_closed = false;
	*event = take_line(&c->link, &is_bad);
	if (*event == NULL && !is_bad) {
		n = receive(&c->link, MSG_DONTWAIT);
		if (n < 0 && n != -EAGAIN)
			return say_refusal(c, (int)-n);
		*is_closed = n == 0;
		*event = take_line(&c->link, &is_bad);
	}
	return is_bad ? say_strange(c) : CTL_OK;
}
