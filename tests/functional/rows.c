/* SPDX-License-Identifier: MIT */
#include "functional/rows.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t
address(const char *text, unsigned port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	*ss = (struct sockaddr_storage){ 0 };
	if (strchr(text, ':') != NULL) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		ck_assert_int_eq(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	ck_assert_int_eq(inet_pton(AF_INET, text, &v4->sin_addr), 1);
	return sizeof(*v4);
}

int
client_from(const char *source, const char *to, unsigned port)
{
	struct sockaddr_storage here, there;
	socklen_t len = address(source, 0, &here);
	int fd = socket(here.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_msg(fd >= 0 && bind(fd, (struct sockaddr *)&here, len) == 0, "%s: %s", source,
	    strerror(errno));
	len = address(to, port, &there);
	ck_assert_msg(connect(fd, (struct sockaddr *)&there, len) == 0, "%s port %u: %s", to, port,
	    strerror(errno));
	return fd;
}

unsigned
port_of(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->listener_count; i++)
		/* The port stands at the same place in both kinds of address. */
		if (strcmp(d->listeners[i].name, name) == 0)
			return ntohs(((const struct sockaddr_in *)&d->listeners[i].addr)->sin_port);
	ck_abort_msg("no listener %s", name);
}

int
client_of(struct daemon *d, const char *name, const char *source)
{
	const char *to = strchr(source, ':') != NULL ? "::1" : "127.0.0.1";

	return client_from(source, to, port_of(d, name));
}

bool
is_answered(int fd)
{
	char back[8];
	ssize_t n = send(fd, "hello\n", 6, MSG_NOSIGNAL);

	if (n < 0)
		return false;
	ck_assert_msg(wait_for(fd, POLLIN, deadline_after()), "no answer and no end");
	n = recv(fd, back, 6, MSG_WAITALL);
	ck_assert_msg(n <= 0 || (n == 6 && memcmp(back, "hello\n", 6) == 0), "another answer");
	return n > 0;
}

bool
serves(struct daemon *d, const char *name, const char *source)
{
	int fd = client_of(d, name, source);
	bool is_served = is_answered(fd);

	close(fd);
	return is_served;
}

struct run_result
checked(struct daemon *d)
{
	const char *argv[] = { PORTERD, "--check", "-f", d->conf_path, NULL };

	daemon_write(d);
	return run_command(argv);
}

bool
names_line(const struct run_result *r, unsigned line, const char *severity, const char *words)
{
	const char *place = text_format("porterd.conf:%u:", line);

	for (const char *at = r->output; (at = strstr(at, place)) != NULL; at++) {
		const char *text = text_format("%.*s", (int)strcspn(at, "\n"), at);

		if (strstr(text, text_format(": %s", severity)) != NULL &&
		    strstr(text, words) != NULL)
			return true;
	}
	return false;
}

void
names_change(struct daemon *d, const char *text)
{
	write_file(text_format("%s/names", d->dir), 0644, text);
}

void
names_are(struct daemon *d, const char *text)
{
	const char *options = getenv("ASAN_OPTIONS");

	names_change(d, text);
	daemon_setenv(d, "PORTER_NAMES=%s/names", d->dir);
	daemon_setenv(d, "LD_PRELOAD=%s", BUILD_DIR "/tests/preload/names.so");
	daemon_setenv(d, "ASAN_OPTIONS=%s%sverify_asan_link_order=0",
	    options != NULL ? options : "", options != NULL ? ":" : "");
}

bool
own_file(const char *path, const char *text)
{
	const char *own = text_format("%s/file", make_directory());

	if (!is_root() || access(path, F_OK) < 0 || unshare(CLONE_NEWNS) < 0)
		return false;
	write_file(own, 0644, text);
	return mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount(own, path, NULL, MS_BIND, NULL) == 0;
}
