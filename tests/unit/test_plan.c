/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/environment.h"
#include "run/plan.h"
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
	for (size_t i = 0; i < count; i++)
		free(env[i]);
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
		TEST(an_unknown_peer_leaves_its_variables_out),
		TEST(descriptor_limit_comes_back_before_attributes),
	};

	return run_suite("plan", tests, ARRAY_LEN(tests));
}
