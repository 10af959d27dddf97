/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a change is waited for before the next dump, unless the log has something. */
#define LOOK_AGAIN_MS 20

const char *
state_dump(struct daemon *d)
{
	size_t mark = d->mark;

	daemon_mark(d);
	daemon_signal(d, SIGUSR1);
	expect_line(d, "event=dump path=");
	d->mark = mark;
	return read_file(text_format("%s/run/dump", d->dir));
}

/* The service's part of a dump; static text. */
static const char *
service_part(struct daemon *d, const char *dump, const char *service)
{
	const char *head = text_format("\nservice %s", service), *at = dump;

	while (
	    (at = strstr(at, head)) != NULL && at[strlen(head)] != '\n' && at[strlen(head)] != ' ')
		at++;
	if (at == NULL)
		daemon_fail(d, "no service %s in the dump:\n%s", service, dump);
	const char *end = strstr(at + 1, "\nservice ");
	return end != NULL ? text_format("%.*s", (int)(end - at), at) : text_format("%s", at);
}

static long long
number_in(const char *part, const char *key)
{
	static const char *const sizes[] = { "workers", "idle", "busy", "leaving", "most" };
	const char *line = "\tpool counters:";

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		if (strcmp(key, sizes[i]) == 0)
			line = "\tpool ";
	if (strcmp(key, "accepted") == 0 || strcmp(key, "refused") == 0 ||
	    strcmp(key, "aborted") == 0 || strcmp(key, "answered") == 0)
		line = "\tcounters:";

	const char *at = strstr(part, line), *end = at != NULL ? strchr(at, '\n') : NULL;
	const char *wanted = text_format(" %s=", key);
	at = at != NULL ? strstr(at, wanted) : NULL;
	return at != NULL && end != NULL && at < end ? atoll(at + strlen(wanted)) : -1;
}

long long
pool_number(struct daemon *d, const char *service, const char *key)
{
	return number_in(service_part(d, state_dump(d), service), key);
}

/* Until something is logged, or a moment has passed. */
static void
look_again(struct daemon *d, int64_t deadline, const char *what, const char *part)
{
	if (now_ms() > deadline)
		daemon_fail(d, "%s does not come:%s", what, part);
	wait_for(d->log_fd, POLLIN, now_ms() + LOOK_AGAIN_MS);
}

void
expect_number(struct daemon *d, const char *service, const char *key, long long value)
{
	int64_t deadline = deadline_after();

	for (;;) {
		const char *part = service_part(d, state_dump(d), service);
		long long number = number_in(part, key);

		if (number == value)
			return;
		if (number < 0)
			daemon_fail(d, "no %s in the dump:%s", key, part);
		look_again(d, deadline, text_format("%s=%lld", key, value), part);
	}
}

void
expect_workers(struct daemon *d, const char *service, int workers, int idle)
{
	int64_t deadline = deadline_after();

	for (;;) {
		const char *part = service_part(d, state_dump(d), service);

		if (number_in(part, "workers") == workers && number_in(part, "idle") == idle &&
		    number_in(part, "leaving") == 0)
			return;
		if (number_in(part, "workers") < 0)
			daemon_fail(d, "no pool in the dump:%s", part);
		look_again(d, deadline, text_format("workers=%d idle=%d", workers, idle), part);
	}
}

static size_t
pids_in(struct daemon *d, const char *part, const char *state, pid_t *pids)
{
	size_t count = 0;

	while ((part = strstr(part, "\tworker pid=")) != NULL) {
		char word[32] = "";
		int pid = 0;

		if (sscanf(part, "\tworker pid=%d channel=%*s state=%31[a-z]", &pid, word) != 2)
			daemon_fail(d, "a worker's line is wrong: %.80s", part);
		if (count < WORKERS_MAX && (state == NULL || strcmp(state, word) == 0))
			pids[count++] = pid;
		part++;
	}
	return count;
}

size_t
worker_pids(struct daemon *d, const char *service, const char *state, pid_t *pids)
{
	return pids_in(d, service_part(d, state_dump(d), service), state, pids);
}

void
expect_state(struct daemon *d, const char *service, pid_t pid, const char *state)
{
	int64_t deadline = deadline_after();
	pid_t pids[WORKERS_MAX];

	for (;;) {
		const char *part = service_part(d, state_dump(d), service);
		size_t count = pids_in(d, part, state, pids);

		for (size_t i = 0; i < count; i++)
			if (pids[i] == pid)
				return;
		look_again(d, deadline, text_format("pid=%d state=%s", (int)pid, state), part);
	}
}

void
expect_fds(struct daemon *d, unsigned most)
{
	int64_t deadline = deadline_after();

	while (daemon_fds(d) > most)
		look_again(d, deadline,
		    text_format("at most %u descriptors, %u,", most, daemon_fds(d)), "");
}

void
expect_waiting(struct daemon *d, pid_t pid)
{
	int64_t deadline = deadline_after();

	while (path_exists(text_format("/proc/%d/fd/3", (int)pid)) ||
	       process_status(pid, "State")[0] != 'S')
		look_again(d, deadline, text_format("worker %d at rest", (int)pid), "");
}

