/* SPDX-License-Identifier: MIT */
#include "launch/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "launch/environment.h"
#include "launch/fill.h"
#include "launch/porter_gate.h"

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

/* Heap, or a place that belongs to p->fills. */
static char *
make_word(struct plan *p, const char *text)
{
	char *place = fill_add(&p->fills, text, false);

	return place != NULL ? place : mem_dup(text);
}

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
		p->argv[n++] = make_word(p, conf->server_args.item[i]);
}

static bool
is_named_in(const struct strings *env, const char *variable)
{
	const size_t len = strcspn(variable, "=") + 1;

	for (size_t i = 0; i < env->count; i++)
		if (strncmp(env->item[i], variable, len) == 0)
			return true;
	return false;
}

/* What is passed on from the daemon's own environment is as it is there. */
static void
make_env(struct plan *p, const struct service_conf *conf, const struct origin *origin)
{
	p->env = environment_new(conf, origin->environ, &p->env_fixed);
	for (size_t i = 0; i < p->env_fixed; i++) {
		char *place = is_named_in(&conf->env, p->env[i])
				  ? fill_add(&p->fills, p->env[i], true)
				  : NULL;

		if (place == NULL)
			continue;
		free(p->env[i]);
		p->env[i] = place;
	}
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

static struct relay
relay_of(const struct service_conf *conf)
{
	return (struct relay){
		.host = conf->redirect_host,
		.port = conf->redirect_port,
		.connect_ms = conf->connect_timeout_ms,
		.idle_ms = conf->idle_timeout_ms,
		.nodelay = (conf->flags & CONF_FLAG_NODELAY) != 0,
		.keepalive = (conf->flags & CONF_FLAG_KEEPALIVE) != 0,
	};
}

struct plan *
plan_new(const struct service_conf *conf, const struct origin *origin)
{
	struct plan *p = mem_alloc(sizeof(*p));

	if (conf_is_internal(conf))
		p->builtin = builtin_find(conf->name);
	else if (conf_is_redirect(conf))
		p->relay = relay_of(conf);
	else if (conf->server != NULL) {
		p->path = mem_dup(conf->server);
		make_argv(p, conf);
	}
	make_rlimits(p, conf, origin);
	make_env(p, conf, origin);
	p->porter_gate = porter_gate_words_new(conf, &p->porter_gate_always);
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

static size_t
count_words(char *const *v)
{
	size_t count = 0;

	while (v != NULL && v[count] != NULL)
		count++;
	return count;
}

/* But for what belongs to fills. */
static void
free_vector(char **v, size_t count, const struct fill *fills)
{
	for (size_t i = 0; v != NULL && i < count; i++)
		if (fill_source(fills, v[i]) == NULL)
			free(v[i]);
	free(v);
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	free_vector(p->argv, count_words(p->argv), p->fills);
	free_vector(p->env, p->env_fixed, p->fills);
	free_vector(p->porter_gate, count_words(p->porter_gate), NULL);
	fill_free(p->fills);
	free(p->rlimits);
	free(p->path);
	free(p);
}

char *const *
plan_environment(struct plan *p, const struct service_conf *conf, const struct connection *c)
{
	environment_connection(p->env + p->env_fixed, conf, c);
	plan_fill(p);
	return p->env;
}

char *const *
plan_worker_environment(struct plan *p, const struct service_conf *conf,
    const struct worker_variables *v, char **listen_pid)
{
	environment_worker(p->env + p->env_fixed, conf, v, listen_pid);
	plan_fill(p);
	return p->env;
}

void
plan_fill(struct plan *p)
{
	fill_all(p->fills, p->env + p->env_fixed);
}

const char *
plan_text(const struct plan *p, const char *word)
{
	const char *source = fill_source(p->fills, word);

	return source != NULL ? source : word;
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

/* As they are in the settings, whatever the latest connection has made of them. */
static bool
words_equal(
    const struct plan *x, char *const *a, const struct plan *y, char *const *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(plan_text(x, a[i]), plan_text(y, b[i])) != 0)
			return false;
	return true;
}

static bool
argv_equal(const struct plan *x, const struct plan *y)
{
	const size_t count = count_words(x->argv);

	return count == count_words(y->argv) && words_equal(x, x->argv, y, y->argv, count);
}

static bool
env_equal(const struct plan *x, const struct plan *y)
{
	return x->env_fixed == y->env_fixed && words_equal(x, x->env, y, y->env, x->env_fixed);
}

static bool
porter_gate_equal(const struct plan *x, const struct plan *y)
{
	const size_t count = count_words(x->porter_gate);

	return x->porter_gate_always == y->porter_gate_always &&
	       count == count_words(y->porter_gate) &&
	       words_equal(x, x->porter_gate, y, y->porter_gate, count);
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

static bool
relay_equal(const struct relay *x, const struct relay *y)
{
	return text_equal(x->host, y->host) && text_equal(x->port, y->port) &&
	       x->connect_ms == y->connect_ms && x->idle_ms == y->idle_ms &&
	       x->nodelay == y->nodelay && x->keepalive == y->keepalive;
}

bool
plan_equal(const struct plan *x, const struct plan *y)
{
	return x->builtin == y->builtin && relay_equal(&x->relay, &y->relay) &&
	       text_equal(x->path, y->path) && argv_equal(x, y) && env_equal(x, y) &&
	       porter_gate_equal(x, y) && rlimits_equal(x, y) &&
	       x->resets_oom_score == y->resets_oom_score &&
	       x->resets_personality == y->resets_personality && x->umask == y->umask &&
	       x->nice == y->nice && text_equal(x->chroot, y->chroot) &&
	       text_equal(x->directory, y->directory) && ids_equal(x, y);
}
