/* SPDX-License-Identifier: MIT */
#include "run/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/environment.h"

/* In the order of enum conf_rlimit. */
static const int resources[] = {
	[CONF_RLIMIT_CPU] = RLIMIT_CPU,
	[CONF_RLIMIT_DATA] = RLIMIT_DATA,
	[CONF_RLIMIT_RSS] = RLIMIT_RSS,
	[CONF_RLIMIT_STACK] = RLIMIT_STACK,
	[CONF_RLIMIT_FILES] = RLIMIT_NOFILE,
	[CONF_RLIMIT_NPROC] = RLIMIT_NPROC,
	[CONF_RLIMIT_FSIZE] = RLIMIT_FSIZE,
	[CONF_RLIMIT_CORE] = RLIMIT_CORE,
	[CONF_RLIMIT_AS] = RLIMIT_AS,
};
_Static_assert(ARRAY_LEN(resources) == CONF_RLIMIT_MAX, "one resource a limit");

static void
make_argv(struct plan *p, const struct service_conf *conf)
{
	size_t n = 0;

	p->argv = mem_array(conf->server_args.count + 2, sizeof(char *));
	if ((conf->flags & CONF_FLAG_NAMEINARGS) == 0) {
		const char *slash = strrchr(conf->server, '/');

		p->argv[n++] = mem_dup(slash != NULL ? slash + 1 : conf->server);
	}
	for (size_t i = 0; i < conf->server_args.count; i++)
		p->argv[n++] = mem_dup(conf->server_args.item[i]);
}

/* The daemon's own limits of descriptors come back first, then whatever the attributes say. */
static void
make_rlimits(struct plan *p, const struct service_conf *conf, const struct origin *origin)
{
	p->rlimits = mem_array(CONF_RLIMIT_MAX + 1, sizeof(*p->rlimits));
	p->rlimits[p->rlimit_count++] = (struct plan_rlimit){ RLIMIT_NOFILE, origin->nofile };
	for (size_t i = 0; i < CONF_RLIMIT_MAX; i++) {
		const struct rlimit_conf *r = &conf->rlimits[i];

		if (r->is_set)
			p->rlimits[p->rlimit_count++] =
			    (struct plan_rlimit){ resources[i], { r->value, r->value } };
	}
}

struct plan *
plan_new(const struct service_conf *conf, const struct origin *origin)
{
	struct plan *p = mem_alloc(sizeof(*p));

	if (conf_is_internal(conf))
		p->builtin = builtin_find(conf->name);
	else {
		p->path = mem_dup(conf->server);
		make_argv(p, conf);
	}
	make_rlimits(p, conf, origin);
	p->env = environment_new(conf, origin->environ, &p->env_fixed);
	p->resets_oom_score = origin->has_oom_score;
	p->resets_personality = origin->has_personality;
	p->umask = conf->has_umask ? conf->umask : origin->umask;
	p->nice = conf->nice;
	p->chroot = conf->chroot;
	p->directory = conf->directory != NULL ? conf->directory : "/";
	p->changes_ids = conf->changes_ids;
	p->uid = conf->uid;
	p->gid = conf->gid;
	p->groups = conf->group_list;
	p->group_count = conf->group_count;
	return p;
}

static void
free_vector(char **v, size_t count)
{
	for (size_t i = 0; v != NULL && i < count; i++)
		free(v[i]);
	free(v);
}

void
plan_free(struct plan *p)
{
	size_t argc = 0;

	if (p == NULL)
		return;
	while (p->argv != NULL && p->argv[argc] != NULL)
		argc++;
	free_vector(p->argv, argc);
	free_vector(p->env, p->env_fixed);
	free(p->rlimits);
	free(p->path);
	free(p);
}

char *const *
plan_environment(struct plan *p, const struct service_conf *conf, const struct connection *c)
{
	environment_connection(p->env + p->env_fixed, conf, c);
	return p->env;
}

char *const *
plan_worker_environment(struct plan *p, const struct service_conf *conf,
    const struct worker_variables *v, char **listen_pid)
{
	environment_worker(p->env + p->env_fixed, conf, v, listen_pid);
	return p->env;
}

char *const *
plan_connection_variables(const struct service_conf *conf, const struct connection *c)
{
	static char *variables[ENVIRONMENT_TAIL];

	environment_connection(variables, conf, c);
	return variables;
}

static bool
text_equal(const char *x, const char *y)
{
	return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

static bool
argv_equal(char *const *x, char *const *y)
{
	if (x == NULL || y == NULL)
		return x == y;
	for (; *x != NULL && *y != NULL; x++, y++)
		if (strcmp(*x, *y) != 0)
			return false;
	return *x == *y;
}

static bool
env_equal(const struct plan *x, const struct plan *y)
{
	if (x->env_fixed != y->env_fixed)
		return false;
	for (size_t i = 0; i < x->env_fixed; i++)
		if (strcmp(x->env[i], y->env[i]) != 0)
			return false;
	return true;
}

static bool
rlimits_equal(const struct plan *x, const struct plan *y)
{
	if (x->rlimit_count != y->rlimit_count)
		return false;
	for (size_t i = 0; i < x->rlimit_count; i++) {
		const struct plan_rlimit *a = &x->rlimits[i], *b = &y->rlimits[i];

		if (a->resource != b->resource || a->limit.rlim_cur != b->limit.rlim_cur ||
		    a->limit.rlim_max != b->limit.rlim_max)
			return false;
	}
	return true;
}

/* Ids and groups that are not set are those of the daemon. */
static bool
ids_equal(const struct plan *x, const struct plan *y)
{
	if (x->changes_ids != y->changes_ids)
		return false;
	if (!x->changes_ids)
		return true;
	return x->uid == y->uid && x->gid == y->gid && x->group_count == y->group_count &&
	       (x->group_count == 0 ||
		   memcmp(x->groups, y->groups, x->group_count * sizeof(*x->groups)) == 0);
}

bool
plan_equal(const struct plan *x, const struct plan *y)
{
	return x->builtin == y->builtin && text_equal(x->path, y->path) &&
	       argv_equal(x->argv, y->argv) && env_equal(x, y) && rlimits_equal(x, y) &&
	       x->resets_oom_score == y->resets_oom_score &&
	       x->resets_personality == y->resets_personality && x->umask == y->umask &&
	       x->nice == y->nice && text_equal(x->chroot, y->chroot) &&
	       text_equal(x->directory, y->directory) && ids_equal(x, y);
}
