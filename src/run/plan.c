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
