/* SPDX-License-Identifier: MIT */
#include "policy/ban.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

#define NONE       UINT32_MAX
#define FIRST_ROOM 16u
#define MOST_BITS  128u

struct entry {
	struct ban ban;
	uint32_t next; /* in its bucket, or among the free ones */
	bool is_used;
};

/* The lengths of the prefixes of one family that are in use. */
struct lengths {
	unsigned bans[MOST_BITS + 1]; /* by length */
	uint8_t in_use[MOST_BITS + 1];
	unsigned count;
};

struct bans {
	struct entry *entries;
	uint32_t *buckets; /* as many as there is room for entries, a power of two */
	unsigned room, touched, count;
	uint32_t free;
	struct lengths lengths[2]; /* of IPv4 and of IPv6 */
	struct prefix_seed seed;
};

static uint32_t
slot_of(const struct bans *b, const struct prefix *p)
{
	return prefix_hash(p, &b->seed) & (b->room - 1);
}

static void
link_entry(struct bans *b, uint32_t i)
{
	uint32_t *bucket = &b->buckets[slot_of(b, &b->entries[i].ban.prefix)];

	b->entries[i].next = *bucket;
	*bucket = i;
}

static void
set_room(struct bans *b, unsigned room)
{
	b->entries = mem_grow(b->entries, room, sizeof(*b->entries));
	b->buckets = mem_grow(b->buckets, room, sizeof(*b->buckets));
	b->room = room;
	for (unsigned i = 0; i < room; i++)
		b->buckets[i] = NONE;
	for (unsigned i = 0; i < b->touched; i++)
		if (b->entries[i].is_used)
			link_entry(b, i);
}

struct bans *
bans_new(void)
{
	struct bans *b = mem_alloc(sizeof(*b));

	prefix_seed_init(&b->seed);
	b->free = NONE;
	set_room(b, FIRST_ROOM);
	return b;
}

void
bans_free(struct bans *b)
{
	if (b == NULL)
		return;
	free(b->entries);
	free(b->buckets);
	free(b);
}

int
ban_parse(const char *text, struct ban *out)
{
	struct prefix prefix;
	int r = prefix_parse(&prefix, text, NULL);

	if (r < 0)
		return r;
	*out = (struct ban){ .prefix = prefix, .until_ms = INT64_MAX };
	return 0;
}

const char *
ban_format(const struct ban *ban, char text[PREFIX_TEXT_SIZE])
{
	return prefix_format(&ban->prefix, text);
}

/* The lengths in use, the longest first: that of one address is the likeliest. */
static void
count_length(struct bans *b, const struct prefix *p, int by)
{
	struct lengths *l = &b->lengths[p->is_v6];
	unsigned before = l->bans[p->length];

	l->bans[p->length] += (unsigned)by;
	if (before != 0 && l->bans[p->length] != 0)
		return;
	l->count = 0;
	for (unsigned length = MOST_BITS + 1; length-- > 0;)
		if (l->bans[length] > 0)
			l->in_use[l->count++] = (uint8_t)length;
}

/* Where the number of the entry stands; of NONE if there is none. */
static uint32_t *
find(const struct bans *b, const struct prefix *p)
{
	uint32_t *at = &b->buckets[slot_of(b, p)];

	while (*at != NONE && !prefix_equal(&b->entries[*at].ban.prefix, p))
		at = &b->entries[*at].next;
	return at;
}

static void
take_out(struct bans *b, uint32_t *at)
{
	uint32_t i = *at;
	struct entry *e = &b->entries[i];

	*at = e->next;
	count_length(b, &e->ban.prefix, -1);
	e->is_used = false;
	e->next = b->free;
	b->free = i;
	b->count--;
}

/* The number of an entry that nobody uses; NONE if there is no room for one. */
static uint32_t
new_entry(struct bans *b)
{
	uint32_t i = b->free;

	if (i != NONE) {
		b->free = b->entries[i].next;
		return i;
	}
	if (b->touched == BAN_MOST)
		return NONE;
	if (b->touched == b->room)
		set_room(b, b->room * 2);
	return b->touched++;
}

int
bans_add(struct bans *b, const struct ban *ban)
{
	uint32_t i = *find(b, &ban->prefix);

	if (i != NONE) {
		b->entries[i].ban.until_ms = ban->until_ms;
		return 0;
	}
	i = new_entry(b);
	if (i == NONE)
		return -ENOSPC;
	b->entries[i] = (struct entry){ .ban = *ban, .is_used = true };
	link_entry(b, i);
	count_length(b, &ban->prefix, 1);
	b->count++;
	return 0;
}

bool
bans_remove(struct bans *b, const struct ban *ban)
{
	uint32_t *at = find(b, &ban->prefix);

	if (*at == NONE)
		return false;
	take_out(b, at);
	return true;
}

bool
bans_hit(struct bans *b, const struct addr *addr, int64_t now_ms)
{
	struct prefix p;

	if (!prefix_of(&p, addr))
		return false;
	for (unsigned k = 0; k < b->lengths[p.is_v6].count; k++) {
		uint32_t *at;

		prefix_cut(&p, b->lengths[p.is_v6].in_use[k]);
		at = find(b, &p);
		if (*at == NONE)
			continue;
		if (b->entries[*at].ban.until_ms > now_ms) {
			b->entries[*at].ban.hits++;
			return true;
		}
		/* Without the last one of its length the list is shorter, and the next length stands here. */
		k -= b->lengths[p.is_v6].bans[p.length] == 1;
		take_out(b, at);
	}
	return false;
}

unsigned
bans_count(struct bans *b, int64_t now_ms)
{
	for (unsigned i = 0; i < b->touched; i++)
		if (b->entries[i].is_used && b->entries[i].ban.until_ms <= now_ms)
			take_out(b, find(b, &b->entries[i].ban.prefix));
	return b->count;
}

bool
bans_next(const struct bans *b, unsigned *at, struct ban *out)
{
	for (; *at < b->touched; (*at)++) {
		if (!b->entries[*at].is_used)
			continue;
		*out = b->entries[(*at)++].ban;
		return true;
	}
	return false;
}
