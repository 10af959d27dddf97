/* SPDX-License-Identifier: MIT */
#include "control/background.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/log.h"

static int status_pipe = -1;

/* The command's side: its status is the byte that the daemon sends. */
static _Noreturn void
wait_for_daemon(int fd, pid_t between)
{
	unsigned char status = 1;
	ssize_t n;

	while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
		continue;
	do
		n = read(fd, &status, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? status : 1);
}

static pid_t
fork_or_end(void)
{
	pid_t pid = fork();

	if (pid < 0)
		log_fatal("event=start-refused error=\"%s\"", strerror(errno));
	return pid;
}

void
background_start(void)
{
	pid_t between;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		log_fatal("event=start-refused error=\"%s\"", strerror(errno));
	between = fork_or_end();
	if (between > 0) {
		close(fds[1]);
		wait_for_daemon(fds[0], between);
	}
	setsid();
	/* The second child is no session leader, so that no terminal it opens becomes its own. */
	if (fork_or_end() > 0)
		_exit(0);
	close(fds[0]);
	status_pipe = descriptor_high(fds[1]);
	if (status_pipe < 0)
		status_pipe = fds[1];
	if (chdir("/") < 0)
		log_fatal("event=start-refused error=\"%s\"", strerror(errno));
}

void
background_release(int status)
{
	unsigned char byte = (unsigned char)status;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);

	for (int fd = 0; fd <= 2 && null_fd >= 0; fd++)
		dup2(null_fd, fd);
	if (null_fd >= 0)
		close(null_fd);
	(void)!write(status_pipe, &byte, 1);
	close(status_pipe);
	status_pipe = -1;
}
