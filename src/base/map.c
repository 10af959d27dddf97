/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct entry {
	const char *key;
	void *value;
	struct entry *next;
};

struct map {
	struct entry *entries;
	size_t capacity, used;
	struct entry **heads;
	size_t mask;
};

/* FNV-1a. Keys come from configuration files, which only their owner writes, so no seed is needed. */
static size_t
hash(const char *key)
{
	uint64_t h = 14695981039346656037ULL;

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211ULL;
	return (size_t)(h ^ (h >> 32));
}

struct map *
map_new(size_t capacity)
{
	struct map *m = mem_alloc(sizeof(*m));
	size_t size = 16;

	while (size < capacity * 2)
		size *= 2;
	m->capacity = capacity;
	m->entries = mem_array(capacity, sizeof(*m->entries));
	m->heads = mem_array(size, sizeof(struct entry *));
	m->mask = size - 1;
	return m;
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	free(m->entries);
	free(m->heads);
	free(m);
}

void
map_put(struct map *m, const char *key, void *value)
{
	struct entry **at = &m->heads[hash(key) & m->mask];
	struct entry *e;

	if (m->used == m->capacity)
		return;
	e = &m->entries[m->used++];
	*e = (struct entry){ .key = key, .value = value };
	while (*at != NULL)
		at = &(*at)->next;
	*at = e;
}

/* The link that points to the first entry of this key, and of this value if one is given. */
static struct entry **
find(const struct map *m, const char *key, const void *value)
{
	struct entry **at = &m->heads[hash(key) & m->mask];

	while (*at != NULL &&
	       (strcmp((*at)->key, key) != 0 || (value != NULL && (*at)->value != value)))
		at = &(*at)->next;
	return at;
}

void *
map_get(const struct map *m, const char *key)
{
	struct entry *e = *find(m, key, NULL);

	return e != NULL ? e->value : NULL;
}

void *
map_take(struct map *m, const char *key)
{
	struct entry **at = find(m, key, NULL);
	struct entry *e = *at;

	if (e == NULL)
		return NULL;
	*at = e->next;
	return e->value;
}

void
map_del(struct map *m, const char *key, const void *value)
{
	struct entry **at = find(m, key, value);

	if (*at != NULL)
		*at = (*at)->next;
}
