/* SPDX-License-Identifier: MIT */
/* What attributes mean together: values that follow from others, and combinations that cannot be. */
#ifndef CONF_RULES_H
#define CONF_RULES_H

#include "conf/draft.h"

/* Asks nothing of the machine but which builtins there are and which sockets were handed over. */
void rules_apply(struct draft *d);

#endif
