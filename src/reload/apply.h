/* SPDX-License-Identifier: MIT */
/* From the running services to those of another configuration: at the start from none, at a reload by the difference.
 * Listeners are matched by what they are bound to, so that renamed and swapped services keep them. */
#ifndef CONTROL_APPLY_H
#define CONTROL_APPLY_H

#include "conf/config.h"
#include "run/runtime.h"

struct apply_result {
	unsigned services;  /* that can serve */
	unsigned listening; /* listeners that are bound */
	unsigned unbound;   /* listeners that are tried again */
	unsigned
	    kept; /* services left as they were, since something that they name is missing now */
};

struct apply_result apply_config(struct runtime *rt, struct config *config);

#endif
