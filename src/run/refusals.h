/* SPDX-License-Identifier: MIT */
/* Which refusals of datagrams are said: anybody can send them, in any number and in anybody's name. */
#ifndef RUN_REFUSALS_H
#define RUN_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/rate.h"

/* All zero at the beginning. */
struct refusals {
	struct addr latest; /* that a line was written about */
	int64_t until_ms;   /* no other line about that one before then */
	struct rate rate;   /* of lines about others */
};

/* True if a line may be written about this sender, whatever his port. */
bool refusals_allow(struct refusals *r, const struct addr *peer, int64_t now_ms);

#endif
