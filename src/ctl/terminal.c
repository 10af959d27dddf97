/* SPDX-License-Identifier: MIT */
#include "ctl/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/array.h"

/* The second screen without a cursor, and back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[0m\033[?25h\033[?1049l"

static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };

static struct {
	bool is_open, is_prepared;
	struct termios before;
	sigset_t mask; /* as it was before */
} terminal;

static volatile sig_atomic_t caught[NSIG];

static void
note(int signo)
{
	caught[signo] = 1;
}

/* Write errors mean that the terminal is gone, which the next read tells. */
static void
put(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		return;
}

/* Signals are seen in terminal_wait alone, so that none comes between two steps. */
static void
prepare(void)
{
	const struct sigaction action = { .sa_handler = note };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		sigaddset(&set, watched[i]);
	sigprocmask(SIG_BLOCK, &set, &terminal.mask);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		sigaction(watched[i], &action, NULL);
		sigdelset(&terminal.mask, watched[i]);
	}
	atexit(terminal_leave);
	terminal.is_prepared = true;
}

int
terminal_enter(void)
{
	struct termios raw;

	if (terminal.is_open)
		return 0;
	if (tcgetattr(STDIN_FILENO, &terminal.before) < 0)
		return -errno;
	if (!terminal.is_prepared)
		prepare();
	raw = terminal.before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return -errno;
	terminal.is_open = true;
	put(ENTER);
	return 0;
}

void
terminal_leave(void)
{
	if (!terminal.is_open)
		return;
	terminal.is_open = false;
	put(LEAVE);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.before);
}

/* Ends or stops as the signal does by itself. */
static void
obey(int signo)
{
	const struct sigaction action = { .sa_handler = SIG_DFL }, ours = { .sa_handler = note };
	sigset_t set;

	terminal_leave();
	sigaction(signo, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	raise(signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* it comes here */
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(signo, &ours, NULL);
	terminal_enter();
}

/* True if the terminal has to be drawn anew. */
static bool
handle_signals(void)
{
	bool is_new = false;

	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		if (!caught[watched[i]])
			continue;
		caught[watched[i]] = 0;
		is_new = true;
		if (watched[i] != SIGWINCH)
			obey(watched[i]);
	}
	return is_new;
}

enum terminal_event
terminal_wait(int64_t most_ms, char *key)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	struct timespec ts = { .tv_sec = most_ms / 1000, .tv_nsec = most_ms % 1000 * 1000000 };
	int n = ppoll(&p, 1, &ts, &terminal.mask);

	if (n < 0)
		return handle_signals() ? TERMINAL_SIZE : TERMINAL_TIME;
	if (n == 0)
		return TERMINAL_TIME;
	return read(STDIN_FILENO, key, 1) == 1 ? TERMINAL_KEY : TERMINAL_GONE;
}
