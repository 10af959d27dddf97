/* SPDX-License-Identifier: MIT */
/* Which services of another configuration are what they were. Both are only looked at, so that this can be worked out
 * beside the loop; what is left to do for those services at the reload is then next to nothing. */
#ifndef RELOAD_SAME_H
#define RELOAD_SAME_H

#include "conf/config.h"

struct same {
	const struct config *before; /* whose services they are the same as; borrowed */
	size_t *number; /* for each service of the other configuration: that there + 1; 0: none */
};

struct same *same_find(const struct config *before, const struct config *after);
void same_free(struct same *s); /* NULL is allowed */

/* What this service was before, if it was the same; NULL: it was not. */
const struct service_conf *same_as(const struct same *s, const struct service_conf *conf);

#endif
