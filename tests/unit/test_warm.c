/* SPDX-License-Identifier: MIT */
#include "launch/warm.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>

#include "launch/environment.h"
#include "launching.h"
#include "suite.h"

/* A process that waits, as the test sees it. */
struct warm {
	struct plan *plan;
	struct launch_fault *fault;
	pid_t pid;
	int channel;
	int out; /* what its descriptor 1 was: ends when it waits, if descriptor 2 was another one */
};

static int
open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_gt(fd, 2);
	return fd;
}

/* err_fd: as in struct launch; closed here. */
static struct warm
start(const struct service_conf *conf, int err_fd)
{
	struct warm w = { .plan = plan_new(conf, &origin), .fault = shared_fault() };
	int channel[2], out[2];

	make_pair(SOCK_SEQPACKET, channel);
	make_pipe(out);
	w.pid = launch_start(&(struct launch){ .plan = w.plan,
	    .kind = LAUNCH_WARM,
	    .fd = channel[1],
	    .out_fd = out[1],
	    .err_fd = err_fd,
	    .fault = w.fault });
	ck_assert_int_gt(w.pid, 0);
	close(channel[1]);
	close(out[1]);
	if (err_fd >= 0)
		close(err_fd);
	w.channel = channel[0];
	w.out = out[0];
	return w;
}

/* Its exit status, or the signal below 0. */
static int
finish(struct warm *w)
{
	int status = wait_end(w->pid);

	close(w->channel);
	close(w->out);
	plan_free(w->plan);
	return status;
}

/* Waits until it waits. */
static void
until_waiting(const struct warm *w)
{
	char byte;

	ck_assert_int_eq(read(w->out, &byte, 1), 0);
}

static const struct connection *
some_connection(void)
{
	static struct connection c = { .id = 77 };

	ck_assert_int_eq(addr_parse(&c.peer, "192.0.2.7", 1234), 0);
	ck_assert_int_eq(addr_parse(&c.local, "::1", 3600), 0);
	return &c;
}

/* What the program says that a connection starts, in both ways. */
static char *
output_forked(const struct service_conf *conf, int err_fd)
{
	struct launch_fault *fault = shared_fault();
	struct plan *p = plan_new(conf, &origin);
	int fds[2];
	char *all;
	pid_t pid;

	make_pair(SOCK_STREAM, fds);
	pid = launch_start(&(struct launch){ .plan = p,
	    .fd = fds[1],
	    .out_fd = -1,
	    .err_fd = err_fd,
	    .env = plan_environment(p, conf, some_connection()),
	    .fault = fault });
	ck_assert_int_gt(pid, 0);
	close(fds[1]);
	all = mem_dup(read_all(fds[0]));
	ck_assert_int_eq(wait_end(pid), 0);
	close(fds[0]);
	if (err_fd >= 0)
		close(err_fd);
	plan_free(p);
	return all;
}

static char *
output_warm(const struct service_conf *conf, int err_fd)
{
	struct warm w = start(conf, err_fd);
	int fds[2];
	char *all;

	make_pair(SOCK_STREAM, fds);
	hand_over(w.channel, 77, plan_connection_variables(conf, some_connection()), fds[1]);
	close(fds[1]);
	all = mem_dup(read_all(fds[0]));
	ck_assert_int_eq(finish(&w), 0);
	ck_assert_int_eq(w.fault->step, 0);
	close(fds[0]);
	return all;
}

/* Numbers that no two processes, or sockets, have in common. */
static const char *const own[] = { "pid ", "sid ", "pgid ", "fd ", "status SigQ", "SigQ:", NULL };

static void
assert_alike(const struct service_conf *conf)
{
	char *forked = output_forked(conf, -1), *warm = output_warm(conf, -1);
	char *x = without(forked, own), *y = without(warm, own);

	ck_assert_uint_gt(strlen(x), 100);
	ck_assert_str_eq(x, y);
	free(x);
	free(y);
	free(forked);
	free(warm);
}

/* Limits of descriptors; -1: none of its own. */
static const int files[] = { -1, 64, 3, 2, 0 };

START_TEST(program_is_as_a_forked_one)
{
	struct service_conf conf = service(SHOW);

	strings_add(&conf.env, "MINE=1");
	strings_add(&conf.server_args, "an argument");
	conf.nice = 3;
	conf.has_umask = true;
	conf.umask = 027;
	conf.directory = text("/usr");
	conf.rlimits[CONF_RLIMIT_CORE] = (struct rlimit_conf){ true, 0 };
	if (files[_i] >= 0)
		conf.rlimits[CONF_RLIMIT_FILES] = (struct rlimit_conf){ true, (rlim_t)files[_i] };
	assert_alike(&conf);
	strings_done(&conf.env);
	strings_done(&conf.server_args);
}

