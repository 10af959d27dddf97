/* SPDX-License-Identifier: MIT */
#include "net/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The longest time that a close may take. */
#define TICK_US    100000
/* After so many ticks without a close the timer rests. */
#define IDLE_TICKS 5

static volatile sig_atomic_t idle_ticks, is_ticking;

static void
set_timer(long tick_us)
{
	const struct itimerval tick = { { 0, tick_us }, { 0, tick_us } };

	setitimer(ITIMER_REAL, &tick, NULL);
}

/* That it comes is all it is for. */
static void
on_tick(int signo)
{
	(void)signo;
	if (++idle_ticks < IDLE_TICKS)
		return;
	is_ticking = false;
	set_timer(0);
}

/* restarts: a call that waits is begun again after the signal, but for close(2), which never is. */
static void
take_signal(bool restarts)
{
	const struct sigaction action = { .sa_handler = on_tick,
		.sa_flags = restarts ? SA_RESTART : 0 };

	sigaction(SIGALRM, &action, NULL);
}

void
linger_guard(void)
{
	sigset_t set;

	idle_ticks = 0;
	if (is_ticking)
		return;
	is_ticking = true;
	take_signal(true);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	set_timer(TICK_US);
}

int
linger_accept(int fd, struct sockaddr *peer, socklen_t *len)
{
	int r;

	linger_guard();
	take_signal(false);
	r = accept4(fd, peer, len, SOCK_CLOEXEC);
	if (r < 0)
		r = -errno;
	take_signal(true);
	return r;
}

void
linger_close(int fd)
{
	const struct linger none = { 0 };

	linger_guard();
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}

/* It has to hold the socket until we have closed ours, which the end of a pipe tells. */
static _Noreturn void
hold(int told, int tells)
{
	char byte;

	close(tells);
	while (read(told, &byte, sizeof(byte)) < 0 && errno == EINTR)
		continue;
	_exit(0);
}

void
linger_close_queue(int fd)
{
	int told[2] = { -1, -1 };
	pid_t pid = pipe2(told, O_CLOEXEC) < 0 ? -1 : fork();

	if (pid == 0)
		hold(told[0], told[1]);
	linger_close(fd);
	if (told[0] >= 0) {
		close(told[0]);
		close(told[1]);
	}
}
