/* SPDX-License-Identifier: MIT */
/* From the running services to those of another configuration: at the start from none, at a reload by the difference.
 * Listeners are matched by what they are bound to, so that renamed and swapped services keep them. */
#ifndef RELOAD_APPLY_H
#define RELOAD_APPLY_H

#include "conf/config.h"
#include "run/runtime.h"

struct same;
struct service;

struct apply_result {
	unsigned services;  /* that can serve */
	unsigned listening; /* listeners that are bound */
	unsigned unbound;   /* listeners that are tried again */
	unsigned
	    kept; /* services left as they were, since something that they name is missing now */
};

/* same: what is known of services that stay as they are, see reload/same.h; NULL: nothing. */
struct apply_result apply_config(
    struct runtime *rt, struct config *config, const struct same *same);

/* One service alone, all others stay as they are: s is switched off and comes back under these settings, or it is NULL, for a
 * service that did not run. The settings are of config, which is kept by the service. NULL, or why not (heap): then
 * nothing has changed. */
char *apply_service(
    struct runtime *rt, struct service *s, struct config *config, const struct service_conf *conf);

#endif
