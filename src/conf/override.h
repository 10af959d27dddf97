/* SPDX-License-Identifier: MIT */
/* A service's settings with some attributes changed while it runs, until the configuration is loaded again. The changed copy
 * stands in a configuration of its own, which keeps the one it was made from. Which attributes were changed is seen from
 * their places. */
#ifndef CONF_OVERRIDE_H
#define CONF_OVERRIDE_H

#include "conf/attr.h"
#include "conf/config.h"
#include "conf/load_options.h"

/* The source of the place of every attribute that was changed: places_at(&conf->places, i)->source == &override_source. It has no lines. */
extern const struct source override_source;

struct override_change {
	struct config *config; /* that conf is from: the file's, or that of another change */
	const struct service_conf *conf; /* that runs; CONF_OK */
	const struct attr *attr;
	const char *text; /* the value; of lists all words, with blanks between them */
};

/* A configuration with one service, the changed one. The caller owns a reference. NULL if that is no value, or does not go with
 * the other attributes; why says so then. */
struct config *override_new(const struct override_change *change,
    const struct load_options *options, char why[ATTR_WHY_SIZE]);

/* A value of a global attribute into g, which is left alone if it is none. */
bool override_global(
    struct global_conf *g, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE]);

/* The next attribute from number *at on that was changed; *at moves behind it. NULL: no more. */
const struct attr *override_next(const struct service_conf *conf, size_t *at);

/* The names of the attributes that may be changed while a service runs: "instances, on_limit and stop_grace". The caller
 * frees it. */
char *override_names(void);

#endif
