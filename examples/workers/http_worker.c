/* SPDX-License-Identifier: MIT */
/* An HTTP/1.0 responder as a worker of porterd, with libporter. Its answer shows that the process stays: pid, requests served
 * and age. What it would have to prepare (templates, a connection to a database), it would prepare once, in main. */
#include <errno.h>
#include <poll.h>
#include <porter/worker.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEAD_SIZE 8192u /* bytes of a request line with its header lines at most */
#define HEAD_MS   10000 /* for all of them, however slowly they come */
#define LINGER_MS 2000  /* for the client to read the answer and close */

struct worker {
	time_t started;
	unsigned long served;
};

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

/* Reads what is there as soon as something is. What read(2) returns; -1 with ETIMEDOUT after the deadline. */
static ssize_t
read_until(int fd, char *to, size_t size, long deadline_ms)
{
	struct pollfd socket = { .fd = fd, .events = POLLIN };
	long left_ms = deadline_ms - now_ms();

	if (left_ms <= 0 || poll(&socket, 1, (int)left_ms) == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return read(fd, to, size);
}

/* The HTTP status that a request line deserves: METHOD /PATH HTTP/1.N. */
static int
judge(const char *head)
{
	char method[8];
	int path = 0;

	if (sscanf(head, "%7[A-Z] %n", method, &path) != 1 || head[path] != '/')
		return 400;
	if (strncmp(head + path + strcspn(head + path, " \r\n"), " HTTP/1.", 8) != 0)
		return 400;
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ? 200 : 501;
}

/* Reads up to the empty line. The HTTP status to answer with; 0 if the client has gone. */
static int
read_head(int fd, char head[HEAD_SIZE])
{
	const long deadline_ms = now_ms() + HEAD_MS;
	size_t len = 0;
	ssize_t got;

	do {
		if (len == HEAD_SIZE - 1)
			return 431;
		got = read_until(fd, head + len, HEAD_SIZE - 1 - len, deadline_ms);
		if (got <= 0)
			return got < 0 && errno == ETIMEDOUT ? 408 : 0;
		len += (size_t)got;
		head[len] = '\0';
		if (memchr(head, '\0', len) != NULL)
			return 400;
	} while (strstr(head, "\r\n\r\n") == NULL && strstr(head, "\n\n") == NULL);
	return judge(head);
}

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 408, "Request Timeout" },
		{ 431, "Request Header Fields Too Large" },
		{ 501, "Not Implemented" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status)
			return rows[i].text;
	}
	return "Error";
}

static void
answer(int fd, int status, const char *head, const struct worker *w)
{
	char body[256], text[1024];

	if (status == 200)
		snprintf(body, sizeof(body),
		    "This is worker %ld, %ld seconds old, and request %lu that it serves.\n",
		    (long)getpid(), (long)(time(NULL) - w->started), w->served);
	else
		snprintf(body, sizeof(body), "%d %s\n", status, reason(status));
	int len = snprintf(text, sizeof(text),
	    "HTTP/1.0 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    status, reason(status), strlen(body), strncmp(head, "HEAD ", 5) == 0 ? "" : body);

	/* It fits into the empty buffer of a socket: nothing waits here for a client that does not read. */
	send(fd, text, (size_t)len, MSG_NOSIGNAL);
}

/* A socket that is closed with something unread is reset, and the answer may be lost with it. */
static void
linger(int fd)
{
	const long deadline_ms = now_ms() + LINGER_MS;
	char rest[4096];

	shutdown(fd, SHUT_WR);
	while (read_until(fd, rest, sizeof(rest), deadline_ms) > 0)
		;
}

static int
serve(struct porter_connection *c, void *arg)
{
	struct worker *w = arg;
	char head[HEAD_SIZE] = "";
	int status = read_head(c->fd, head);

	if (status == 0)
		return 1;
	w->served += status == 200;
	answer(c->fd, status, head, w);
	linger(c->fd);
	return status != 200;
}

int
main(void)
{
	struct worker worker = { .started = time(NULL) };
	int r = porter_serve(PORTER_CHANNEL, serve, &worker);

	if (r < 0)
		fprintf(stderr,
		    "http_worker: descriptor 0 is no channel of porterd (%s): this program is a worker, for a service with "
		    "pool = dynamic\n",
		    strerror(-r));
	return r < 0;
}
