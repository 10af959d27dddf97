/* SPDX-License-Identifier: MIT */
#include "control/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/mem.h"
#include "base/quote.h"
#include "control/arrival.h"
#include "control/command.h"
#include "control/daemon.h"
#include "control/departure.h"
#include "control/notify.h"
#include "launch/origin.h"
#include "net/socket.h"
#include "upgrade/state_file.h"

/* A binary that has not answered by then is ended. */
#define ANSWER_MS   30000
/* While a child still works something out for a client, or the configuration is being loaded, the end of that is waited for; of the
 * latter not for ever, since the new binary loads it all the same. */
#define WAIT_MS     50
#define LOAD_MS     2000
/* What a binary says before its answer, and the answer, have to fit in here; one that says more is none of ours. */
#define ANSWER_MOST 16384u

struct upgrade {
	struct daemon *daemon;
	pid_t pid;         /* of the trial */
	struct loop_io io; /* what it prints */
	struct loop_timer timer;
	char text[ANSWER_MOST + 1];
	size_t len;
	uint64_t asker;
	const char *killed; /* why we have ended it; NULL: we have not */
	int64_t ready_ms;   /* since when nothing is left but to wait; 0: it is tried yet */
	bool owes_reload;   /* that was given up */
};

static void
end(struct upgrade *u)
{
	struct daemon *d = u->daemon;

	loop_timer_stop(d->loop, &u->timer);
	if (u->io.fd >= 0) {
		loop_del(d->loop, &u->io);
		close(u->io.fd);
	}
	d->runtime.on_stranger = NULL;
	d->upgrade = NULL;
	loop_defer(d->loop, free, u);
}

static void
refuse(struct upgrade *u, const char *why)
{
	struct daemon *d = u->daemon;
	struct client_conn *c = u->asker != 0 ? client_find(d, u->asker) : NULL;
	char binary[512], reason[2048], said[2560];

	log_error("event=upgrade-refused binary=%s reason=%s",
	    quote_text(d->options.self->binary, binary, sizeof(binary)),
	    quote_text(why, reason, sizeof(reason)));
	snprintf(said, sizeof(said), "%s cannot take over: %s", binary, why);
	if (c != NULL)
		client_fail(c, "refused", NULL, said);
	end(u);
}

static void
kill_trial(struct upgrade *u, const char *why)
{
	if (u->killed != NULL)
		return;
	u->killed = why;
	/* Not reaped yet: that is when we hear of its end. It leads a group but for its first instant. */
	kill(-u->pid, SIGKILL);
	kill(u->pid, SIGKILL);
}

/* All there is; what does not fit is too much. */
static void
read_answer(struct upgrade *u)
{
	ssize_t n;

	do {
		char rest[1024];
		size_t room = ANSWER_MOST - u->len;

		n = room > 0 ? read(u->io.fd, u->text + u->len, room)
			     : read(u->io.fd, rest, sizeof(rest));
		if (n > 0 && room > 0)
			u->len += (size_t)n;
		else if (n > 0)
			kill_trial(u, "it prints without end");
	} while (n > 0 && u->killed == NULL);
	if (n == 0)
		loop_want(u->daemon->loop, &u->io, 0);
}

static void
on_answer(struct loop_io *io, short got)
{
	(void)got;
	read_answer(io->arg);
}

static bool
must_wait(struct upgrade *u, int64_t now_ms)
{
	struct daemon *d = u->daemon;

	if (u->ready_ms == 0)
		u->ready_ms = now_ms;
	if (loading_runs(d) && now_ms - u->ready_ms >= LOAD_MS)
		u->owes_reload |= loading_give_up(d, "busy",
		    "an upgrade does not wait for it any longer, and loads the configuration itself");
	return d->side != NULL || loading_runs(d);
}

static void
on_time(struct loop_timer *t, int64_t now_ms)
{
	struct upgrade *u = t->arg;
	struct daemon *d = u->daemon;
	int r;

	if (u->pid != 0) {
		kill_trial(u, "it did not answer within 30 seconds");
		return;
	}
	/* Nothing else runs from here to the new binary. */
	if (must_wait(u, now_ms)) {
		loop_timer_set(d->loop, &u->timer, now_ms + WAIT_MS);
		return;
	}
	r = departure_exec(d, u->asker);
	if (u->owes_reload)
		loading_ask(d, LOAD_RELOAD, 0, NULL);
	refuse(u, strerror(-r));
}

