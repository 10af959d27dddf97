/* SPDX-License-Identifier: MIT */
#include "policy/ban.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NONE        UINT32_MAX
#define FIRST_ROOM  16u
#define V4_BITS     32u
#define V6_BITS     128u
#define BYTES       16u
/* An IPv4 address mapped into IPv6 has so many bits in front. */
#define MAPPED_BITS 96u

/* What is compared: unused bytes are 0. */
struct key {
	uint8_t bytes[BYTES];
	uint8_t length; /* of the prefix, in bits */
	bool is_v6;
};

struct entry {
	struct ban ban;
	struct key key;
	uint32_t next; /* in its bucket, or among the free ones */
	bool is_used;
};

/* The lengths of the prefixes of one family that are in use. */
struct lengths {
	unsigned bans[V6_BITS + 1]; /* by length */
	uint8_t in_use[V6_BITS + 1];
	unsigned count;
};

struct bans {
	struct entry *entries;
	uint32_t *buckets; /* as many as there is room for entries, a power of two */
	unsigned room, touched, count;
	uint32_t free;
	struct lengths lengths[2]; /* of IPv4 and of IPv6 */
};

static unsigned
family_bits(bool is_v6)
{
	return is_v6 ? V6_BITS : V4_BITS;
}

/* Bits behind the prefix are 0. False for what has neither an IPv4 nor an IPv6 address. */
static bool
make_key(struct key *key, const struct addr *a, unsigned length)
{
	bool is_v6 = addr_family(a) == AF_INET6;

	*key = (struct key){ .length = (uint8_t)length, .is_v6 = is_v6 };
	if (is_v6)
		memcpy(key->bytes, &a->u.in6.sin6_addr, sizeof(a->u.in6.sin6_addr));
	else if (addr_family(a) == AF_INET)
		memcpy(key->bytes, &a->u.in.sin_addr, sizeof(a->u.in.sin_addr));
	else
		return false;
	for (unsigned bit = length; bit < family_bits(is_v6); bit = (bit / 8 + 1) * 8)
		key->bytes[bit / 8] &= (uint8_t)(0xff00 >> bit % 8);
	return true;
}

/* FNV-1a with the bits of the end mixed: nobody but an administrator chooses what is in the table. */
static uint32_t
hash(const struct key *key)
{
	uint32_t h = 2166136261u ^ key->length ^ (key->is_v6 ? 0x100u : 0);

	for (size_t i = 0; i < BYTES; i++)
		h = (h ^ key->bytes[i]) * 16777619u;
	return h ^ h >> 15;
}

static bool
key_equal(const struct key *x, const struct key *y)
{
	return x->length == y->length && x->is_v6 == y->is_v6 &&
	       memcmp(x->bytes, y->bytes, BYTES) == 0;
}

static void
link_entry(struct bans *b, uint32_t i)
{
	uint32_t *bucket = &b->buckets[hash(&b->entries[i].key) & (b->room - 1)];

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

/* The number behind the slash: digits and nothing else, at most `most`. -EINVAL. */
static int
parse_length(const char *text, unsigned most)
{
	unsigned length = 0;

	if (*text == '\0' || strlen(text) > 3)
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		length = length * 10 + (unsigned)(*text - '0');
	}
	return length <= most ? (int)length : -EINVAL;
}

