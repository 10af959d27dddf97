/* SPDX-License-Identifier: MIT */
#include "run/fingerprint.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/pool.h"
#include "run/service.h"

/* FNV-1a, 64 bits: https://www.rfc-editor.org/rfc/rfc9923 */
#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t
add_bytes(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * FNV_PRIME;
	return hash;
}

static uint64_t
add_number(uint64_t hash, int64_t n)
{
	return add_bytes(hash, &n, sizeof(n));
}

/* With its NUL, so that two texts are not one. */
static uint64_t
add_text(uint64_t hash, const char *text)
{
	return text != NULL ? add_bytes(hash, text, strlen(text) + 1) : add_number(hash, -1);
}

/* As they are in the settings. */
static uint64_t
add_words(uint64_t hash, const struct plan *p, char *const *words, size_t count)
{
	hash = add_number(hash, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		hash = add_text(hash, plan_text(p, words[i]));
	return hash;
}

static uint64_t
add_ids(uint64_t hash, const struct plan *p)
{
	if (!p->changes_ids)
		return add_number(hash, -1);
	hash = add_number(add_number(hash, p->uid), p->gid);
	hash = add_number(hash, (int64_t)p->group_count);
	for (size_t i = 0; i < p->group_count; i++)
		hash = add_number(hash, p->groups[i]);
	return hash;
}

/* All that plan_equal looks at, but for the gate, which workers never have. */
static uint64_t
add_plan(uint64_t hash, const struct plan *p)
{
	size_t words = 0;

	while (p->argv != NULL && p->argv[words] != NULL)
		words++;
	hash = add_words(add_text(hash, p->path), p, p->argv, words);
	hash = add_words(hash, p, p->env, p->env_fixed);
	for (size_t i = 0; i < p->rlimit_count; i++) {
		hash = add_number(hash, p->rlimits[i].resource);
		hash = add_number(hash, (int64_t)p->rlimits[i].limit.rlim_cur);
		hash = add_number(hash, (int64_t)p->rlimits[i].limit.rlim_max);
	}
	hash = add_number(add_number(hash, p->resets_oom_score), p->resets_personality);
	hash = add_number(add_number(hash, p->umask), p->nice);
	hash = add_text(add_text(hash, p->chroot), p->directory);
	return add_ids(hash, p);
}

static uint64_t
add_program(uint64_t hash, const struct stat *st)
{
	hash = add_number(add_number(hash, (int64_t)st->st_dev), (int64_t)st->st_ino);
	hash = add_number(add_number(hash, st->st_size), st->st_mtim.tv_sec);
	return add_number(hash, st->st_mtim.tv_nsec);
}

uint64_t
fingerprint(const struct service *s)
{
	const struct service_conf *conf = s->conf;
	uint64_t hash = add_plan(FNV_BASIS, s->plan);

	hash = add_number(hash, conf_shares_listeners(conf));
	hash = add_number(add_number(hash, conf->pool_exec), conf->pool_protocol);
	hash = add_number(add_number(hash, conf->pool_channel), conf->stderr_to);
	hash = add_program(hash, &s->pool->program);
	/* Its function is the daemon's own code. */
	return s->plan->path != NULL ? hash : add_number(hash, clock_now_us());
}
