/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/launch.h"
#include "suite.h"

static const struct origin origin = {
	.nofile = { 256, 256 }, .umask = 022, .environ = (char *[]){ NULL }
};

/* Settings hold char pointers; these tests give them constants that nobody writes to. */
static char *
text(const char *constant)
{
	union {
		const char *in;
		char *out;
	} u = { constant };

	return u.out;
}

static struct launch_fault *
shared_fault(void)
{
	struct launch_fault *f =
	    mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(f, MAP_FAILED);
	return f;
}

/* Starts the program of conf on one end of a socket pair and waits for its end; its exit status. */
static int
run(struct service_conf *conf, struct launch_fault *fault, char *reply, size_t size)
{
	struct plan *p = plan_new(conf, &origin);
	struct connection c = { .id = 1 };
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid = launch_fork(&(struct launch){ .plan = p,
	    .fd = fds[1],
	    .err_fd = -1,
	    .env = plan_environment(p, conf, &c),
	    .fault = fault });
	ck_assert_int_gt(pid, 0);
	close(fds[1]);
	n = reply != NULL ? recv(fds[0], reply, size - 1, MSG_WAITALL) : 0;
	ck_assert_int_ge(n, 0);
	if (reply != NULL)
		reply[n] = '\0';
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	plan_free(p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static struct service_conf
shell(const char *script)
{
	struct service_conf conf = { .name = text("x"),
		.id = text("x"),
		.server = text("/bin/sh"),
		.socket_type = SOCK_STREAM };

	strings_add(&conf.server_args, "-c");
	strings_add(&conf.server_args, script);
	return conf;
}

START_TEST(program_runs_on_the_socket)
{
	struct service_conf conf = shell("echo out; echo err >&2; exit 3");
	struct launch_fault *fault = shared_fault();
	char reply[64];

	ck_assert_int_eq(run(&conf, fault, reply, sizeof(reply)), 3);
	ck_assert_str_eq(reply, "out\nerr\n");
	ck_assert_int_eq(fault->step, 0);
	strings_done(&conf.server_args);
}

END_TEST

/* What is written into the plan, and which step then fails with which error. */
static const struct {
	const char *step;
	int error;
	const char *server, *chroot, *directory;
} failures[] = {
	{ "exec", ENOENT, "/no/such/program", NULL, NULL },
	{ "exec", EACCES, "/etc/passwd", NULL, NULL },
	{ "exec", EACCES, "/etc", NULL, NULL },
	{ "chroot", ENOENT, "/bin/sh", "/no/such/root", NULL },
	{ "directory", ENOENT, "/bin/sh", NULL, "/no/such/directory" },
	{ "directory", ENOTDIR, "/bin/sh", NULL, "/etc/passwd" },
};

START_TEST(a7_failing_step_is_reported_with_its_reason)
{
	struct service_conf conf = { .name = text("x"),
		.id = text("x"),
		.socket_type = SOCK_STREAM,
		.server = mem_dup(failures[_i].server),
		.chroot = failures[_i].chroot != NULL ? mem_dup(failures[_i].chroot) : NULL,
		.directory =
		    failures[_i].directory != NULL ? mem_dup(failures[_i].directory) : NULL };
	struct launch_fault *fault = shared_fault();

	ck_assert_int_eq(run(&conf, fault, NULL, 0), LAUNCH_EXIT);
	ck_assert_str_eq(launch_step_name(fault), failures[_i].step);
	ck_assert_int_eq(fault->error, failures[_i].error);
	free(conf.server);
	free(conf.chroot);
	free(conf.directory);
}

END_TEST

START_TEST(a2_program_never_runs_when_ids_cannot_be_changed)
{
	struct service_conf conf = shell("echo never");
	struct launch_fault *fault = shared_fault();
	char reply[64];

	conf.changes_ids = true;
	conf.uid =
	    (uid_t)-1; /* setresuid(2) takes it for "unchanged", so the step before must refuse */
	conf.gid = 1;
	conf.group_count =
	    100000; /* more than NGROUPS_MAX: setgroups(2) fails with EINVAL, or EPERM without rights */
	ck_assert_int_eq(run(&conf, fault, reply, sizeof(reply)), LAUNCH_EXIT);
	ck_assert_str_eq(reply, "");
	ck_assert_str_eq(launch_step_name(fault), "groups");
	strings_done(&conf.server_args);
}

END_TEST

static unsigned
count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

START_TEST(a11_failing_starts_leave_nothing_behind)
{
	struct service_conf conf = { .name = text("x"),
		.id = text("x"),
		.socket_type = SOCK_STREAM,
		.server = text("/no/such/program") };
	struct launch_fault *fault = shared_fault();
	unsigned before = count_descriptors();
	struct rusage early, late;

	for (int i = 0; i < 200; i++)
		run(&conf, fault, NULL, 0);
	getrusage(RUSAGE_SELF, &early);
	for (int i = 0; i < 2000; i++)
		run(&conf, fault, NULL, 0);
	getrusage(RUSAGE_SELF, &late);
	ck_assert_uint_eq(count_descriptors(), before);
	/* A sanitizer keeps freed memory back for a while. */
	ck_assert_int_le(late.ru_maxrss, early.ru_maxrss + (SUITE_IS_SANITIZED ? 65536 : 512));
}

END_TEST

START_TEST(an_unknown_step_has_a_name_as_well)
{
	ck_assert_str_eq(launch_step_name(&(struct launch_fault){ 0, 0 }), "unknown");
	ck_assert_str_eq(launch_step_name(&(struct launch_fault){ 99, 0 }), "unknown");
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(program_runs_on_the_socket),
		TEST_LOOP(a7_failing_step_is_reported_with_its_reason, ARRAY_LEN(failures)),
		TEST(a2_program_never_runs_when_ids_cannot_be_changed),
		TEST(a11_failing_starts_leave_nothing_behind),
		TEST(an_unknown_step_has_a_name_as_well),
	};

	return run_suite("launch", tests, ARRAY_LEN(tests));
}