void
expect_accounts(struct daemon *d, const char *service)
{
	static const char *const ends[] = { "refused", "aborted", "answered", "served", "lost",
		"given-up" };
	int64_t deadline = deadline_after();

	for (;;) {
		const char *part = service_part(d, state_dump(d), service);
		long long sum = 0;

		for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
			long long n = number_in(part, ends[i]);

			ck_assert_msg(n >= 0, "no %s in the dump:%s", ends[i], part);
			sum += n;
		}
		if (sum == number_in(part, "accepted"))
			return;
		look_again(d, deadline,
		    text_format("accepted=%lld, of which %lld have ended",
			number_in(part, "accepted"), sum),
		    part);
	}
}

void
pass_time(struct daemon *d, int seconds)
{
	/* What it is at belongs to the time before. */
	state_dump(d);
	daemon_idle(d);
	atomic_fetch_add(&d->inject->monotonic_s, seconds);
	/* The signal brings the turn of the loop in which timers are due. */
	state_dump(d);
	daemon_idle(d);
}

unsigned
count_children(pid_t parent)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	unsigned count = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		count += pid > 1 && atoi(process_status(pid, "PPid")) == (int)parent;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

void
expect_children(struct daemon *d, unsigned count)
{
	int64_t deadline = deadline_after();

	while (count_children(d->pid) != count)
		look_again(d, deadline,
		    text_format("%u children, not %u,", count, count_children(d->pid)), "");
}

void
stop_process(pid_t pid)
{
	kill(pid, SIGSTOP);
	wait_stopped(pid);
}

void
wait_stopped(pid_t pid)
{
	int64_t deadline = deadline_after();

	while (process_status(pid, "State")[0] != 'T') {
		ck_assert_msg(now_ms() <= deadline, "process %d does not stop", (int)pid);
		sched_yield();
	}
}

pid_t
start_tracer(pid_t pid)
{
	int ready[2];
	char answer = 0;

	ck_assert_int_eq(pipe(ready), 0);
	pid_t tracer = fork();
	if (tracer == 0) {
		answer = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
		(void)!write(ready[1], &answer, 1);
		while (answer != 0)
			pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &answer, 1), 1);
	close(ready[0]);
	close(ready[1]);
	if (answer == 0)
		wait_exit(tracer);
	return answer != 0 ? tracer : 0;
}

void
end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_gone(pid);
	waitpid(pid, NULL, WNOHANG);
}

const char *
make_fifo(struct daemon *d, const char *name)
{
	const char *path = text_format("%s/%s", d->dir, name);

	ck_assert_msg(mkfifo(path, 0600) == 0, "%s: %s", path, strerror(errno));
	return path;
}

static bool
try_fifo(struct daemon *d, const char *name)
{
	int fd = open(text_format("%s/%s", d->dir, name), O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	/* ENXIO: nobody has it open for reading. */
	ck_assert_msg(fd >= 0 || errno == ENXIO, "%s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void
open_fifo(struct daemon *d, const char *name)
{
	int64_t deadline = deadline_after();

	while (!try_fifo(d, name)) {
		if (now_ms() > deadline)
			daemon_fail(d, "nobody waits on %s", name);
		wait_for(d->log_fd, POLLIN, now_ms() + 1);
		sched_yield();
	}
}

void
open_fifo_until_answer(struct daemon *d, const char *name, int fd)
{
	int64_t deadline = deadline_after();

	while (!wait_for(fd, POLLIN, now_ms() + 1)) {
		if (now_ms() > deadline)
			daemon_fail(d, "no answer, whoever waits on %s", name);
		try_fifo(d, name);
	}
}

void
open_fifo_until_gone(struct daemon *d, const char *name, pid_t pid)
{
	int64_t deadline = deadline_after();

	while (!process_is_gone(pid)) {
		if (now_ms() > deadline)
			daemon_fail(d, "process %d does not end", (int)pid);
		try_fifo(d, name);
		count_lines(d, "event");
		wait_for(d->log_fd, POLLIN, now_ms() + 1);
	}
}

const char *
ask(int fd, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	send_text(fd, "%s\n", text);
	return text_format("%s", read_line(fd));
}

const char *
answer_of(struct daemon *d, int fd)
{
	char byte;

	/* The log tells more than that there is no line. */
	if (!wait_for(fd, POLLIN, deadline_after()) || recv(fd, &byte, 1, MSG_PEEK) != 1)
		daemon_fail(d, "no answer of a worker: %s", strerror(errno));
	return text_format("%s", read_line(fd));
}

int
worker_open(struct daemon *d, const char *service, pid_t *pid)
{
	int fd = daemon_connect(d, service);

	send_text(fd, "pid\n");
	*pid = (pid_t)atoi(answer_of(d, fd));
	ck_assert_int_gt(*pid, 0);
	return fd;
}
