/* SPDX-License-Identifier: MIT */
/* What attributes mean together: values that follow from others, and combinations that cannot be. */
#ifndef CONF_RULES_H
#define CONF_RULES_H

#include "conf/draft.h"

/* Asks nothing of the machine but which builtins and rights there are and which sockets were handed over. */
void rules_apply(struct draft *d);

bool rules_is_unix(const struct service_conf *s);  /* every address of it is a unix socket */
bool rules_has_unix(const struct service_conf *s); /* some address is */

#endif