/* Of what it printed, the line with our word in front, without its newline; NULL: there is none. */
static char *
answer_line(struct upgrade *u)
{
	const size_t len = strlen(ARRIVAL_ANSWER);
	char *line, *rest = u->text;

	u->text[u->len] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL)
		if (rest != NULL && strncmp(line, ARRIVAL_ANSWER, len) == 0)
			return line + len;
	return NULL;
}

/* Why it is not to be; NULL: it is. why: room for a text. */
static const char *
judge(struct upgrade *u, int status, char *why, size_t size)
{
	char first[200] = "", quoted[sizeof(first) * 4 + 3];
	const char *answer;

	if (u->killed != NULL)
		return u->killed;
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(u->text, "\n"), u->text);
	answer = answer_line(u);
	if (answer != NULL && strncmp(answer, "no ", 3) == 0)
		return answer + 3;
	if (answer != NULL && strncmp(answer, "ok ", 3) == 0 && status == 0)
		return NULL;
	snprintf(why, size, "it ended by %s %d%s%s%s", WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	    answer != NULL ? "" : " and did not say that it could take over",
	    first[0] != '\0' ? "; it said: " : "",
	    first[0] != '\0' ? quote_text(first, quoted, sizeof(quoted)) : "");
	return why;
}

static void
on_end(void *arg, pid_t pid, int status)
{
	struct upgrade *u = arg;
	char text[1200];
	const char *why;

	if (pid != u->pid)
		return;
	read_answer(u);
	u->pid = 0;
	why = judge(u, status, text, sizeof(text));
	if (why != NULL) {
		refuse(u, why);
		return;
	}
	loop_timer_set(u->daemon->loop, &u->timer, clock_now_ms());
}

/* Descriptor 1 and 2 are for the answer; standard input is nothing. */
static _Noreturn void
run_trial(const struct daemon *d, int state_fd, int answer_fd)
{
	char **env = departure_environment("trial", state_fd);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	origin_signals_reset();
	dup2(d->runtime.null_fd, STDIN_FILENO);
	dup2(answer_fd, STDOUT_FILENO);
	dup2(answer_fd, STDERR_FILENO);
	fcntl(state_fd, F_SETFD, 0);
	execve(d->options.self->binary, d->options.self->argv, env);
	dprintf(STDOUT_FILENO, ARRIVAL_ANSWER "no it cannot be executed: %s\n", strerror(errno));
	_exit(1);
}

/* Our end of the pipe never blocks. 0 or -errno. */
static int
start_trial(struct upgrade *u, int state_fd)
{
	int fds[2], r = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	u->pid = fork();
	if (u->pid == 0)
		run_trial(u->daemon, state_fd, fds[1]);
	if (u->pid < 0)
		r = -errno;
	close(fds[1]);
	u->io.fd = r == 0 ? descriptor_high(fds[0]) : -1;
	if (u->io.fd < 0 && r == 0)
		u->io.fd = fds[0];
	if (r < 0)
		close(fds[0]);
	else
		socket_set_blocking(u->io.fd, false);
	return r;
}

static int
try(struct upgrade *u)
{
	int fd = departure_state(u->daemon, u->asker, NULL);
	int r = fd < 0 ? fd : start_trial(u, fd);

	if (fd >= 0)
		close(fd);
	return r;
}

int
upgrade_begin(struct daemon *d, uint64_t asker)
{
	struct upgrade *u;
	int r;

	if (d->runtime.is_stopping)
		return -ESHUTDOWN;
	if (d->upgrade != NULL)
		return -EBUSY;
	u = mem_alloc(sizeof(*u));
	u->daemon = d;
	u->asker = asker;
	u->timer = (struct loop_timer){ .fn = on_time, .arg = u };
	r = try(u);
	if (r < 0) {
		log_error("event=upgrade-refused error=\"%s\"", strerror(-r));
		free(u);
		return r;
	}
	u->io.want = POLLIN;
	u->io.order = LOOP_PIPES;
	u->io.fn = on_answer;
	u->io.arg = u;
	loop_add(d->loop, &u->io);
	loop_timer_set(d->loop, &u->timer, clock_now_ms() + ANSWER_MS);
	d->upgrade = u;
	d->runtime.on_stranger = on_end;
	d->runtime.on_stranger_arg = u;
	log_info("event=upgrade-trial pid=%d", (int)u->pid);
	return 0;
}

void
upgrade_give_up(struct daemon *d)
{
	struct upgrade *u = d->upgrade;

	if (u == NULL)
		return;
	if (u->pid != 0) {
		kill_trial(u, "the daemon is stopping");
		waitpid(u->pid, NULL, 0); /* who may not outlive us */
	}
	refuse(u, "the daemon is stopping");
}
