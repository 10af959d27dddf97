/* SPDX-License-Identifier: MIT */
#include "policy/sources.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/prefix.h"
#include "policy/bucket.h"

#define FIRST_ROOM 16u
/* How many that need not be remembered any longer are looked for whenever there is a new one. */
#define SWEEP      2u

struct source {
	LIST_ENTRY(source) in_slot;
	TAILQ_ENTRY(source) in_queue;
	struct prefix prefix;
	unsigned connections;
	struct bucket bucket;
};

LIST_HEAD(slot, source);
TAILQ_HEAD(queue, source);

struct sources {
	/* A power of two of them, at least as many as sources; NULL while there was none. */
	struct slot *slots;
	unsigned room, known, idle_count;
	struct queue busy; /* with connections */
	struct queue idle; /* without; the one seen longest ago first */
	struct prefix_seed seed;
};

struct sources *
sources_new(void)
{
	struct sources *s = mem_alloc(sizeof(*s));

	prefix_seed_init(&s->seed);
	TAILQ_INIT(&s->busy);
	TAILQ_INIT(&s->idle);
	return s;
}

static struct slot *
slot_of(const struct sources *s, const struct prefix *p)
{
	return &s->slots[prefix_hash(p, &s->seed) & (s->room - 1)];
}

/* What the address belongs to; false if it has no source. */
static bool
source_prefix(struct prefix *out, const struct addr *addr, unsigned v6_prefix)
{
	if (!prefix_of(out, addr))
		return false;
	if (out->is_v6)
		prefix_cut(out, v6_prefix);
	return true;
}

static struct source *
find(const struct sources *s, const struct prefix *p)
{
	struct source *source;

	if (s->known == 0)
		return NULL;
	LIST_FOREACH(source, slot_of(s, p), in_slot)
		if (prefix_equal(&source->prefix, p))
			break;
	return source;
}

static void
link_all(struct sources *s, const struct queue *queue)
{
	struct source *source;

	TAILQ_FOREACH(source, queue, in_queue)
		LIST_INSERT_HEAD(slot_of(s, &source->prefix), source, in_slot);
}

static void
set_room(struct sources *s, unsigned room)
{
	free(s->slots);
	s->slots = mem_array(room, sizeof(*s->slots));
	s->room = room;
	link_all(s, &s->busy);
	link_all(s, &s->idle);
}

static void
leave_idle(struct sources *s, struct source *source)
{
	TAILQ_REMOVE(&s->idle, source, in_queue);
	s->idle_count--;
}

static void
enter_idle(struct sources *s, struct source *source)
{
	TAILQ_INSERT_TAIL(&s->idle, source, in_queue);
	s->idle_count++;
}

/* One without connections. */
static void
forget(struct sources *s, struct source *source)
{
	leave_idle(s, source);
	LIST_REMOVE(source, in_slot);
	free(source);
	s->known--;
}

/* Looks at the idle ones that were seen longest ago: some that have a full bucket go, and so does one too many. */
static void
sweep(struct sources *s, int64_t now_ms)
{
	struct source *source = TAILQ_FIRST(&s->idle), *next;

	for (unsigned i = 0; i < SWEEP && source != NULL; i++, source = next) {
		if (s->idle_count <= SOURCES_MOST_IDLE && !bucket_is_full(&source->bucket, now_ms))
			return;
		next = TAILQ_NEXT(source, in_queue);
		forget(s, source);
	}
}

/* Idle and with a full bucket. */
static struct source *
new_source(struct sources *s, const struct prefix *p)
{
	struct source *source = mem_alloc(sizeof(*source));

	if (s->known == s->room)
		set_room(s, s->room == 0 ? FIRST_ROOM : 2 * s->room);
	source->prefix = *p;
	LIST_INSERT_HEAD(slot_of(s, p), source, in_slot);
	s->known++;
	enter_idle(s, source);
	return source;
}

static struct source *
find_or_new(struct sources *s, const struct prefix *p)
{
	struct source *source = find(s, p);

	return source != NULL ? source : new_source(s, p);
}

static void
free_all(struct queue *queue)
{
	struct source *source, *next;

	for (source = TAILQ_FIRST(queue); source != NULL; source = next) {
		next = TAILQ_NEXT(source, in_queue);
		free(source);
	}
}

void
sources_free(struct sources *s)
{
	if (s == NULL)
		return;
	free_all(&s->busy);
	free_all(&s->idle);
	free(s->slots);
	free(s);
}

unsigned
sources_count(const struct sources *s, const struct addr *addr, unsigned v6_prefix)
{
	const struct source *source;
	struct prefix p;

	if (!source_prefix(&p, addr, v6_prefix))
		return 0;
	source = find(s, &p);
	return source != NULL ? source->connections : 0;
}

void
sources_add(struct sources *s, const struct addr *addr, unsigned v6_prefix, int64_t now_ms)
{
	struct source *source;
	struct prefix p;

	if (!source_prefix(&p, addr, v6_prefix))
		return;
	source = find_or_new(s, &p);
	if (source->connections++ == 0) {
		leave_idle(s, source);
		TAILQ_INSERT_TAIL(&s->busy, source, in_queue);
	}
	sweep(s, now_ms);
}

void
sources_drop(struct sources *s, const struct addr *addr, unsigned v6_prefix, int64_t now_ms)
{
	struct source *source;
	struct prefix p;

	if (!source_prefix(&p, addr, v6_prefix))
		return;
	source = find(s, &p);
	if (source == NULL || source->connections == 0 || --source->connections > 0)
		return;
	TAILQ_REMOVE(&s->busy, source, in_queue);
	enter_idle(s, source);
	if (bucket_is_full(&source->bucket, now_ms))
		forget(s, source);
	sweep(s, now_ms);
}

bool
sources_take(struct sources *s, const struct addr *addr, unsigned v6_prefix,
    const struct rate_conf *rule, int64_t now_ms)
{
	struct source *source;
	struct prefix p;
	bool is_taken;

	if (rule->count == 0 || !source_prefix(&p, addr, v6_prefix))
		return true;
	source = find_or_new(s, &p);
	is_taken = bucket_take(&source->bucket, rule, now_ms);
	if (source->connections == 0) {
		leave_idle(s, source);
		enter_idle(s, source);
	}
	sweep(s, now_ms);
	return is_taken;
}

unsigned
sources_known(const struct sources *s)
{
	return s->known;
}

/* Of two with as many the smaller address, so that the order is always the same. */
static bool
is_before(const struct source *x, const struct source_load *y)
{
	if (x->connections != y->connections)
		return x->connections > y->connections;
	return memcmp(x->prefix.bytes, y->prefix.bytes, sizeof(x->prefix.bytes)) < 0;
}

/* At its place among the first ones, of which there are `most` at most; how many there are then. */
static unsigned
rank(struct source_load *out, unsigned count, unsigned most, const struct source *source)
{
	unsigned at = count < most ? count : most - 1;

	if (count == most && !is_before(source, &out[at]))
		return count;
	for (; at > 0 && is_before(source, &out[at - 1]); at--)
		out[at] = out[at - 1];
	out[at] = (struct source_load){ source->prefix, source->connections };
	return count < most ? count + 1 : most;
}

unsigned
sources_top(const struct sources *s, struct source_load *out, unsigned most)
{
	const struct source *source;
	unsigned count = 0;

	if (most == 0)
		return 0;
	TAILQ_FOREACH(source, &s->busy, in_queue)
		count = rank(out, count, most, source);
	return count;
}
