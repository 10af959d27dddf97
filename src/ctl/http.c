/* SPDX-License-Identifier: MIT */
#include "ctl/http.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ctl/openmetrics.h"

#define REQUEST_MAX_BYTES 8192
/* For the whole request, and for taking the answer. */
#define DEADLINE_MS       10000
/* If there is no user of that name. */
#define NOBODY_ID         65534
#define OPEN_TYPE         "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define CLASSIC_TYPE      "text/plain; version=0.0.4; charset=utf-8"

struct request {
	char text[REQUEST_MAX_BYTES + 1];
	size_t len;
	bool is_head;
	bool wants_open; /* Accept names OpenMetrics */
};

struct answer {
	const char *status; /* "200 OK" */
	const char *type;
	const char *more; /* a header line of its own; "" */
	char *body;       /* heap */
	size_t len;
};

/* From here on this process may do nothing that anybody could not do. */
static int
give_up_root(struct call *c)
{
	const struct passwd *pw = getpwnam("nobody");
	uid_t uid = pw != NULL ? pw->pw_uid : NOBODY_ID;
	gid_t gid = pw != NULL ? pw->pw_gid : NOBODY_ID;

	if (geteuid() != 0 && getuid() != 0)
		return CTL_OK;
	if (setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
	    setresuid(uid, uid, uid) == 0)
		return CTL_OK;
	return call_fail(
	    c, CTL_REFUSED, "failed", "the rights of root cannot be given up: %s", strerror(errno));
}

static int
lower_rights(struct call *c)
{
	json_t *result;
	int status = link_ask(c, link_request("lower"), &result);

	if (status == CTL_OK)
		json_decref(result);
	else
		link_close(&c->link); /* it has more rights than a slow peer is to keep occupied */
	return status;
}

/* Until the empty line; false if the request is too long, too slow, or ends before. */
static bool
read_request(struct request *r)
{
	int64_t end = clock_now_ms() + DEADLINE_MS;

	while (r->len < REQUEST_MAX_BYTES) {
		struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
		int64_t left = end - clock_now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return false;
		n = read(STDIN_FILENO, r->text + r->len, REQUEST_MAX_BYTES - r->len);
		if (n <= 0)
			return false;
		r->len += (size_t)n;
		r->text[r->len] = '\0';
		/* A NUL would hide what is behind it. */
		if (strlen(r->text) != r->len)
			return false;
		if (strstr(r->text, "\r\n\r\n") != NULL || strstr(r->text, "\n\n") != NULL)
			return true;
	}
	return false;
}

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* Header lines, from behind the request line on. */
static void
read_headers(struct request *r, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")) != NULL)
		if (has_prefix(line, "accept:") &&
		    strcasestr(line, "application/openmetrics-text") != NULL)
			r->wants_open = true;
}

/* NULL: the metrics are wanted; otherwise why not. */
static const char *
refusal(struct request *r)
{
	char *rest = r->text, *line = strsep(&rest, "\n"), *method = strsep(&line, " ");
	char *target = strsep(&line, " ?"), *version = line;

	/* What follows a question mark means nothing here. */
	if (version != NULL && strncmp(version, "HTTP/", 5) != 0)
		version = strchr(version, ' ') != NULL ? strchr(version, ' ') + 1 : NULL;
	if (*method == '\0' || target == NULL || version == NULL ||
	    (strcmp(version, "HTTP/1.1\r") != 0 && strcmp(version, "HTTP/1.0\r") != 0 &&
		strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0))
		return "400 Bad Request";
	r->is_head = strcmp(method, "HEAD") == 0;
	if (!r->is_head && strcmp(method, "GET") != 0)
		return "405 Method Not Allowed";
	if (strcmp(target, "/") != 0 && strcmp(target, "/metrics") != 0)
		return "404 Not Found";
	read_headers(r, rest);
	return NULL;
}

static void
refuse(struct answer *a, const char *status)
{
	a->status = status;
	a->type = "text/plain; charset=utf-8";
	a->more = strncmp(status, "405", 3) == 0 ? "Allow: GET, HEAD\r\n" : "";
	a->body = mem_format("%s\n", status);
	a->len = strlen(a->body);
}

/* The metrics, or that there are none now. */
static int
fill(struct call *c, const struct request *r, struct answer *a)
{
	enum metrics_format format = r->wants_open ? METRICS_OPEN : METRICS_CLASSIC;
	json_t *result;
	int status = link_ask_all(c, link_request("metrics"), "services", &result);
	FILE *out = status == CTL_OK ? open_memstream(&a->body, &a->len) : NULL;

	if (status == CTL_OK && out != NULL)
		openmetrics_print(result, format, out);
	if (status == CTL_OK)
		json_decref(result);
	if (out == NULL || fclose(out) != 0) {
		refuse(a, "503 Service Unavailable");
		return status;
	}
	a->status = "200 OK";
	a->type = r->wants_open ? OPEN_TYPE : CLASSIC_TYPE;
	a->more = "";
	return CTL_OK;
}

/* All of it, or as much as the peer takes in time. */
static void
write_all(const char *text, size_t len)
{
	int64_t end = clock_now_ms() + DEADLINE_MS;

	while (len > 0) {
		struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
		int64_t left = end - clock_now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return;
		/* A socket takes what fits; a pipe at least so much at once. */
		n = send(STDOUT_FILENO, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == ENOTSOCK)
			n = write(STDOUT_FILENO, text, len < 4096 ? len : 4096);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

/* Closing a socket with bytes unread resets it, and the peer might lose the answer. */
static void
close_gently(void)
{
	int64_t end = clock_now_ms() + DEADLINE_MS / 10;
	char rest[4096];

	if (shutdown(STDOUT_FILENO, SHUT_WR) < 0)
		return;
	for (;;) {
		struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
		int64_t left = end - clock_now_ms();

		if (left <= 0 || poll(&p, 1, (int)left) == 0 ||
		    read(STDIN_FILENO, rest, sizeof(rest)) <= 0)
			return;
	}
}

static void
send_answer(const struct request *r, const struct answer *a)
{
	char *head = mem_format("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
				"%sConnection: close\r\n\r\n",
	    a->status, a->type, a->len, a->more);

	write_all(head, strlen(head));
	if (!r->is_head)
		write_all(a->body, a->len);
	free(head);
	close_gently();
}

/* A service may have the connection as standard error, too: what is said there would be part of the answer. */
static bool
peer_reads_errors(void)
{
	struct stat in, error;

	return fstat(STDIN_FILENO, &in) == 0 && fstat(STDERR_FILENO, &error) == 0 &&
	       in.st_dev == error.st_dev && in.st_ino == error.st_ino;
}

int
http_serve(struct call *c)
{
	struct request r = { .len = 0 };
	struct answer a = { 0 };
	int status, given_up;
	const char *why;

	c->is_json = false;
	c->is_quiet = peer_reads_errors();
	c->link.patience_ms = DEADLINE_MS / 2;
	status = lower_rights(c);
	given_up = give_up_root(c);
	if (given_up != CTL_OK)
		return given_up;
	why = read_request(&r) ? refusal(&r) : "400 Bad Request";
	if (why != NULL)
		refuse(&a, why);
	else if (status == CTL_OK)
		status = fill(c, &r, &a);
	else
		refuse(&a, "503 Service Unavailable");
	/* A peer that came and went, as a probe of the port does, gets nothing. */
	if (r.len > 0)
		send_answer(&r, &a);
	free(a.body);
	return status;
}
