/* SPDX-License-Identifier: MIT */
/* What a service says of the start of its programs: words that a connection fills in, and who is judged by porter-gate. */
#ifndef CONF_RULES_LAUNCH_H
#define CONF_RULES_LAUNCH_H

#include "conf/draft.h"

/* Settles asks_libwrap. */
void rules_launch_apply(struct draft *d);

#endif
