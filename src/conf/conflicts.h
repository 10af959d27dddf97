/* SPDX-License-Identifier: MIT */
/* What services mean together: addresses and ids that two of them claim. */
#ifndef CONF_CONFLICTS_H
#define CONF_CONFLICTS_H

#include "conf/config.h"

/* A set of names in any case, borrowed from their owner. Start with {0}. */
struct name_set {
	void *root;
};

void name_set_add(struct name_set *set, const char *name);
bool name_set_has(const struct name_set *set, const char *name);
void name_set_done(struct name_set *set);

/* Of services that claim one address, the first in file order keeps it; the others are broken. Ids that are used twice
 * for the same kind of socket are a warning. */
void conflicts_find(struct config *c, struct problems *problems);
/* A warning for services of type TCPMUX where no tcpmux is on. */
void conflicts_find_unreachable(const struct config *c, struct problems *problems);

#endif
