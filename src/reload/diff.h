/* SPDX-License-Identifier: MIT */
/* What another configuration would change, without changing it. */
#ifndef RELOAD_DIFF_H
#define RELOAD_DIFF_H

#include <stdbool.h>

#include "conf/config.h"
#include "run/runtime.h"

/* One service; all is borrowed from the runtime and the configuration. */
struct difference {
	const struct service_conf *before; /* NULL: it would be added */
	const struct service_conf *after;  /* NULL: it would be removed */
	bool replaces_workers;
};

struct diff {
	struct difference *
	    item; /* of services that stay, those with another value of some attribute, or other workers */
	size_t count;
	struct strings opened, closed; /* keys of listeners */
};

/* Fills it in; ended by diff_done. Of services whose new text has errors nothing is said. Says in the log what apply_config would say of services that are kept. */
void diff_make(struct diff *diff, struct runtime *rt, struct config *config);
void diff_done(struct diff *diff);

#endif