END_TEST

START_TEST(program_of_another_user_is_as_a_forked_one)
{
	struct service_conf conf = service("/bin/sh");
	const gid_t groups[] = { 65534, 65533 };
	gid_t list[ARRAY_LEN(groups)];

	if (geteuid() != 0) {
		test_skip("program_of_another_user_is_as_a_forked_one", "needs root");
		return;
	}
	memcpy(list, groups, sizeof(list));
	strings_add(&conf.server_args, "-c");
	strings_add(&conf.server_args,
	    "env; umask; pwd; ulimit -n; grep -E '^(Uid|Gid|Groups|Cap|Sig|Shd)' /proc/self/status");
	conf.changes_ids = true;
	conf.uid = 65534;
	conf.gid = 65534;
	conf.group_list = list;
	conf.group_count = ARRAY_LEN(list);
	assert_alike(&conf);
	strings_done(&conf.server_args);
}

END_TEST

START_TEST(program_has_three_descriptors)
{
	struct service_conf conf = service(SHOW);
	int left_open = dup(2); /* not close-on-exec */
	char *all = output_warm(&conf, -1), *socket = shown(all, "fd 0");

	ck_assert_int_eq(strncmp(socket, "socket:", 7), 0);
	assert_shown(all, "fd 1", socket);
	assert_shown(all, "fd 2", socket);
	for (int fd = 3; fd < 256; fd++) {
		char key[16];

		snprintf(key, sizeof(key), "fd %d", fd);
		assert_shown(all, key, "");
	}
	close(left_open);
	free(socket);
	free(all);
}

END_TEST

START_TEST(standard_error_elsewhere_stays_there)
{
	struct service_conf conf = service(SHOW);
	char *all = output_warm(&conf, open_null());

	assert_shown(all, "fd 2", "/dev/null");
	free(all);
}

END_TEST

START_TEST(channel_ends_when_the_connection_is_there)
{
	struct service_conf conf = service("/bin/cat");
	struct warm w = start(&conf, -1);
	char byte = 'x';
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	hand_over(w.channel, 1, NULL, fds[1]);
	close(fds[1]);
	ck_assert_int_eq(recv(w.channel, &byte, 1, 0), 0);
	ck_assert_int_eq(send(fds[0], "y", 1, 0), 1);
	ck_assert_int_eq(recv(fds[0], &byte, 1, 0), 1);
	ck_assert_int_eq(byte, 'y');
	close(fds[0]);
	ck_assert_int_eq(finish(&w), 0);
}

END_TEST

START_TEST(end_of_the_channel_is_the_end)
{
	struct service_conf conf = service(SHOW);
	struct warm w = start(&conf, open_null());

	shutdown(w.channel, SHUT_WR);
	ck_assert_str_eq(read_all(w.out), "");
	ck_assert_int_eq(finish(&w), 0);
	ck_assert_int_eq(w.fault->step, 0);
}

END_TEST

START_TEST(h8_a_signal_ends_it_while_it_waits)
{
	struct service_conf conf = service(SHOW);
	struct warm w;

	signal(SIGTERM, SIG_DFL); /* as the daemon has it; Check handles it */
	w = start(&conf, open_null());
	until_waiting(&w);
	ck_assert_int_eq(kill(w.pid, SIGTERM), 0);
	ck_assert_int_eq(finish(&w), -SIGTERM);
}

END_TEST

START_TEST(failing_exec_is_reported)
{
	struct service_conf conf = service("/no/such/program");
	struct warm w = start(&conf, -1);
	int fds[2];

	make_pair(SOCK_STREAM, fds);
	hand_over(w.channel, 1, NULL, fds[1]);
	close(fds[1]);
	ck_assert_str_eq(read_all(fds[0]), "");
	close(fds[0]);
	ck_assert_int_eq(finish(&w), LAUNCH_EXIT);
	ck_assert_str_eq(launch_step_name(w.fault), "exec");
	ck_assert_int_eq(w.fault->error, ENOENT);
}

END_TEST

/* Each makes a good message of 73 bytes into a bad one; its new length. */
static size_t
spoil_magic(struct porter_header *h, char *behind)
{
	(void)behind;
	h->magic++;
	return 73;
}

static size_t
spoil_version(struct porter_header *h, char *behind)
{
	(void)behind;
	h->version++;
	return 73;
}

static size_t
spoil_type(struct porter_header *h, char *behind)
{
	(void)behind;
	h->type = PORTER_DONE;
	return 73;
}

