/* SPDX-License-Identifier: MIT */
/* Yardsticks: what the same thing costs with nothing around it, no rules, no log, no care for workers that fail.
 *   bare passing PORT WORKERS     one process accepts and passes each connection to a free worker
 *   bare shared PORT WORKERS      the workers accept on one listening socket */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "serve.h"

#define WORKERS_MAX 64

static int listener;
static int channels[WORKERS_MAX];

static void
give_up(const char *what)
{
	perror(what);
	exit(1);
}

static void
listen_on(int port)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int on = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(listener, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(listener, SOMAXCONN) < 0)
		give_up("listen");
}

/* With passing, channels[i] is the parent's end afterwards. */
static void
start_worker(int i, int is_passing)
{
	int pair[2] = { -1, -1 };
	pid_t pid;

	if (is_passing && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		give_up("socketpair");
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (pid > 0) {
		close(pair[1]);
		channels[i] = pair[0];
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!is_passing)
		serve_accepted(listener);
	/* Other workers' channels would never end for them otherwise. */
	for (int other = 0; other < i; other++)
		close(channels[other]);
	close(pair[0]);
	close(listener);
	serve_passed(pair[1]);
	_exit(0);
}

static void
pass(int channel, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 0;
	struct iovec bytes = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(channel, &message, MSG_NOSIGNAL) != 1)
		give_up("sendmsg");
	close(fd);
}

/* The listener is watched while a worker is free. The one that was busy last is taken: its memory is warm. */
static void
pass_for_ever(int workers)
{
	struct pollfd watched[WORKERS_MAX + 1];
	int idle[WORKERS_MAX], count = workers;
	char byte;

	for (int i = 0; i < workers; i++) {
		watched[i] = (struct pollfd){ .fd = channels[i], .events = POLLIN };
		idle[i] = i;
	}
	for (;;) {
		watched[workers] =
		    (struct pollfd){ .fd = count > 0 ? listener : -1, .events = POLLIN };
		if (poll(watched, (nfds_t)workers + 1, -1) < 0)
			give_up("poll");
		for (int i = 0; i < workers; i++) {
			if (watched[i].revents == 0)
				continue;
			if (recv(channels[i], &byte, 1, 0) != 1)
				give_up("a worker");
			idle[count++] = i;
		}
		if (watched[workers].revents != 0) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

			if (fd < 0)
				give_up("accept4");
			pass(channels[idle[--count]], fd);
		}
	}
}

int
main(int argc, char **argv)
{
	int workers = argc == 4 ? atoi(argv[3]) : 0;
	int is_passing;

	if (workers < 1 || workers > WORKERS_MAX)
		return 2;
	is_passing = strcmp(argv[1], "passing") == 0;
	listen_on(atoi(argv[2]));
	for (int i = 0; i < workers; i++)
		start_worker(i, is_passing);
	if (is_passing)
		pass_for_ever(workers);
	while (wait(NULL) > 0)
		;
	return 0;
}