/* In place of the address and the length of an IPv4 address in IPv6's clothes those of IPv4. 0, or -EINVAL. */
static int
unmap(struct addr *a, unsigned *length)
{
	if (addr_family(a) != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		return 0;
	if (*length < MAPPED_BITS)
		return -EINVAL;
	addr_canonical(a);
	*length -= MAPPED_BITS;
	return 0;
}

static void
put_key(struct ban *out, const struct key *key)
{
	addr_any(&out->addr, key->is_v6 ? AF_INET6 : AF_INET, 0);
	if (key->is_v6)
		memcpy(&out->addr.u.in6.sin6_addr, key->bytes, sizeof(struct in6_addr));
	else
		memcpy(&out->addr.u.in.sin_addr, key->bytes, sizeof(struct in_addr));
	out->prefix = key->length;
}

int
ban_parse(const char *text, struct ban *out)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char host[ADDR_TEXT_SIZE];
	struct addr a;
	struct key key;
	unsigned length;
	int r;

	/* Interfaces come and go, and a ban of one link-local address is one of all with that name. */
	if (len >= sizeof(host) || memchr(text, '%', len) != NULL)
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	r = addr_parse(&a, host, 0);
	if (r < 0)
		return r;
	length = family_bits(addr_family(&a) == AF_INET6);
	if (slash != NULL) {
		r = parse_length(slash + 1, length);
		if (r < 0)
			return r;
		length = (unsigned)r;
	}
	r = unmap(&a, &length);
	if (r < 0)
		return r;
	make_key(&key, &a, length);
	*out = (struct ban){ .until_ms = INT64_MAX };
	put_key(out, &key);
	return 0;
}

const char *
ban_format(const struct ban *ban, char *text)
{
	addr_format(&ban->addr, text);
	if (ban->prefix != family_bits(addr_family(&ban->addr) == AF_INET6))
		sprintf(text + strlen(text), "/%u", ban->prefix);
	return text;
}

/* The lengths in use, the longest first: that of one address is the likeliest. */
static void
count_length(struct bans *b, const struct key *key, int by)
{
	struct lengths *l = &b->lengths[key->is_v6];
	unsigned before = l->bans[key->length];

	l->bans[key->length] += (unsigned)by;
	if (before != 0 && l->bans[key->length] != 0)
		return;
	l->count = 0;
	for (unsigned length = V6_BITS + 1; length-- > 0;)
		if (l->bans[length] > 0)
			l->in_use[l->count++] = (uint8_t)length;
}

/* Where the number of the entry stands; of NONE if there is none. */
static uint32_t *
find(const struct bans *b, const struct key *key)
{
	uint32_t *at = &b->buckets[hash(key) & (b->room - 1)];

	while (*at != NONE && !key_equal(&b->entries[*at].key, key))
		at = &b->entries[*at].next;
	return at;
}

static void
take_out(struct bans *b, uint32_t *at)
{
	uint32_t i = *at;
	struct entry *e = &b->entries[i];

	*at = e->next;
	count_length(b, &e->key, -1);
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
	struct key key;
	uint32_t i;

	if (!make_key(&key, &ban->addr, ban->prefix))
		return -EINVAL;
	i = *find(b, &key);
	if (i != NONE) {
		b->entries[i].ban.until_ms = ban->until_ms;
		return 0;
	}
	i = new_entry(b);
	if (i == NONE)
		return -ENOSPC;
	b->entries[i] = (struct entry){ .ban = *ban, .key = key, .is_used = true };
	put_key(&b->entries[i].ban, &key);
	link_entry(b, i);
	count_length(b, &key, 1);
	b->count++;
	return 0;
}

bool
bans_remove(struct bans *b, const struct ban *ban)
{
	struct key key;
	uint32_t *at;

	if (!make_key(&key, &ban->addr, ban->prefix))
		return false;
	at = find(b, &key);
	if (*at == NONE)
		return false;
	take_out(b, at);
	return true;
}

bool
bans_hit(struct bans *b, const struct addr *addr, int64_t now_ms)
{
	const struct lengths *l = &b->lengths[addr_family(addr) == AF_INET6];
	struct key key;

	for (unsigned k = 0; k < l->count; k++) {
		uint32_t *at;

		if (!make_key(&key, addr, l->in_use[k]))
			return false;
		at = find(b, &key);
		if (*at == NONE)
			continue;
		if (b->entries[*at].ban.until_ms > now_ms) {
			b->entries[*at].ban.hits++;
			return true;
		}
		take_out(b, at);
		/* The list of lengths may be another one now, and shorter. */
		k = UINT_MAX;
	}
	return false;
}

unsigned
bans_count(struct bans *b, int64_t now_ms)
{
	for (unsigned i = 0; i < b->touched; i++)
		if (b->entries[i].is_used && b->entries[i].ban.until_ms <= now_ms)
			take_out(b, find(b, &b->entries[i].key));
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
