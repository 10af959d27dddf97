/* SPDX-License-Identifier: MIT */
#include "launch/launch.h"

#include <dirent.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "launching.h"
#include "suite.h"

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
	pid = launch_start(&(struct launch){ .plan = p,
	    .fd = fds[1],
	    .out_fd = -1,
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
	static gid_t groups[100000];
	struct service_conf conf = shell("echo never");
	struct launch_fault *fault = shared_fault();
	char reply[64];

	conf.changes_ids = true;
	conf.uid =
	    (uid_t)-1; /* setresuid(2) takes it for "unchanged", so the step before must refuse */
	conf.gid = 1;
	/* More than NGROUPS_MAX: setgroups(2) fails with EINVAL, or EPERM without rights. */
	conf.group_list = groups;
	conf.group_count = ARRAY_LEN(groups);
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

static const char *const builtins[] = { "echo", "daytime" };

static struct service_conf
internal(const char *name)
{
	struct service_conf conf = service(NULL);

	conf.name = text(name);
	conf.type = CONF_TYPE_INTERNAL;
	return conf;
}

START_TEST(builtin_serves_its_connection)
{
	struct service_conf conf = internal(builtins[_i]);
	struct launch_fault *fault = shared_fault();
	struct plan *p = plan_new(&conf, &origin);
	int fds[2];
	pid_t pid;

	make_pair(SOCK_STREAM, fds);
	pid = launch_start(&(struct launch){
	    .plan = p, .fd = fds[1], .out_fd = -1, .err_fd = -1, .env = p->env, .fault = fault });
	close(fds[1]);
	/* Some answer without being asked, and may have gone. */
	ck_assert(send(fds[0], "hello", 5, MSG_NOSIGNAL) == 5 || errno == EPIPE);
	shutdown(fds[0], SHUT_WR);
	const char *all = read_all(fds[0]);
	if (_i == 0)
		ck_assert_str_eq(all, "hello");
	else
		ck_assert_ptr_nonnull(strstr(all, "\r\n"));
	ck_assert_int_eq(wait_end(pid), 0);
	ck_assert_int_eq(fault->step, 0);
	close(fds[0]);
	plan_free(p);
}

END_TEST

/* A worker, as the test sees it. */
struct worker {
	struct plan *plan;
	struct launch_fault *fault;
	pid_t pid;
	int channel;
	int out; /* its descriptors 1 and 2 */
};

static struct worker
start_worker(const struct service_conf *conf)
{
	struct worker w = { .plan = plan_new(conf, &origin), .fault = shared_fault() };
	int channel[2], out[2];
	char *listen_pid;

	make_pair(SOCK_SEQPACKET, channel);
	make_pipe(out);
	w.pid = launch_start(&(struct launch){ .plan = w.plan,
	    .kind = LAUNCH_WORKER,
	    .fd = channel[1],
	    .out_fd = out[1],
	    .err_fd = out[1],
	    .env =
		plan_worker_environment(w.plan, conf, &(struct worker_variables){ 0 }, &listen_pid),
	    .fault = w.fault });
	ck_assert_int_gt(w.pid, 0);
	ck_assert_ptr_null(listen_pid);
	close(channel[1]);
	close(out[1]);
	w.channel = channel[0];
	w.out = out[0];
	return w;
}

static int
finish_worker(struct worker *w)
{
	int status = wait_end(w->pid);

	close(w->channel);
	close(w->out);
	plan_free(w->plan);
	return status;
}

static void
assert_no_descriptors(const char *all, int from)
{
	for (int fd = from; fd < 256; fd++) {
		char key[16];

		snprintf(key, sizeof(key), "fd %d", fd);
		assert_shown(all, key, "");
	}
}

START_TEST(worker_has_its_channel_and_the_log)
{
	struct service_conf conf = service(SHOW);
	struct worker w = start_worker(&conf);
	char *all = mem_dup(read_all(w.out)), *channel = shown(all, "fd 0"),
	     *log = shown(all, "fd 1");
	struct stat st;
	char pipe_name[64];

	ck_assert_int_eq(strncmp(channel, "socket:", 7), 0);
	ck_assert_int_eq(fstat(w.out, &st), 0);
	snprintf(pipe_name, sizeof(pipe_name), "pipe:[%llu]", (unsigned long long)st.st_ino);
	ck_assert_str_eq(log, pipe_name);
	assert_shown(all, "fd 2", log);
	assert_no_descriptors(all, 3);
	assert_shown(all, "environment", "PATH SERVICE_ID PROTO");
	ck_assert_int_eq(finish_worker(&w), 0);
	ck_assert_int_eq(w.fault->step, 0);
	free(channel);
	free(log);
	free(all);
}

END_TEST

/* What only differs with the connection, or with the process. */
static const char *const own[] = { "pid ", "status SigQ", "sid ", "pgid ", "fd ", "flags ", "env ",
	"environment ", NULL };

START_TEST(worker_is_the_same_process_as_a_program)
{
	struct service_conf conf = service(SHOW);
	struct launch_fault *fault = shared_fault();
	struct worker w;
	char reply[65536], *program, *worker, sid[16];

	conf.nice = 2;
	conf.has_umask = true;
	conf.umask = 077;
	conf.directory = text("/usr");
	conf.changes_ids = geteuid() == 0;
	conf.rlimits[CONF_RLIMIT_FILES] = (struct rlimit_conf){ true, 17 };
	ck_assert_int_eq(run(&conf, fault, reply, sizeof(reply)), 0);
	program = without(reply, own);
	w = start_worker(&conf);
	const char *all = read_all(w.out);
	worker = without(all, own);
	ck_assert_uint_gt(strlen(program), 500);
	ck_assert_str_eq(program, worker);
	snprintf(sid, sizeof(sid), "%d", (int)w.pid);
	assert_shown(all, "sid", sid);
	ck_assert_int_eq(finish_worker(&w), 0);
	free(program);
	free(worker);
}

END_TEST

/* Sockets as the daemon's listeners are: numbers from 64 up. */
static void
make_listeners(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		ck_assert_int_ge(fd, 0);
		fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 64);
		ck_assert_int_ge(fds[i], 64);
		close(fd);
	}
}

