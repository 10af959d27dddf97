/* SPDX-License-Identifier: MIT */
/* Echoes lines until its client leaves. Some lines are commands:
 *   pid          answers with the process id
 *   exit N       ends with this status
 *   kill N       sends itself this signal
 *   ignore N     ignores this signal, answers "ignored"
 *   error TEXT   writes TEXT to standard error; bytes may be given as %XX; answers "written"
 *   orphan       leaves a grandchild that answers "orphan PID" once its parent is gone, and ends
 *   stay         leaves a child in this process group that keeps the connection; answers "stays PID"
 *   stubborn     the same, and the child ignores SIGTERM
 *   burn         uses a tenth of a second of processor time, answers "burnt"
 *   file PATH    creates a file; answers "created", or the reason */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
do_pid(const char *text)
{
	(void)text;
	printf("%d\n", getpid());
}

static void
do_exit(const char *text)
{
	exit(atoi(text));
}

static void
do_kill(const char *text)
{
	kill(getpid(), atoi(text));
}

static void
do_ignore(const char *text)
{
	signal(atoi(text), SIG_IGN);
	printf("ignored\n");
}

static void
do_error(const char *text)
{
	char out[65536];
	size_t len = 0;

	for (; *text != '\0' && len < sizeof(out); text++) {
		unsigned byte;

		if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1) {
			out[len++] = (char)byte;
			text += 2;
		} else {
			out[len++] = *text;
		}
	}
	if (write(2, out, len) == (ssize_t)len)
		printf("written\n");
}

static void
do_orphan(const char *text)
{
	sigset_t set;
	int signo;

	(void)text;
	pid_t middle = fork();
	if (middle != 0) {
		waitpid(middle, NULL, 0);
		return;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	middle = getpid();
	if (fork() != 0)
		_exit(0);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	if (getppid() == middle)
		sigwait(&set, &signo);
	dprintf(1, "orphan %d\n", getpid());
	_exit(7);
}

static void
do_stay(const char *text)
{
	(void)text;
	pid_t pid = fork();

	if (pid > 0) {
		signal(SIGTERM, SIG_DFL); /* ignored by do_stubborn for the child */
		printf("stays %d\n", pid);
		return;
	}
	for (;;)
		pause();
}

static void
do_stubborn(const char *text)
{
	/* Ignored before the fork, so that the child does so from the start. */
	signal(SIGTERM, SIG_IGN);
	do_stay(text);
}

static void
do_burn(const char *text)
{
	(void)text;
	clock_t end = clock() + CLOCKS_PER_SEC / 10;

	while (clock() < end)
		;
	printf("burnt\n");
}

static void
do_file(const char *text)
{
	int fd = open(text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	printf("%s\n", fd >= 0 ? "created" : strerror(errno));
	if (fd >= 0)
		close(fd);
}

static const struct {
	const char *name;
	void (*fn)(const char *text);
} commands[] = {
	{ "pid", do_pid },
	{ "exit", do_exit },
	{ "kill", do_kill },
	{ "ignore", do_ignore },
	{ "error", do_error },
	{ "orphan", do_orphan },
	{ "stay", do_stay },
	{ "stubborn", do_stubborn },
	{ "burn", do_burn },
	{ "file", do_file },
};

static bool
run_line(const char *line)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		size_t len = strlen(commands[i].name);

		if (strncmp(line, commands[i].name, len) != 0 ||
		    (line[len] != '\0' && line[len] != ' '))
			continue;
		commands[i].fn(line + len + (line[len] == ' '));
		return true;
	}
	return false;
}

int
main(void)
{
	static char line[65536];

	setvbuf(stdout, NULL, _IOLBF, 65536);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!run_line(line))
			printf("%s\n", line);
	}
	return 0;
}
