/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "launch/environment.h"
#include "launch/launch.h"
#include "launch/plan.h"
#include "suite.h"

static char *daemon_environ[] = { (char[]){ "PATH=/bin" }, (char[]){ "LC_ALL=C.UTF-8" },
	(char[]){ "HOME=/root" }, (char[]){ "LD_PRELOAD=/evil.so" },
	(char[]){ "REMOTE_HOST=forged" }, (char[]){ "BROKEN" }, NULL };

static const struct origin origin = {
	.nofile = { 100, 200 }, .umask = 022, .environ = daemon_environ
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

static struct service_conf
basic(void)
{
	return (struct service_conf){ .name = text("x"),
		.id = text("x-id"),
		.server = text("/usr/bin/prog"),
		.socket_type = SOCK_STREAM,
		.protocol = IPPROTO_TCP };
}

static const char *
value_of(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; *env != NULL; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

START_TEST(argv_begins_with_the_name_of_the_program)
{
	struct service_conf conf = basic();
	struct plan *p;

	strings_add(&conf.server_args, "-s");
	p = plan_new(&conf, &origin);
	ck_assert_str_eq(p->argv[0], "prog");
	ck_assert_str_eq(p->argv[1], "-s");
	ck_assert_ptr_null(p->argv[2]);
	plan_free(p);
	strings_done(&conf.server_args);
}

END_TEST

START_TEST(a20_argv_is_never_empty)
{
	struct service_conf conf = basic();
	struct plan *p = plan_new(&conf, &origin);

	ck_assert_str_eq(p->argv[0], "prog");
	ck_assert_ptr_null(p->argv[1]);
	plan_free(p);
}

END_TEST

START_TEST(nameinargs_gives_argv_as_it_stands)
{
	struct service_conf conf = basic();
	struct plan *p;

	conf.flags = CONF_FLAG_NAMEINARGS;
	strings_add(&conf.server_args, "other");
	p = plan_new(&conf, &origin);
	ck_assert_str_eq(p->argv[0], "other");
	ck_assert_ptr_null(p->argv[1]);
	plan_free(p);
	strings_done(&conf.server_args);
}

END_TEST

START_TEST(a18_environment_is_built_from_scratch)
{
	struct service_conf conf = basic();
	size_t count;
	char **env = environment_new(&conf, daemon_environ, &count);

	ck_assert_str_eq(value_of(env, "PATH"), "/bin");
	ck_assert_str_eq(value_of(env, "LC_ALL"), "C.UTF-8");
	ck_assert_ptr_null(value_of(env, "HOME"));
	ck_assert_ptr_null(value_of(env, "LD_PRELOAD"));
	ck_assert_ptr_null(value_of(env, "REMOTE_HOST"));
	free(env);
}

END_TEST

static struct plan *
plan_with(struct service_conf *conf, const char *env, const char *passenv)
{
	if (env != NULL)
		strings_add(&conf->env, env);
	conf->has_passenv = passenv != NULL;
	if (passenv != NULL && *passenv != '\0')
		strings_add(&conf->passenv, passenv);
	return plan_new(conf, &origin);
}

static void
done(struct plan *p, struct service_conf *conf)
{
	plan_free(p);
	strings_done(&conf->env);
	strings_done(&conf->passenv);
}

START_TEST(passenv_adds_and_env_wins)
{
	struct service_conf conf = basic();
	struct plan *p = plan_with(&conf, "PATH=/mine", "HOME");
	const struct connection c = { .id = 1 };
	char *const *env = plan_environment(p, &conf, &c);

	ck_assert_str_eq(value_of(env, "HOME"), "/root");
	ck_assert_str_eq(value_of(env, "PATH"), "/mine");
	done(p, &conf);
}

END_TEST

START_TEST(empty_passenv_drops_path_too)
{
	struct service_conf conf = basic();
	struct plan *p = plan_with(&conf, NULL, "");
	const struct connection c = { .id = 1 };

	ck_assert_ptr_null(value_of(plan_environment(p, &conf, &c), "PATH"));
	done(p, &conf);
}

END_TEST

START_TEST(connection_variables_win)
{
	struct service_conf conf = basic();
	struct plan *p = plan_with(&conf, "REMOTE_HOST=forged", "REMOTE_HOST");
	struct connection c = { .id = 42 };
	char *const *env;

	ck_assert_int_eq(addr_parse(&c.peer, "192.0.2.7", 1234), 0);
	ck_assert_int_eq(addr_parse(&c.local, "::1", 3600), 0);
	env = plan_environment(p, &conf, &c);
	ck_assert_str_eq(value_of(env, "REMOTE_HOST"), "192.0.2.7");
	ck_assert_str_eq(value_of(env, "REMOTE_PORT"), "1234");
	ck_assert_str_eq(value_of(env, "LOCAL_ADDR"), "::1");
	ck_assert_str_eq(value_of(env, "LOCAL_PORT"), "3600");
	ck_assert_str_eq(value_of(env, "TCPREMOTEIP"), "192.0.2.7");
	ck_assert_str_eq(value_of(env, "TCPLOCALPORT"), "3600");
	ck_assert_str_eq(value_of(env, "PROTO"), "TCP");
	ck_assert_str_eq(value_of(env, "SERVICE_ID"), "x-id");
	ck_assert_str_eq(value_of(env, "CONNECTION_ID"), "42");
	done(p, &conf);
}

END_TEST

START_TEST(a_connection_alone_is_the_same_without_the_fixed_part)
{
	struct service_conf conf = basic();
	struct plan *p = plan_new(&conf, &origin);
	struct connection c = { .id = 42 };
	char *const *env, *const *alone;
	size_t count = 0;

	ck_assert_int_eq(addr_parse(&c.peer, "192.0.2.7", 1234), 0);
	ck_assert_int_eq(addr_parse(&c.local, "::1", 3600), 0);
	env = plan_environment(p, &conf, &c);
	alone = plan_connection_variables(&conf, &c);
	for (; alone[count] != NULL; count++)
		ck_assert_str_eq(alone[count], env[p->env_fixed + count]);
	ck_assert_ptr_null(env[p->env_fixed + count]);
	ck_assert_uint_gt(count, 10);
	plan_free(p);
}

END_TEST

START_TEST(a_worker_knows_its_service_and_no_connection)
{
	struct service_conf conf = basic();
	struct plan *p = plan_with(&conf, "MINE=1", NULL);
	struct connection c = { .id = 42 };
	struct addr local;
	char *listen_pid = text("");
	char *const *env;

	ck_assert_int_eq(addr_parse(&c.peer, "192.0.2.7", 1234), 0);
	plan_environment(p, &conf, &c); /* nothing of it is left */
	ck_assert_int_eq(addr_parse(&local, "127.0.0.1", 3600), 0);
	env = plan_worker_environment(
	    p, &conf, &(struct worker_variables){ .local = &local }, &listen_pid);
	ck_assert_ptr_null(listen_pid);
	ck_assert_str_eq(value_of(env, "MINE"), "1");
	ck_assert_str_eq(value_of(env, "SERVICE_ID"), "x-id");
	ck_assert_str_eq(value_of(env, "PROTO"), "TCP");
	ck_assert_str_eq(value_of(env, "LOCAL_ADDR"), "127.0.0.1");
	ck_assert_str_eq(value_of(env, "TCPLOCALPORT"), "3600");
	ck_assert_ptr_null(value_of(env, "REMOTE_ADDR"));
	ck_assert_ptr_null(value_of(env, "TCPREMOTEIP"));
	ck_assert_ptr_null(value_of(env, "CONNECTION_ID"));
	ck_assert_ptr_null(value_of(env, "LISTEN_FDS"));
	done(p, &conf);
}

END_TEST

START_TEST(a_worker_need_not_know_an_address)
{
	static const struct addr unknown = { 0 };
	struct service_conf conf = basic();
	struct plan *p = plan_new(&conf, &origin);
	char *listen_pid;
	char *const *env = plan_worker_environment(p, &conf,
	    &(struct worker_variables){ .local = _i == 0 ? NULL : &unknown }, &listen_pid);

	ck_assert_str_eq(value_of(env, "PROTO"), "TCP");
	ck_assert_ptr_null(value_of(env, "LOCAL_ADDR"));
	ck_assert_ptr_null(value_of(env, "LOCAL_PORT"));
	plan_free(p);
}

END_TEST

START_TEST(a_worker_of_a_unix_socket_is_no_tcp)
{
	struct service_conf conf = basic();
	struct plan *p = plan_new(&conf, &origin);
	struct addr local;
	char *listen_pid;
	char *const *env;

	ck_assert_int_eq(addr_unix(&local, "/run/x.sock"), 0);
	env = plan_worker_environment(
	    p, &conf, &(struct worker_variables){ .local = &local }, &listen_pid);
	ck_assert_str_eq(value_of(env, "PROTO"), "UNIX");
	ck_assert_str_eq(value_of(env, "LOCAL_ADDR"), "/run/x.sock");
	ck_assert_ptr_null(value_of(env, "TCPLOCALIP"));
	plan_free(p);
}

END_TEST

START_TEST(a_worker_that_accepts_knows_its_sockets)
{
	struct service_conf conf = basic();
	struct plan *p = plan_new(&conf, &origin);
	char *listen_pid = NULL;
	char *const *env = plan_worker_environment(
	    p, &conf, &(struct worker_variables){ .shared_count = 3 }, &listen_pid);

	ck_assert_str_eq(value_of(env, "LISTEN_FDS"), "3");
	ck_assert_str_eq(value_of(env, "LISTEN_FDNAMES"), "x-id:x-id:x-id");
	ck_assert_ptr_nonnull(listen_pid);
	memcpy(listen_pid, "2147483647", 11);
	ck_assert_str_eq(value_of(env, "LISTEN_PID"), "2147483647");
	plan_free(p);
}

END_TEST

/* Lengths of an id; the longest of a channel's messages, and one that nobody needs. */
static const size_t id_lengths[] = { 255, 1000 };

START_TEST(every_socket_has_a_name_however_long)
{
	struct service_conf conf = basic();
	struct plan *p;
	char id[1001], *listen_pid;
	const char *names;
	size_t count = 1;

	memset(id, 'i', id_lengths[_i]);
	id[id_lengths[_i]] = '\0';
	conf.id = id;
	p = plan_new(&conf, &origin);
	names =
	    value_of(plan_worker_environment(p, &conf,
			 &(struct worker_variables){ .shared_count = LAUNCH_SHARED }, &listen_pid),
		"LISTEN_FDNAMES");
	ck_assert_uint_eq(strlen(names), LAUNCH_SHARED * 256 - 1);
	for (const char *at = names; (at = strchr(at, ':')) != NULL; at++)
		count++;
	ck_assert_uint_eq(count, LAUNCH_SHARED);
	plan_free(p);
}

END_TEST

static const char *const reserved[] = { "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID" };

START_TEST(sockets_of_others_are_never_passed_on)
{
	struct service_conf conf = basic();
	char assignment[64];
	struct plan *p;

	snprintf(assignment, sizeof(assignment), "%s=1", reserved[_i]);
	char *environ_of_daemon[] = { assignment, NULL };
	const struct origin from = { .nofile = { 100, 200 }, .environ = environ_of_daemon };
	strings_add(&conf.env, assignment);
	strings_add(&conf.passenv, reserved[_i]);
	conf.has_passenv = true;
	p = plan_new(&conf, &from);
	ck_assert_ptr_null(
	    value_of(plan_environment(p, &conf, &(struct connection){ .id = 1 }), reserved[_i]));
	done(p, &conf);
}

END_TEST

/* Each changes one thing that a program starts with. */
static void
change_path(struct service_conf *c)
{
	c->server = text("/usr/sbin/prog");
}

static void
change_args(struct service_conf *c)
{
	strings_add(&c->server_args, "-v");
}

static void
change_name(struct service_conf *c)
{
	c->flags ^= CONF_FLAG_NAMEINARGS;
	strings_add(&c->server_args, "other");
}

static void
change_env(struct service_conf *c)
{
	strings_add(&c->env, "A=B");
}

static void
change_env_value(struct service_conf *c)
{
	strings_add(&c->env, "PATH=/sbin");
}

static void
change_builtin(struct service_conf *c)
{
	c->type = CONF_TYPE_INTERNAL;
	c->name = text("echo");
}

static void
change_limit(struct service_conf *c)
{
	c->rlimits[CONF_RLIMIT_CORE] = (struct rlimit_conf){ true, 0 };
}

static void
change_umask(struct service_conf *c)
{
	c->has_umask = true;
	c->umask = 077;
}

static void
change_nice(struct service_conf *c)
{
	c->nice = 1;
}

static void
change_chroot(struct service_conf *c)
{
	c->chroot = text("/srv");
}

static void
change_directory(struct service_conf *c)
{
	c->directory = text("/tmp");
}

static void
change_ids(struct service_conf *c)
{
	c->changes_ids = true;
}

static void (*const changes[])(struct service_conf *c) = {
	change_path,
	change_args,
	change_name,
	change_env,
	change_env_value,
	change_builtin,
	change_limit,
	change_umask,
	change_nice,
	change_chroot,
	change_directory,
	change_ids,
};

/* Every text a copy of its own, as after a reload. */
static void
assert_compared(const struct service_conf *x, const struct service_conf *y,
    const struct origin *from, bool equal)
{
	struct plan *a = plan_new(x, &origin), *b = plan_new(y, from);

	ck_assert_int_eq(plan_equal(a, b), equal);
	ck_assert_int_eq(plan_equal(b, a), equal);
	plan_free(a);
	plan_free(b);
}

START_TEST(plans_of_one_text_are_equal)
{
	struct service_conf x = basic(), y = basic();

	for (int i = 0; i < 2; i++) {
		struct service_conf *c = i == 0 ? &x : &y;

		strings_add(&c->server_args, "-s");
		strings_add(&c->env, "A=B");
		c->server = mem_dup("/usr/bin/prog");
		c->chroot = mem_dup("/srv");
		c->directory = mem_dup("/");
		c->changes_ids = true;
		c->group_count = 2;
		c->group_list = mem_array(2, sizeof(gid_t));
		c->group_list[1] = 5;
	}
	y.instances = 7; /* no matter to a program */
	assert_compared(&x, &y, &origin, true);
	y.group_list[1] = 6;
	assert_compared(&x, &y, &origin, false);
	y.group_list[1] = 5;
	y.uid = 1;
	assert_compared(&x, &y, &origin, false);
	y.uid = 0;
	y.gid = 1;
	assert_compared(&x, &y, &origin, false);
	y.gid = 0;
	y.group_count = 1;
	assert_compared(&x, &y, &origin, false);
	for (int i = 0; i < 2; i++) {
		struct service_conf *c = i == 0 ? &x : &y;

		strings_done(&c->server_args);
		strings_done(&c->env);
		free(c->server);
		free(c->chroot);
		free(c->directory);
		free(c->group_list);
	}
}

END_TEST

START_TEST(any_change_makes_another_plan)
{
	struct service_conf x = basic(), y = basic();

	assert_compared(&x, &y, &origin, true);
	changes[_i](&y);
	assert_compared(&x, &y, &origin, false);
	strings_done(&y.server_args);
	strings_done(&y.env);
}

END_TEST

START_TEST(a_change_of_the_surroundings_makes_another_plan)
{
	struct service_conf conf = basic();
	struct origin other = origin;

	other.nofile.rlim_cur--;
	assert_compared(&conf, &conf, &other, false);
	other = origin;
	other.has_oom_score = true;
	assert_compared(&conf, &conf, &other, false);
	other = origin;
	other.has_personality = true;
	assert_compared(&conf, &conf, &other, false);
	other = origin;
	assert_compared(&conf, &conf, &other, true);
}

END_TEST

START_TEST(an_unknown_peer_leaves_its_variables_out)
{
	struct service_conf conf = basic();
	struct plan *p = plan_new(&conf, &origin);
	struct connection c = { .id = 1 };
	char *const *env;

	ck_assert_int_eq(addr_parse(&c.peer, "192.0.2.7", 1), 0);
	plan_environment(p, &conf, &c);
	c.peer.len = 0; /* nothing of the connection before is left */
	env = plan_environment(p, &conf, &c);
	ck_assert_ptr_null(value_of(env, "REMOTE_HOST"));
	ck_assert_ptr_null(value_of(env, "TCPREMOTEIP"));
	plan_free(p);
}

END_TEST

START_TEST(descriptor_limit_comes_back_before_attributes)
{
	struct service_conf conf = basic();
	struct plan *p;

	conf.rlimits[CONF_RLIMIT_FILES] = (struct rlimit_conf){ true, 50 };
	p = plan_new(&conf, &origin);
	ck_assert_uint_eq(p->rlimit_count, 2);
	ck_assert_int_eq(p->rlimits[0].resource, RLIMIT_NOFILE);
	ck_assert_uint_eq(p->rlimits[0].limit.rlim_cur, 100);
	ck_assert_int_eq(p->rlimits[1].resource, RLIMIT_NOFILE);
	ck_assert_uint_eq(p->rlimits[1].limit.rlim_max, 50);
	plan_free(p);
	plan_free(NULL);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(argv_begins_with_the_name_of_the_program),
		TEST(a20_argv_is_never_empty),
		TEST(nameinargs_gives_argv_as_it_stands),
		TEST(a18_environment_is_built_from_scratch),
		TEST(passenv_adds_and_env_wins),
		TEST(empty_passenv_drops_path_too),
		TEST(connection_variables_win),
		TEST(a_connection_alone_is_the_same_without_the_fixed_part),
		TEST(a_worker_knows_its_service_and_no_connection),
		TEST_LOOP(a_worker_need_not_know_an_address, 2),
		TEST(a_worker_of_a_unix_socket_is_no_tcp),
		TEST(a_worker_that_accepts_knows_its_sockets),
		TEST_LOOP(every_socket_has_a_name_however_long, ARRAY_LEN(id_lengths)),
		TEST_LOOP(sockets_of_others_are_never_passed_on, ARRAY_LEN(reserved)),
		TEST(plans_of_one_text_are_equal),
		TEST_LOOP(any_change_makes_another_plan, ARRAY_LEN(changes)),
		TEST(a_change_of_the_surroundings_makes_another_plan),
		TEST(an_unknown_peer_leaves_its_variables_out),
		TEST(descriptor_limit_comes_back_before_attributes),
	};

	return run_suite("plan", tests, ARRAY_LEN(tests));
}
