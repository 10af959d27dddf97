/* SPDX-License-Identifier: MIT */
/* porterctl on a terminal: width, colours, lines that are written over, and the terminal as it was afterwards. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/glyph.h"
#include "functional/control.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"

struct terminal {
	pid_t pid;
	int fd, slave; /* slave: kept, so that its settings can be seen after the end */
	char text[1 << 18];
	size_t len, mark;
};

static struct terminal terminal;

static struct daemon *
started(void)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "web", "tcp", HOLD);
	daemon_service(d, "a-service-of-a-rather-long-name", "tcp", HOLD "\tinstances = 5\n");
	daemon_entry(d, "off", HOLD "\tdisable = yes\n\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	return d;
}

/* porterctl on a terminal of so many columns; what a test wants in the environment it has set itself. Without a session
 * keys send no signals, and the terminal's settings can be seen after its end. */
static void
spawn(struct daemon *d, unsigned columns, const char *const *args, bool has_session)
{
	const char *argv[12] = { PORTERCTL, "--control", control_path(d) };
	struct winsize size = { .ws_row = 24, .ws_col = (unsigned short)columns };

	for (size_t i = 0; args[i] != NULL; i++)
		argv[3 + i] = args[i];
	memset(&terminal, 0, sizeof(terminal));
	setenv("TERM", "xterm", 0);
	ck_assert_int_eq(openpty(&terminal.fd, &terminal.slave, NULL, NULL, &size), 0);
	fcntl(terminal.fd, F_SETFD, FD_CLOEXEC);
	terminal.pid = fork();
	ck_assert_int_ge(terminal.pid, 0);
	if (terminal.pid == 0) {
		if (has_session) {
			setsid();
			ioctl(terminal.slave, TIOCSCTTY, 0);
		}
		for (int fd = 0; fd < 3; fd++)
			dup2(terminal.slave, fd);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
}

static void
begin(struct daemon *d, unsigned columns, const char *const *args)
{
	spawn(d, columns, args, true);
}

/* Until the text has appeared behind what was expected before. */
static void
appears(const char *text)
{
	int64_t deadline = deadline_after();
	char *at;

	while ((at = strstr(terminal.text + terminal.mark, text)) == NULL) {
		ck_assert_msg(wait_for(terminal.fd, POLLIN, deadline),
		    "'%s' does not appear in:\n%.3000s", text, terminal.text);
		ssize_t n = read(terminal.fd, terminal.text + terminal.len,
		    sizeof(terminal.text) - 1 - terminal.len);
		ck_assert_int_gt(n, 0);
		terminal.len += (size_t)n;
		terminal.text[terminal.len] = '\0';
	}
	terminal.mark = (size_t)(at - terminal.text) + strlen(text);
}

static void
press(const char *keys)
{
	ck_assert_int_eq(write(terminal.fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

/* Reads what comes until the program has ended: its status. */
static int
finish(void)
{
	int status;

	while (waitpid(terminal.pid, &status, WNOHANG) == 0 || wait_for(terminal.fd, POLLIN, 0)) {
		if (!wait_for(terminal.fd, POLLIN, now_ms() + 10))
			continue;
		ssize_t n = read(terminal.fd, terminal.text + terminal.len,
		    sizeof(terminal.text) - 1 - terminal.len);
		ck_assert_int_gt(n, 0);
		terminal.len += (size_t)n;
		terminal.text[terminal.len] = '\0';
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
close_terminal(void)
{
	close(terminal.slave);
	close(terminal.fd);
}

/* All that a command prints, which must succeed. */
static const char *
shown(struct daemon *d, unsigned columns, const char *command)
{
	const char *const args[] = { command, NULL };

	begin(d, columns, args);
	ck_assert_int_eq(finish(), 0);
	close_terminal();
	return terminal.text;
}

/* Columns of the widest line; sequences of colours take none. */
static unsigned
widest(const char *text)
{
	unsigned width = 0, used = 0;
	size_t len = strlen(text);

	while (len > 0) {
		struct glyph g = glyph_at(text, len);
		size_t skip = g.len;

		if (*text == '\033')
			skip = strcspn(text, "m") + 1;
		else if (*text == '\n')
			used = 0;
		else if (*text != '\r')
			used += g.width;
		if (used > width)
			width = used;
		text += skip;
		len -= skip;
	}
	return width;
}

START_TEST(fits_the_width)
{
	static const char *const commands[] = { "status", "services", "connections", "bans" };
	struct daemon *d = started();
	int fd = hold_open(d, "web");

	unsetenv("COLUMNS");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const char *text = shown(d, 40, commands[i]);

		ck_assert_msg(widest(text) <= 40, "%s", text);
		ck_assert_int_gt((int)strlen(text), 20);
	}
	/* Cut with a sign, and columns that matter less left out. */
	const char *text = shown(d, 40, "services");
	ck_assert_ptr_nonnull(strstr(text, "\na-service"));
	ck_assert_ptr_nonnull(strstr(text, GLYPH_ELLIPSIS));
	ck_assert_ptr_null(strstr(text, "PROGRAM"));
	ck_assert_ptr_null(strstr(shown(d, 500, "services"), GLYPH_ELLIPSIS));
	text = shown(d, 200, "services");
	ck_assert_msg(widest(text) <= 200, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "PROGRAM"));
	ck_assert_ptr_nonnull(strstr(text, "a-service-of-a-rather-long-name "));
	/* COLUMNS comes first. */
	setenv("COLUMNS", "50", 1);
	text = shown(d, 200, "services");
	ck_assert_msg(widest(text) <= 50 && widest(text) > 40, "%s", text);
	setenv("COLUMNS", "many", 1);
	ck_assert_ptr_nonnull(strstr(shown(d, 200, "services"), "PROGRAM"));
	unsetenv("COLUMNS");
	/* No terminal: as wide as need be, without colours. */
	setenv("COLUMNS", "40", 1);
	struct run_result r = porterctl(d, "services", NULL);
	ck_assert_ptr_nonnull(strstr(r.output, "PROGRAM"));
	ck_assert_ptr_null(strchr(r.output, '\033'));
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(colours)
{
	struct daemon *d = started();

	unsetenv("NO_COLOR");
	ck_assert_ptr_nonnull(strstr(shown(d, 200, "services"), "\033[32mserving\033[0m"));
	setenv("NO_COLOR", "", 1);
	ck_assert_ptr_nonnull(strchr(shown(d, 200, "services"), '\033'));
	setenv("NO_COLOR", "1", 1);
	ck_assert_ptr_null(strchr(shown(d, 200, "services"), '\033'));
	ck_assert_ptr_null(strchr(shown(d, 200, "status"), '\033'));
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	ck_assert_ptr_null(strchr(shown(d, 200, "services"), '\033'));
	daemon_stop(d);
}

END_TEST

START_TEST(drain_writes_over_its_line)
{
	static const char *const args[] = { "drain", "web", NULL };
	struct daemon *d = started();
	int fd = hold_open(d, "web"), other = hold_open(d, "web");

	begin(d, 80, args);
	appears("\r\033[Kweb: 2 running");
	close(other);
	appears("\r\033[Kweb: 1 running");
	press("\003");
	appears("porterctl: interrupted: 1 programs of web still run");
	ck_assert_int_eq(finish(), 130);
	begin(d, 80, args);
	appears("\r\033[Kweb: 1 running");
	close(fd);
	appears("\r\033[Kweb: drained\r\n");
	ck_assert_int_eq(finish(), 0);
	daemon_stop(d);
}

END_TEST

static bool
is_as_before(const struct termios *before)
{
	struct termios now;

	ck_assert_int_eq(tcgetattr(terminal.slave, &now), 0);
	return now.c_lflag == before->c_lflag && now.c_iflag == before->c_iflag;
}

static const char *const top[] = { "top", "-d", "60", NULL };

/* top is there, and the settings are others. */
static void
begin_top(struct daemon *d, struct termios *before)
{
	spawn(d, 80, top, false);
	ck_assert_int_eq(tcgetattr(terminal.slave, before), 0);
	ck_assert(before->c_lflag & ICANON);
	appears("\033[?1049h");
	appears("sorted by running");
	appears("\033[J");
	ck_assert(!is_as_before(before));
}

START_TEST(top_keys)
{
	static const struct {
		const char *key, *word;
	} keys[] = { { "n", "name" }, { "a", "accepted" }, { "x", "refused" }, { "c", "cpu" },
		{ "m", "memory" }, { "r", "running" } };
	struct daemon *d = started();
	struct termios before;

	setenv("NO_COLOR", "1", 1);
	begin_top(d, &before);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		press(keys[i].key);
		appears(text_format("sorted by %s", keys[i].word));
	}
	/* Drawn from the top again; each line clears its rest. */
	appears("\033[J");
	press("z"); /* means nothing */
	appears("\033[H");
	appears("\033[K\r\n");
	/* Looked at again before its time. */
	appears("\033[J");
	int fd = hold_open(d, "web");
	press(" ");
	appears("running 1 ");
	press("q");
	appears("\033[?1049l");
	ck_assert_int_eq(finish(), 0);
	ck_assert(is_as_before(&before));
	close_terminal();
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(top_takes_another_size)
{
	struct daemon *d = started();
	struct winsize size = { .ws_row = 24, .ws_col = 200 };
	struct termios before;

	setenv("NO_COLOR", "1", 1);
	begin_top(d, &before);
	ck_assert_ptr_null(strstr(terminal.text, "PROCESSES"));
	ck_assert_int_eq(ioctl(terminal.fd, TIOCSWINSZ, &size), 0);
	kill(terminal.pid, SIGWINCH);
	appears("PROCESSES");
	press("q");
	ck_assert_int_eq(finish(), 0);
	daemon_stop(d);
}

END_TEST

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

START_TEST(top_restores_the_terminal)
{
	struct daemon *d = started();
	struct termios before;

	begin_top(d, &before);
	kill(terminal.pid, ending[_i]);
	appears("\033[?1049l");
	ck_assert_int_eq(finish(), 128 + ending[_i]);
	ck_assert(is_as_before(&before));
	close_terminal();
	daemon_stop(d);
}

END_TEST

START_TEST(top_when_the_daemon_goes_away)
{
	struct daemon *d = started();
	struct termios before;

	begin_top(d, &before);
	daemon_signal(d, SIGTERM);
	ck_assert_int_eq(daemon_wait(d), 0);
	press(" ");
	appears("\033[?1049l");
	appears("porterctl: porterd has ended");
	ck_assert_int_eq(finish(), 1);
	ck_assert(is_as_before(&before));
	close_terminal();
	daemon_closed(d);
}

END_TEST

START_TEST(top_ends_after_so_many)
{
	static const char *const args[] = { "top", "-d", "0.1", "-n", "2", NULL };
	struct daemon *d = started();

	begin(d, 80, args);
	ck_assert_int_eq(finish(), 0);
	const char *first = strstr(terminal.text, "sorted by"),
		   *second = strstr(first + 1, "sorted by");
	ck_assert_ptr_nonnull(second);
	const char *leave = strstr(second, "\033[?1049l");
	ck_assert_ptr_nonnull(leave);
	/* The second one again, where it stays. */
	const char *third = strstr(second + 1, "sorted by");
	ck_assert_ptr_eq(third, strstr(leave, "sorted by"));
	ck_assert_ptr_nonnull(third);
	ck_assert_ptr_null(strstr(third + 1, "sorted by"));
	daemon_stop(d);
}

END_TEST

START_TEST(run_on_the_terminal)
{
	static const char *const args[] = { "run", "web", "--terminal", NULL };
	struct daemon *d = started();

	begin(d, 80, args);
	press("hello\n");
	appears("hello\r\nhello\r\n");
	press("error to-the-terminal\n");
	appears("\r\nto-the-terminalwritten\r\n");
	press("exit 5\n");
	ck_assert_int_eq(finish(), 5);
	/* Ctrl-C is for the program. */
	begin(d, 80, args);
	press("hello\n");
	appears("hello\r\nhello\r\n");
	press("\003");
	ck_assert_int_eq(finish(), 130);
	expect_line(d, "EXIT: web signal=%d *", SIGINT);
	daemon_stop(d);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(fits_the_width),
		TEST(colours),
		TEST(drain_writes_over_its_line),
		TEST(top_keys),
		TEST(top_takes_another_size),
		TEST_LOOP(top_restores_the_terminal, ARRAY_LEN(ending)),
		TEST(top_when_the_daemon_goes_away),
		TEST(top_ends_after_so_many),
		TEST(run_on_the_terminal),
	};

	return run_functional("porterctl_terminal", tests, ARRAY_LEN(tests));
}
