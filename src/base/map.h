/* SPDX-License-Identifier: MIT */
/* A hash from text to pointers, made for a known number of entries. Keys are borrowed; one key may be put several
 * times. Used while configurations are compared, never on the road of a connection. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>

struct map;

struct map *map_new(size_t capacity); /* most entries ever put */
void map_free(struct map *m);         /* NULL is allowed */
void map_put(struct map *m, const char *key, void *value);
/* Takes out and returns the entry of this key that was put first; NULL if there is none left. */
void *map_take(struct map *m, const char *key);
/* The same without taking it out. */
void *map_get(const struct map *m, const char *key);
/* Takes out the entry of this key and value. */
void map_del(struct map *m, const char *key, const void *value);

#endif
