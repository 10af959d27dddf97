/* SPDX-License-Identifier: MIT */
/* What each source does: connections that it has at present, and a token bucket. A source is an IPv4 address, or an IPv6 prefix of a given
 * length. Bounded; a look-up takes constant time. Pure: times are monotonic milliseconds.
 *
 * A source with connections is never forgotten: there are no more of them than programs. Others are kept as long as their bucket is not full;
 * when there are too many of them the one that was seen longest ago is forgotten, and so gets a full bucket. */
#ifndef POLICY_SOURCES_H
#define POLICY_SOURCES_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/prefix.h"
#include "conf/access.h"

/* Sources without connections that are remembered at most. */
#define SOURCES_MOST_IDLE 16384u

struct sources;

struct sources *sources_new(void);
void sources_free(struct sources *s); /* NULL is allowed */
/* Connections that the source of this address has. v6_prefix: bits that make an IPv6 source. Addresses without a source have 0. */
unsigned sources_count(const struct sources *s, const struct addr *addr, unsigned v6_prefix);
void sources_add(struct sources *s, const struct addr *addr, unsigned v6_prefix, int64_t now_ms);
/* One of those that were added is over; without one nothing happens. */
void sources_drop(struct sources *s, const struct addr *addr, unsigned v6_prefix, int64_t now_ms);
/* Takes a token of its bucket; false: there is none. Addresses without a source always have one. */
bool sources_take(struct sources *s, const struct addr *addr, unsigned v6_prefix,
    const struct rate_conf *rule, int64_t now_ms);
unsigned sources_known(const struct sources *s);

struct source_load {
	struct prefix prefix;
	unsigned connections; /* at least one */
};

/* Those with the most connections, the most first; how many there are of them, at most `most`. Looks at every source that has some. */
unsigned sources_top(const struct sources *s, struct source_load *out, unsigned most);

#endif
