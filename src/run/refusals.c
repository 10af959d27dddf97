/* SPDX-License-Identifier: MIT */
#include "run/refusals.h"

#define SAME_MS  60000
#define OTHER_MS 100

bool
refusals_allow(struct refusals *r, const struct addr *peer, int64_t now_ms)
{
	struct addr host = *peer;
	unsigned left_out;

	addr_set_port(&host, 0);
	if (now_ms < r->until_ms && addr_equal(&host, &r->latest))
		return false;
	if (!rate_allows(&r->rate, now_ms, OTHER_MS, &left_out))
		return false;
	r->latest = host;
	r->until_ms = now_ms + SAME_MS;
	return true;
}
