/* SPDX-License-Identifier: MIT */
#include "run/address_reading.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/mem.h"
#include "conf/address_file.h"

/* On a file system that hangs nobody waits longer. */
#define DEADLINE_MS 60000
/* How much the child's work counts beside that of the services, in the steps of nice(1). */
#define CHILD_NICE  10
/* The only descriptor of the child besides those that every process has. */
#define CHILD_FD    3

/* At the beginning of the file in memory, written last; the set stands behind it. */
struct outcome {
	bool is_there;
	int error;
	char why[256];
};

struct address_reading {
	struct loop *loop;
	struct loop_io io; /* the child's descriptor, see pidfd_open(2) */
	struct loop_timer timer;
	int memory_fd;
	address_read_fn *fn;
	void *arg;
};

static _Noreturn void
run_child(const char *path, const struct trust *trust, int fd)
{
	struct outcome outcome = { .is_there = true };
	struct ip_set *set = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, CHILD_NICE);
	/* Copies of clients' sockets here would keep them open when the daemon closes them. */
	if (dup2(fd, CHILD_FD) < 0 || close_range(CHILD_FD + 1, ~0U, 0) < 0)
		_exit(1);
	outcome.error = address_file_read(&set, path, trust, outcome.why);
	if (outcome.error == 0 && lseek(CHILD_FD, sizeof(outcome), SEEK_SET) >= 0)
		outcome.error = ip_set_save(set, CHILD_FD);
	_exit(pwrite(CHILD_FD, &outcome, sizeof(outcome), 0) != sizeof(outcome));
}

/* By its descriptor, since it may have been reaped already. One that hangs in the kernel is not waited for. */
static void
end_child(const struct address_reading *r)
{
	siginfo_t info;

	syscall(SYS_pidfd_send_signal, r->io.fd, SIGKILL, NULL, 0);
	(void)!waitid(P_PIDFD, (id_t)r->io.fd, &info, WEXITED | WNOHANG);
}

void
address_reading_stop(struct address_reading *r)
{
	if (r == NULL)
		return;
	end_child(r);
	loop_timer_stop(r->loop, &r->timer);
	loop_del(r->loop, &r->io);
	close(r->io.fd);
	close(r->memory_fd);
	loop_defer(r->loop, free, r);
}

/* What it has written, or what stands for it. */
static struct ip_set *
take_set(const struct address_reading *r, struct outcome *outcome)
{
	struct ip_set *set = NULL;

	if (pread(r->memory_fd, outcome, sizeof(*outcome), 0) != sizeof(*outcome) ||
	    !outcome->is_there)
		*outcome = (struct outcome){ .error = -ECHILD, .why = "what reads it was ended" };
	else if (outcome->error == 0)
		set = ip_set_map(r->memory_fd, sizeof(*outcome));
	else if (outcome->why[0] == '\0')
		snprintf(outcome->why, sizeof(outcome->why), "%s", strerror(-outcome->error));
	if (set == NULL && outcome->error == 0)
		*outcome = (struct outcome){ .error = -ENOMEM, .why = "there is no memory for it" };
	return set;
}

static void
finish(struct address_reading *r, struct outcome *outcome, struct ip_set *set)
{
	address_reading_stop(r);
	r->fn(r->arg, set, outcome->error, outcome->why);
}

static void
on_end(struct loop_io *io, short got)
{
	struct address_reading *r = io->arg;
	struct outcome outcome;
	struct ip_set *set = take_set(r, &outcome);

	(void)got;
	finish(r, &outcome, set);
}

static void
on_deadline(struct loop_timer *t, int64_t now_ms)
{
	struct outcome outcome = { .error = -ETIMEDOUT, .why = "reading it takes too long" };

	(void)now_ms;
	finish(t->arg, &outcome, NULL);
}

/* Its descriptor, among those that the daemon keeps; -errno. */
static int
fork_child(const char *path, const struct trust *trust, int memory_fd)
{
	pid_t pid = fork();
	int fd, high;

	if (pid == 0)
		run_child(path, trust, memory_fd);
	if (pid < 0)
		return -errno;
	/* Nobody has reaped it yet, whatever became of it. */
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	high = fd < 0 ? -errno : descriptor_high(fd);
	if (high >= 0)
		return high;
	if (fd >= 0)
		close(fd);
	kill(pid, SIGKILL);
	return high;
}

int
address_reading_start(
    struct address_reading **out, struct loop *loop, const char *path, const struct trust *trust)
{
	int memory_fd = memfd_create("addresses", MFD_CLOEXEC), fd;
	struct address_reading *r;

	if (memory_fd < 0)
		return -errno;
	fd = fork_child(path, trust, memory_fd);
	if (fd < 0) {
		close(memory_fd);
		return fd;
	}
	r = mem_alloc(sizeof(*r));
	r->loop = loop;
	r->memory_fd = memory_fd;
	r->io = (struct loop_io){
		.fd = fd, .want = POLLIN, .order = LOOP_PIPES, .fn = on_end, .arg = r
	};
	r->timer = (struct loop_timer){ .fn = on_deadline, .arg = r };
	loop_add(loop, &r->io);
	loop_timer_set(loop, &r->timer, clock_now_ms() + DEADLINE_MS);
	*out = r;
	return 0;
}

void
address_reading_tell(struct address_reading *r, address_read_fn *fn, void *arg)
{
	r->fn = fn;
	r->arg = arg;
}
