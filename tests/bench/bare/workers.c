/* SPDX-License-Identifier: MIT */
#include "bare/workers.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bare/common.h"
#include "serve.h"

static int channels[WORKERS_MOST];

/* channels[i] is the parent's end afterwards. */
static void
start_passed(int listener, unsigned i)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		give_up("socketpair");
	pid = fork_or_give_up();
	if (pid > 0) {
		close(pair[1]);
		channels[i] = pair[0];
		return;
	}
	/* Other workers' channels would never end for them otherwise. */
	for (unsigned other = 0; other < i; other++)
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
void
workers_pass(int listener, unsigned workers)
{
	struct pollfd watched[WORKERS_MOST + 1];
	unsigned idle[WORKERS_MOST], count = workers;
	char byte;

	for (unsigned i = 0; i < workers; i++) {
		start_passed(listener, i);
		watched[i] = (struct pollfd){ .fd = channels[i], .events = POLLIN };
		idle[i] = i;
	}
	for (;;) {
		watched[workers] =
		    (struct pollfd){ .fd = count > 0 ? listener : -1, .events = POLLIN };
		if (poll(watched, (nfds_t)workers + 1, -1) < 0)
			give_up("poll");
		for (unsigned i = 0; i < workers; i++) {
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

void
workers_share(int listener, unsigned workers)
{
	for (unsigned i = 0; i < workers; i++)
		if (fork_or_give_up() == 0) {
			serve_accepted(listener);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	exit(0);
}
