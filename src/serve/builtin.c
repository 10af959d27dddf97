/* SPDX-License-Identifier: MIT */
#include "serve/builtin.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/mem.h"

/* RFC 864: lines of 72 of the 95 printable ASCII characters, each beginning one character further
 * on. */
#define CHARGEN_COLUMNS      72
#define CHARGEN_CHARS        95
#define CHARGEN_LINE         (CHARGEN_COLUMNS + 2)
/* The longest datagram that chargen answers with. */
#define CHARGEN_DATAGRAM     512
/* Seconds from 1900, where RFC 868 begins to count, to 1970. */
#define SECONDS_1900_TO_1970 INT64_C(2208988800)

#define STREAM_BUFFER 16384

static void
wait_for(int fd, short event)
{
	struct pollfd p = { .fd = fd, .events = event };

	poll(&p, 1, -1);
}

/* As recv(2), but waits on a socket that is non-blocking, too. 0 at the end of the stream, below 0
 * on errors. */
static ssize_t
receive(int fd, char *buffer, size_t size)
{
	for (;;) {
		ssize_t n = recv(fd, buffer, size, 0);

		if (n >= 0 || (errno != EINTR && errno != EAGAIN))
			return n;
		if (errno == EAGAIN)
			wait_for(fd, POLLIN);
	}
}

static bool
send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN)
			wait_for(fd, POLLOUT);
		else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

static void
echo_stream(int fd)
{
	char buffer[STREAM_BUFFER];
	ssize_t n;

	while ((n = receive(fd, buffer, sizeof(buffer))) > 0)
		if (!send_all(fd, buffer, (size_t)n))
			return;
}

static ssize_t
echo_datagram(const char *in, size_t in_len, char *out, size_t out_size, time_t now)
{
	(void)now;
	if (in_len > out_size)
		return -1;
	memcpy(out, in, in_len);
	return (ssize_t)in_len;
}

static void
discard_stream(int fd)
{
	char buffer[STREAM_BUFFER];

	while (receive(fd, buffer, sizeof(buffer)) > 0)
		;
}

static ssize_t
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is that of its row. */
discard_datagram(const char *in, size_t in_len, char *out, size_t out_size, time_t now)
{
	(void)in;
	(void)in_len;
	(void)out;
	(void)out_size;
	(void)now;
	return -1;
}

/* The part of chargen's endless text that begins at offset from. */
static void
chargen_fill(char *out, size_t len, size_t from)
{
	for (size_t i = 0; i < len; i++) {
		const size_t line = (from + i) / CHARGEN_LINE, column = (from + i) % CHARGEN_LINE;

		if (column < CHARGEN_COLUMNS)
			out[i] = (char)(' ' + (line + column) % CHARGEN_CHARS);
		else
			out[i] = column == CHARGEN_COLUMNS ? '\r' : '\n';
	}
}

/* What the client sends is thrown away, and must not fill up its side. */
static void
drop_input(int fd)
{
	char buffer[STREAM_BUFFER];

	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) == (ssize_t)sizeof(buffer))
		;
}

static void
chargen_stream(int fd)
{
	/* After as many lines as there are characters the text begins again. */
	char text[CHARGEN_CHARS * CHARGEN_LINE];

	chargen_fill(text, sizeof(text), 0);
	do
		drop_input(fd);
	while (send_all(fd, text, sizeof(text)));
}

static ssize_t
chargen_datagram(const char *in, size_t in_len, char *out, size_t out_size, time_t now)
{
	size_t len = in_len < CHARGEN_DATAGRAM ? in_len : CHARGEN_DATAGRAM;

	(void)in;
	(void)now;
	if (len > out_size)
		len = out_size;
	if (len == 0)
		return -1;
	chargen_fill(out, len, 0);
	return (ssize_t)len;
}

static size_t
daytime_answer(char *out, size_t size, time_t now)
{
	/* Not strftime's %b: English whatever the locale. */
	static const char months[][4] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG",
		"SEP", "OCT", "NOV", "DEC" };
	struct tm tm;
	int len;

	if (localtime_r(&now, &tm) == NULL)
		return 0;
	len = snprintf(out, size, "%02d %s %d %02d:%02d:%02d %.16s\r\n", tm.tm_mday,
	    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_zone);
	return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

static size_t
time_answer(char *out, size_t size, time_t now)
{
	/* Modulo 2^32: the count begins again at 0 in February 2036. */
	const uint32_t seconds = (uint32_t)((int64_t)now + SECONDS_1900_TO_1970);

	if (size < sizeof(seconds))
		return 0;
	for (unsigned i = 0; i < sizeof(seconds); i++)
		out[i] = (char)(seconds >> (24 - 8 * i) & 0xff);
	return sizeof(seconds);
}

/* An answer of no length is none here: only an echo may be empty. */
static ssize_t
some(size_t len)
{
	return len > 0 ? (ssize_t)len : -1;
}

static ssize_t
daytime_datagram(const char *in, size_t in_len, char *out, size_t out_size, time_t now)
{
	(void)in;
	(void)in_len;
	return some(daytime_answer(out, out_size, now));
}

static ssize_t
time_datagram(const char *in, size_t in_len, char *out, size_t out_size, time_t now)
{
	(void)in;
	(void)in_len;
	return some(time_answer(out, out_size, now));
}

/* clang-format off */
static const struct builtin builtins[] = {
	{ .name = "chargen", .stream = chargen_stream, .datagram = chargen_datagram,
	  .text = "Sends printable characters without end; by UDP at most as many as it was sent." },
	{ .name = "daytime", .answer = daytime_answer, .datagram = daytime_datagram,
	  .text = "Sends date and time of day as a line of text." },
	{ .name = "discard", .stream = discard_stream, .datagram = discard_datagram,
	  .text = "Takes whatever it is sent and answers nothing." },
	{ .name = "echo", .stream = echo_stream, .datagram = echo_datagram,
	  .text = "Sends back what it is sent." },
	{ .name = "servers", .inside = INSIDE_SERVERS,
	  .text = "Lists the programs that run: service, process id, client, and since when." },
	{ .name = "services", .inside = INSIDE_SERVICES,
	  .text = "Lists the services that are on: name, protocol and port." },
	{ .name = "tcpmux", .inside = INSIDE_TCPMUX,
	  .text = "Asks the client for the name of a service whose type is TCPMUX or TCPMUXPLUS, and hands it over." },
	{ .name = "time", .answer = time_answer, .datagram = time_datagram,
	  .text = "Sends the seconds since 1900 as four bytes, the highest first." },
};

/* clang-format on */

const struct builtin *
builtin_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
		if (strcasecmp(builtins[i].name, name) == 0)
			return &builtins[i];
	return NULL;
}

bool
builtin_exists(const char *name, int socket_type)
{
	const struct builtin *b = builtin_find(name);

	if (b == NULL)
		return false;
	if (socket_type == SOCK_DGRAM)
		return b->datagram != NULL;
	return socket_type == SOCK_STREAM &&
	       (b->stream != NULL || b->answer != NULL || b->inside != INSIDE_NOTHING);
}
