/* SPDX-License-Identifier: MIT */
/* What only_from and no_access come down to: names are looked up and files read, once a load. */
#ifndef CONF_RESOLVE_ACCESS_H
#define CONF_RESOLVE_ACCESS_H

#include "conf/draft.h"

/* What was looked up for one load. */
struct access_cache *access_cache_new(void);
void access_cache_free(struct access_cache *c); /* NULL is allowed */

/* Both lists, and the times. */
void resolve_access(struct draft *d);

#endif
