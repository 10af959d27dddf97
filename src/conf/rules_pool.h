/* SPDX-License-Identifier: MIT */
/* The rules for services with a pool of workers. */
#ifndef CONF_RULES_POOL_H
#define CONF_RULES_POOL_H

#include "conf/draft.h"

/* Of a service with a pool wait is no afterwards, and its numbers fit each other. */
void rules_pool_apply(struct draft *d);

#endif