static const int shared_counts[] = { 1, 3, LAUNCH_SHARED };

START_TEST(worker_that_accepts_has_the_listeners)
{
	const size_t count = (size_t)shared_counts[_i];
	struct service_conf conf = service(SHOW);
	struct launch_fault *fault = shared_fault();
	struct plan *p = plan_new(&conf, &origin);
	struct launch l = { .plan = p, .kind = LAUNCH_WORKER, .fault = fault };
	int listeners[LAUNCH_SHARED], out[2];
	char key[16], value[64];
	struct stat st;
	pid_t pid;

	make_listeners(listeners, count);
	make_pipe(out);
	l.fd = listeners[0];
	l.out_fd = l.err_fd = out[1];
	l.shared = listeners;
	l.shared_count = count;
	l.env = plan_worker_environment(
	    p, &conf, &(struct worker_variables){ .shared_count = count }, &l.listen_pid);
	pid = launch_start(&l);
	ck_assert_int_gt(pid, 0);
	close(out[1]);
	const char *all = read_all(out[0]);
	ck_assert_int_eq(wait_end(pid), 0);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(fstat(listeners[i], &st), 0);
		snprintf(key, sizeof(key), "fd %zu", 3 + i);
		snprintf(value, sizeof(value), "socket:[%llu]", (unsigned long long)st.st_ino);
		assert_shown(all, key, value);
		if (i == 0)
			assert_shown(all, "fd 0", value);
		close(listeners[i]);
	}
	assert_no_descriptors(all, 3 + (int)count);
	snprintf(value, sizeof(value), "%zu", count);
	assert_shown(all, "env LISTEN_FDS", value);
	snprintf(value, sizeof(value), "%d", (int)pid);
	assert_shown(all, "env LISTEN_PID", value);
	close(out[0]);
	plan_free(p);
}

END_TEST

/* One connection handed to a builtin; what it sent, in a buffer that the next call uses again. */
static const char *
served(const struct worker *w, uint64_t id, const char *request)
{
	const char *all;
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	hand_over(w->channel, id, NULL, fds[1]);
	close(fds[1]);
	assert_reply(w->channel, PORTER_TAKEN, id);
	(void)!send(fds[0], request, strlen(request), MSG_NOSIGNAL);
	shutdown(fds[0], SHUT_WR);
	all = read_all(fds[0]);
	assert_reply(w->channel, PORTER_DONE, id);
	close(fds[0]);
	return all;
}

START_TEST(builtin_worker_serves_until_its_channel_ends)
{
	struct service_conf conf = internal(builtins[_i]);
	struct worker w;

	/* It has its three, and needs one more. */
	conf.rlimits[CONF_RLIMIT_FILES] = (struct rlimit_conf){ true, 3 };
	w = start_worker(&conf);
	if (_i == 0) {
		ck_assert_str_eq(served(&w, 1, "one"), "one");
		ck_assert_str_eq(served(&w, 2, "two"), "two");
	} else {
		ck_assert_ptr_nonnull(strstr(served(&w, 1, "one"), "\r\n"));
		ck_assert_ptr_nonnull(strstr(served(&w, 2, ""), "\r\n"));
	}
	shutdown(w.channel, SHUT_WR);
	ck_assert_str_eq(read_all(w.out), "");
	ck_assert_int_eq(finish_worker(&w), 0);
	ck_assert_int_eq(w.fault->step, 0);
}

END_TEST

START_TEST(builtin_worker_that_is_told_nonsense_says_so)
{
	struct service_conf conf = internal("echo");
	struct worker w = start_worker(&conf);

	send_message(w.channel, "nonsense", 8, NULL, 0);
	ck_assert_int_eq(finish_worker(&w), LAUNCH_EXIT);
	ck_assert_str_eq(launch_step_name(w.fault), "serve");
	ck_assert_int_eq(w.fault->error, EPROTO);
}

END_TEST

START_TEST(an_unknown_step_has_a_name_as_well)
{
	ck_assert_str_eq(launch_step_name(&(struct launch_fault){ .step = 0 }), "unknown");
	ck_assert_str_eq(launch_step_name(&(struct launch_fault){ .step = 99 }), "unknown");
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
		TEST_LOOP(builtin_serves_its_connection, ARRAY_LEN(builtins)),
		TEST(worker_has_its_channel_and_the_log),
		TEST(worker_is_the_same_process_as_a_program),
		TEST_LOOP(worker_that_accepts_has_the_listeners, ARRAY_LEN(shared_counts)),
		TEST_LOOP(builtin_worker_serves_until_its_channel_ends, ARRAY_LEN(builtins)),
		TEST(builtin_worker_that_is_told_nonsense_says_so),
		TEST(an_unknown_step_has_a_name_as_well),
	};

	return run_suite("launch", tests, ARRAY_LEN(tests));
}
