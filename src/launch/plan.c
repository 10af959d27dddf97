/* SPDX-License-Identifier: MIT */
#include "launch/plan.h"

#include <stdbool.h>
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

/* Words on their way into a plan. */
struct words {
	char **item;
	bool *stays; /* the word lives long enough where it is */
	size_t count;
};

static struct words
words_new(size_t most)
{
	return (struct words){ .item = mem_array(most, sizeof(char *)),
		.stays = mem_array(most, sizeof(bool)) };
}

static void
words_done(struct words *w)
{
	free(w->item);
	free(w->stays);
}

static void
add_word(struct words *w, char *text, bool stays)
{
	w->stays[w->count] = stays;
	w->item[w->count++] = text;
}

/* One block, which stays as long as its service and so is no larger than it must be: room for so many pointers more, and behind
 * them the words that do not stay where they are. */
static char **
pack(const struct words *w, size_t room)
{
	const size_t pointers = (w->count + room) * sizeof(char *);
	size_t bytes = 0;
	char **packed, *at;

	for (size_t i = 0; i < w->count; i++)
		bytes += w->stays[i] ? 0 : strlen(w->item[i]) + 1;
	packed = mem_alloc(pointers + bytes);
	at = (char *)packed + pointers;
	for (size_t i = 0; i < w->count; i++) {
		packed[i] = w->stays[i] ? w->item[i] : at;
		if (!w->stays[i])
			at = stpcpy(at, w->item[i]) + 1;
	}
	return packed;
}

/* Where a connection fills it in, its place belongs to p->fills. */
static void
add_filled(struct plan *p, struct words *w, char *text, bool is_variable)
{
	char *place = fill_add(&p->fills, text, is_variable);

	add_word(w, place != NULL ? place : text, place != NULL);
}

static void
make_argv(struct plan *p, const struct service_conf *conf)
{
	struct words w = words_new(conf->server_args.count + 1);

	if ((conf->flags & CONF_FLAG_NAMEINARGS) == 0) {
		char *slash = strrchr(p->path, '/');

		add_word(&w, slash != NULL ? slash + 1 : p->path, true);
	}
	for (size_t i = 0; i < conf->server_args.count; i++)
		add_filled(p, &w, conf->server_args.item[i], false);
	p->argv = pack(&w, 1);
	words_done(&w);
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

/* The environment of one connection, of whichever plan: of thousands of plans one at a time needs it. */
static struct {
	char **item;
	size_t room;
} vector;

static void
make_room(size_t room)
{
	if (room <= vector.room)
		return;
	vector.item = mem_grow(vector.item, room, sizeof(*vector.item));
	vector.room = room;
}

char **
plan_vector(const struct plan *p)
{
	memcpy(vector.item, p->env, p->env_fixed * sizeof(*p->env));
	return vector.item;
}

/* What is passed on from the daemon's own environment is as it is there. */
static void
make_env(struct plan *p, const struct service_conf *conf, const struct origin *origin)
{
	char **env = environment_new(conf, origin->environ, &p->env_fixed);
	struct words w = words_new(p->env_fixed);

	for (size_t i = 0; i < p->env_fixed; i++) {
		if (is_named_in(&conf->env, env[i]))
			add_filled(p, &w, env[i], true);
		else
			add_word(&w, env[i], true);
	}
	p->env = pack(&w, 1);
	make_room(p->env_fixed + ENVIRONMENT_TAIL);
	words_done(&w);
	free(env);
}

/* The daemon's own limits of descriptors come back first, then whatever the attributes say. */
static void
make_rlimits(struct plan *p, const struct service_conf *conf, const struct origin *origin)
{
	size_t count = 1;

	for (size_t i = 0; i < CONF_RLIMIT_MAX; i++)
		count += conf->rlimits[i].is_set;
	p->rlimits = mem_array(count, sizeof(*p->rlimits));
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

static void
copy_groups(struct plan *p, const struct service_conf *conf)
{
	if (conf->group_count == 0)
		return;
	p->groups = mem_array(conf->group_count, sizeof(*p->groups));
	memcpy(p->groups, conf->group_list, conf->group_count * sizeof(*p->groups));
	p->group_count = conf->group_count;
}

/* Where programs start that are not told otherwise. */
static char root[] = "/";

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
	p->chroot = conf->chroot != NULL ? mem_dup(conf->chroot) : NULL;
	p->directory = conf->directory != NULL ? mem_dup(conf->directory) : root;
	p->changes_ids = conf->changes_ids;
	p->uid = conf->uid;
	p->gid = conf->gid;
	p->loses_capabilities = p->changes_ids && p->uid != 0 && !origin->keeps_capabilities;
	copy_groups(p, conf);
	p->spawn = conf->spawn;
	return p;
}

void
plan_follow(struct plan *p, const struct service_conf *conf)
{
	if (conf_is_redirect(conf))
		p->relay = relay_of(conf);
}

static size_t
count_words(char *const *v)
{
	size_t count = 0;

	while (v != NULL && v[count] != NULL)
		count++;
	return count;
}

static void
free_words(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	p->is_dropped = true;
	if (p->starting > 0)
		return;
	free(p->argv);
	free(p->env);
	free_words(p->porter_gate);
	fill_free(p->fills);
	free(p->rlimits);
	free(p->groups);
	free(p->chroot);
	if (p->directory != root)
		free(p->directory);
	free(p->path);
	free(p);
}

void
plan_release(struct plan *p)
{
	if (--p->starting == 0 && p->is_dropped)
		plan_free(p);
}

char *const *
plan_environment(struct plan *p, const struct service_conf *conf, const struct connection *c)
{
	char **env = plan_vector(p);

	environment_connection(env + p->env_fixed, conf, c);
	plan_fill(p);
	return env;
}

char *const *
plan_worker_environment(struct plan *p, const struct service_conf *conf,
    const struct worker_variables *v, char **listen_pid)
{
	char **env = plan_vector(p);

	environment_worker(env + p->env_fixed, conf, v, listen_pid);
	plan_fill(p);
	return env;
}

void
plan_fill(struct plan *p)
{
	fill_all(p->fills, vector.item + p->env_fixed);
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
