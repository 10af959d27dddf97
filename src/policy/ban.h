/* SPDX-License-Identifier: MIT */
/* Addresses and prefixes that nobody is served from, for a time or until they are taken out. Pure: time comes in as an
 * argument. A look-up costs one step for each length of prefix that is in use, however many there are. */
#ifndef POLICY_BAN_H
#define POLICY_BAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prefix.h"

/* More are refused. */
#define BAN_MOST 65536u

struct ban {
	struct prefix prefix;
	int64_t until_ms; /* monotonic; INT64_MAX: until it is taken out */
	uint64_t hits;    /* clients refused */
};

struct bans;

struct bans *bans_new(void);
void bans_free(struct bans *b); /* NULL is allowed */
/* One without an end and without hits, of a text as of prefix_parse. 0, or -EINVAL. */
int ban_parse(const char *text, struct ban *out);
/* The prefix as text. Returns text. */
const char *ban_format(const struct ban *ban, char text[PREFIX_TEXT_SIZE]);
/* Adds it, or sets the time of the one that is there. 0, or -ENOSPC. */
int bans_add(struct bans *b, const struct ban *ban);
/* This very prefix; false: it is not there. */
bool bans_remove(struct bans *b, const struct ban *ban);
/* Counts a hit of the ban that the address falls under; those whose time is over are taken out. */
bool bans_hit(struct bans *b, const struct addr *addr, int64_t now_ms);
/* How many there are; those whose time is over are taken out first. */
unsigned bans_count(struct bans *b, int64_t now_ms);
/* The next one in some fixed order behind *at, which begins as 0; false at the end. */
bool bans_next(const struct bans *b, unsigned *at, struct ban *out);

#endif
