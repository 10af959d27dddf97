/* SPDX-License-Identifier: MIT */
/* The rules for services with a pool of workers. */
#ifndef CONF_RULES_POOL_H
#define CONF_RULES_POOL_H

#include "conf/draft.h"

/* Of a service with a pool wait is no afterwards, and its numbers fit each other; what has no effect has its default. */
void rules_pool_apply(struct draft *d);

/* Why an attribute has no effect in this service although another kind of pool would heed it; NULL if it has one, or is not
 * about pools. */
const char *rules_pool_idle(const struct service_conf *s, const struct attr *a);

#endif
