/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *
control_path(const struct daemon *d)
{
	return text_format("%s/run/control", d->dir);
}

int
control_connect(struct daemon *d)
{
	int fd = connect_unix(control_path(d));

	if (fd < 0)
		daemon_fail(d, "%s: %s", control_path(d), strerror(-fd));
	return fd;
}

static void
send_all(int fd, const char *text, size_t len)
{
	int64_t deadline = deadline_after();

	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN && wait_for(fd, POLLOUT, deadline))
			continue;
		ck_assert_msg(n > 0, "send: %s", strerror(errno));
		text += n;
		len -= (size_t)n;
	}
}

/* Bytes up to the newline are taken from the socket, none of the next line. The caller frees. */
static char *
take_line(int fd)
{
	int64_t deadline = deadline_after();
	char *line = NULL;
	size_t len = 0;

	for (;;) {
		char part[16384];

		ck_assert_msg(wait_for(fd, POLLIN, deadline), "no line after %zu bytes", len);
		ssize_t n = recv(fd, part, sizeof(part), MSG_PEEK);
		ck_assert_msg(n > 0, "connection ended after %zu bytes of a line: %s", len,
		    n < 0 ? strerror(errno) : "EOF");
		const char *end = memchr(part, '\n', (size_t)n);
		size_t take = end != NULL ? (size_t)(end - part) + 1 : (size_t)n;

		line = realloc(line, len + take + 1);
		ck_assert_ptr_nonnull(line);
		ck_assert_int_eq(recv(fd, line + len, take, 0), (ssize_t)take);
		len += take;
		line[len] = '\0';
		if (end != NULL)
			return line;
	}
}

static json_t *
take_json(int fd)
{
	char *line = take_line(fd);
	json_error_t error;
	json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(json_is_object(j), "no JSON object: %s: %s", error.text, line);
	free(line);
	return j;
}

static json_t *request(int fd, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

static json_t *
request(int fd, const char *format, va_list ap)
{
	char *text;
	int len = vasprintf(&text, format, ap);

	ck_assert_int_ge(len, 0);
	text[len] = '\n'; /* in the place of the NUL */
	send_all(fd, text, (size_t)len + 1);
	free(text);
	return take_json(fd);
}

json_t *
control_request(int fd, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	json_t *answer = request(fd, format, ap);
	va_end(ap);
	return answer;
}

json_t *
control_ask(struct daemon *d, const char *format, ...)
{
	int fd = control_connect(d);
	va_list ap;

	va_start(ap, format);
	json_t *answer = request(fd, format, ap);
	va_end(ap);
	close(fd);
	if (!json_is_true(json_object_get(answer, "ok")))
		daemon_fail(d, "%s: %s", format, json_dumps(answer, 0));
	json_t *result = json_incref(json_object_get(answer, "result"));
	ck_assert_ptr_nonnull(result);
	json_decref(answer);
	return result;
}

const char *
control_refused(struct daemon *d, const char *format, ...)
{
	int fd = control_connect(d);
	va_list ap;

	va_start(ap, format);
	json_t *answer = request(fd, format, ap);
	va_end(ap);
	close(fd);
	if (!json_is_false(json_object_get(answer, "ok")))
		daemon_fail(d, "not refused: %s: %s", format, json_dumps(answer, 0));
	const char *code = text_format("%s", json_text_at(answer, "error.code"));
	ck_assert_int_gt((int)strlen(json_text_at(answer, "error.message")), 0);
	json_decref(answer);
	return code;
}

const json_t *
json_at(const json_t *j, const char *path)
{
	const json_t *at = j;

	for (const char *word = path; *word != '\0' && at != NULL;) {
		size_t len = strcspn(word, ".");
		char key[128];

		ck_assert_uint_lt(len, sizeof(key));
		memcpy(key, word, len);
		key[len] = '\0';
		at = json_is_array(at) ? json_array_get(at, (size_t)atoi(key))
				       : json_object_get(at, key);
		word += len + (word[len] == '.');
	}
	ck_assert_msg(at != NULL, "no %s in %s", path, json_dumps(j, JSON_ENCODE_ANY));
	return at;
}

const char *
json_text_at(const json_t *j, const char *path)
{
	const json_t *at = json_at(j, path);

	ck_assert_msg(json_is_string(at), "%s is no string", path);
	return json_string_value(at);
}

json_int_t
json_number_at(const json_t *j, const char *path)
{
	const json_t *at = json_at(j, path);

	ck_assert_msg(json_is_integer(at), "%s is no whole number", path);
	return json_integer_value(at);
}

json_t *
control_event(int fd)
{
	json_t *event = take_json(fd);

	ck_assert_msg(
	    json_is_string(json_object_get(event, "event")), "no event: %s", json_dumps(event, 0));
	return event;
}

struct run_result
porterctl(struct daemon *d, const char *arg, ...)
{
	const char *argv[32] = { PORTERCTL, "--control", control_path(d) };
	size_t n = 3;
	va_list ap;

	va_start(ap, arg);
	for (; arg != NULL; arg = va_arg(ap, const char *)) {
		ck_assert_uint_lt(n, ARRAY_LEN(argv) - 1);
		argv[n++] = arg;
	}
	va_end(ap);
	return run_command(argv);
}
