/* SPDX-License-Identifier: MIT */
/* Who may connect, and when, as values of a configuration. */
#ifndef CONF_ACCESS_H
#define CONF_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip_set.h"
#include "base/strings.h"

/* What only_from or no_access come down to. Most services need none: NULL holds nothing, and every function takes it. */
struct access_list {
	struct ip_set *set; /* what the text itself names; NULL: nothing */
	/* Files that name more, @/path in the text: their paths, and what each held at load. */
	struct strings files;
	struct ip_set **file_sets;
	/* Names below which hosts belong to it, ".example.org"; judged when a program starts, see porter-gate. */
	struct strings domains;
};

/* The list that is to hold something, made at the first time. */
struct access_list *access_list_need(struct access_list **list);
void access_list_free(struct access_list *list);
struct access_list *access_list_clone(const struct access_list *from);
bool access_list_equal(const struct access_list *x, const struct access_list *y);

/* To be read: never NULL. */
static inline const struct access_list *
access_list_get(const struct access_list *list)
{
	static const struct access_list nothing = { 0 };

	return list != NULL ? list : &nothing;
}

/* A time of day in minutes, both ends included; from > to: over midnight. 24:00 is the last minute of the day. */
struct time_range {
	uint16_t from, to;
};

/* So many connections in seconds, and then none for some more; 0 per_second: no limit. */
struct cps_conf {
	unsigned per_second, pause_s;
};

/* Events in a time; count 0: no limit. Without a gap: every service has two of them. */
struct __attribute__((packed, aligned(4))) rate_conf {
	unsigned count;
	int64_t period_ms;
	unsigned burst; /* at once after a rest; at least 1 */
};

#endif
