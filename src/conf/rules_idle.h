/* SPDX-License-Identifier: MIT */
/* Attributes that only some kinds of service heed. */
#ifndef CONF_RULES_IDLE_H
#define CONF_RULES_IDLE_H

#include "conf/draft.h"

/* Why an attribute has no effect in this service although another kind of service would heed it; NULL if it has one. */
const char *rules_idle(const struct service_conf *s, const struct attr *a);
/* Why porterd accepts no connection of this service; NULL if it does, or there are none. */
const char *rules_idle_accepted(const struct service_conf *s);

/* What has no effect gets its default, with a warning if it was given in the service itself. */
void rules_idle_reset(struct draft *d);

#endif