static size_t
spoil_length(struct porter_header *h, char *behind)
{
	(void)h;
	(void)behind;
	return sizeof(*h) - 1;
}

static size_t
spoil_id_offset(struct porter_header *h, char *behind)
{
	(void)behind;
	h->id_offset = sizeof(*h) - 1;
	return 73;
}

static size_t
spoil_id_length(struct porter_header *h, char *behind)
{
	(void)behind;
	h->id_length = 2;
	return 73;
}

static size_t
spoil_id_huge(struct porter_header *h, char *behind)
{
	(void)behind;
	h->id_offset = h->id_length = 65535;
	return 73;
}

static size_t
spoil_last_nul(struct porter_header *h, char *behind)
{
	(void)h;
	memcpy(behind, "A=B", 3);
	return 73 + 3;
}

static size_t
spoil_no_value(struct porter_header *h, char *behind)
{
	(void)h;
	memcpy(behind, "A=B\0C", 6);
	return 73 + 6;
}

static size_t
spoil_no_name(struct porter_header *h, char *behind)
{
	(void)h;
	memcpy(behind, "=B", 3);
	return 73 + 3;
}

static size_t
spoil_empty(struct porter_header *h, char *behind)
{
	(void)h;
	memcpy(behind, "A=B\0", 5);
	return 73 + 5;
}

static size_t
spoil_count(struct porter_header *h, char *behind)
{
	(void)h;
	for (size_t i = 0; i < ENVIRONMENT_TAIL; i++)
		memcpy(behind + 4 * i, "A=B", 4);
	return 73 + 4 * ENVIRONMENT_TAIL;
}

static size_t
spoil_size(struct porter_header *h, char *behind)
{
	(void)h;
	memset(behind, 'A', WARM_MESSAGE_SIZE);
	memcpy(behind, "A=", 2);
	behind[WARM_MESSAGE_SIZE - 73 - 1] = '\0'; /* what arrives is well-formed */
	return 73 + WARM_MESSAGE_SIZE;
}

static size_t (*const spoil[])(struct porter_header *h, char *behind) = {
	spoil_magic,
	spoil_version,
	spoil_type,
	spoil_length,
	spoil_id_offset,
	spoil_id_length,
	spoil_id_huge,
	spoil_last_nul,
	spoil_no_value,
	spoil_no_name,
	spoil_empty,
	spoil_count,
	spoil_size,
};

START_TEST(h3_what_is_no_connection_starts_nothing)
{
	_Alignas(struct porter_header) char message[MESSAGE_SIZE];
	struct service_conf conf = service(SHOW);
	struct warm w = start(&conf, -1);
	size_t len = make_message(message, 1, NULL);
	int fds[2];

	ck_assert_uint_eq(len, 73);
	len = spoil[_i]((struct porter_header *)(void *)message, message + len);
	make_pair(SOCK_STREAM, fds);
	send_message(w.channel, message, len, &fds[1], 1);
	close(fds[1]);
	ck_assert_str_eq(read_all(fds[0]), "");
	close(fds[0]);
	ck_assert_int_eq(finish(&w), LAUNCH_EXIT);
	ck_assert_str_eq(launch_step_name(w.fault), "connection");
	ck_assert_int_eq(w.fault->error, EPROTO);
}

END_TEST

START_TEST(as_many_variables_as_there_is_room_for_arrive)
{
	struct service_conf conf = service(SHOW);
	struct warm w = start(&conf, -1);
	char *env[ENVIRONMENT_TAIL];
	int fds[2];

	for (size_t i = 0; i < ENVIRONMENT_TAIL - 1; i++)
		env[i] = text("A=");
	env[0] = text("FIRST=1");
	env[ENVIRONMENT_TAIL - 2] = text("LAST=1=2");
	env[ENVIRONMENT_TAIL - 1] = NULL;
	make_pair(SOCK_STREAM, fds);
	hand_over(w.channel, 1, env, fds[1]);
	close(fds[1]);
	const char *all = read_all(fds[0]);
	assert_shown(all, "env FIRST", "1");
	assert_shown(all, "env LAST", "1=2");
	close(fds[0]);
	ck_assert_int_eq(finish(&w), 0);
}

END_TEST

static const size_t descriptor_counts[] = { 0, 2 };

START_TEST(h1_a_connection_that_did_not_come_through_is_reported)
{
	_Alignas(struct porter_header) char message[MESSAGE_SIZE];
	struct service_conf conf = service(SHOW);
	struct warm w = start(&conf, -1);
	const size_t len = make_message(message, 4711, NULL);
	int x[2], y[2];

	make_pair(SOCK_STREAM, x);
	make_pair(SOCK_STREAM, y);
	send_message(w.channel, message, len, (const int[]){ x[1], y[1] }, descriptor_counts[_i]);
	close(x[1]);
	close(y[1]);
	ck_assert_str_eq(read_all(x[0]), "");
	ck_assert_str_eq(read_all(y[0]), "");
	assert_reply(w.channel, PORTER_NO_DESCRIPTOR, 4711);
	close(x[0]);
	close(y[0]);
	ck_assert_int_eq(finish(&w), 0);
	ck_assert_int_eq(w.fault->step, 0);
}

END_TEST

static const char *const builtins[] = { "echo", "daytime" };

START_TEST(builtin_serves_its_connection)
{
	struct service_conf conf = service(NULL);
	struct warm w;
	int fds[2];

	conf.name = text(builtins[_i]);
	conf.type = CONF_TYPE_INTERNAL;
	w = start(&conf, -1);
	make_pair(SOCK_STREAM, fds);
	hand_over(w.channel, 1, NULL, fds[1]);
	close(fds[1]);
	/* One that answers at once may have closed it already. */
	if (_i == 0)
		ck_assert_int_eq(send(fds[0], "hello", 5, MSG_NOSIGNAL), 5);
	shutdown(fds[0], SHUT_WR);
	const char *all = read_all(fds[0]);
	if (_i == 0)
		ck_assert_str_eq(all, "hello");
	else
		ck_assert_ptr_nonnull(strstr(all, "\r\n"));
	close(fds[0]);
	ck_assert_int_eq(finish(&w), 0);
	ck_assert_int_eq(w.fault->step, 0);
}

END_TEST

/* What user nobody can do to a process: 1 look into it, 2 trace it. */
static int
attack(pid_t target)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		char path[64];
		int can = 0;

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(99);
		snprintf(path, sizeof(path), "/proc/%d/mem", (int)target);
		if (open(path, O_RDONLY | O_CLOEXEC) >= 0)
			can |= 1;
		if (ptrace(PTRACE_ATTACH, target, NULL, NULL) == 0 &&
		    waitpid(target, NULL, 0) == target &&
		    ptrace(PTRACE_DETACH, target, NULL, NULL) == 0)
			can |= 2;
		_exit(can);
	}
	return wait_end(pid);
}

START_TEST(a23_its_user_cannot_look_into_the_image_of_the_daemon)
{
	struct service_conf conf = service("/bin/cat");
	struct warm w;
	char byte = 'x';
	int fds[2], can;

	if (geteuid() != 0) {
		test_skip("a23_its_user_cannot_look_into_the_image_of_the_daemon", "needs root");
		return;
	}
	conf.changes_ids = true;
	conf.uid = 65534;
	conf.gid = 65534;
	w = start(&conf, open_null());
	until_waiting(&w);
	ck_assert_int_eq(attack(w.pid), 0);
	make_pair(SOCK_STREAM, fds);
	hand_over(w.channel, 1, NULL, fds[1]);
	close(fds[1]);
	ck_assert_int_eq(send(fds[0], &byte, 1, 0), 1);
	ck_assert_int_eq(recv(fds[0], &byte, 1, 0), 1);
	/* Its own program it may: the attack works where it is allowed to. Some kernels allow no tracing of strangers at all. */
	can = attack(w.pid);
	ck_assert_int_ne(can, 99);
	if (can == 0)
		test_skip("a23_its_user_cannot_look_into_the_image_of_the_daemon",
		    "nothing can be traced here");
	close(fds[0]);
	ck_assert_int_eq(finish(&w), 0);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(program_is_as_a_forked_one, ARRAY_LEN(files)),
		TEST(program_of_another_user_is_as_a_forked_one),
		TEST(program_has_three_descriptors),
		TEST(standard_error_elsewhere_stays_there),
		TEST(channel_ends_when_the_connection_is_there),
		TEST(end_of_the_channel_is_the_end),
		TEST(h8_a_signal_ends_it_while_it_waits),
		TEST(failing_exec_is_reported),
		TEST_LOOP(h3_what_is_no_connection_starts_nothing, ARRAY_LEN(spoil)),
		TEST(as_many_variables_as_there_is_room_for_arrive),
		TEST_LOOP(h1_a_connection_that_did_not_come_through_is_reported,
		    ARRAY_LEN(descriptor_counts)),
		TEST_LOOP(builtin_serves_its_connection, ARRAY_LEN(builtins)),
		TEST(a23_its_user_cannot_look_into_the_image_of_the_daemon),
	};

	return run_suite("warm", tests, ARRAY_LEN(tests));
}
