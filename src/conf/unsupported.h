/* SPDX-License-Identifier: MIT */
/* Attributes that xinetd's files hold and porterd does not have. */
#ifndef CONF_UNSUPPORTED_H
#define CONF_UNSUPPORTED_H

#include "conf/block.h"

struct unsupported {
	const char *name;
	bool restricts;   /* the service would be another one without it: it does not start */
	const char *text; /* why it is not done, or what to write instead */
};

extern const struct unsupported unsupported[];
extern const size_t unsupported_count;

const struct unsupported *unsupported_find(const char *name); /* any case; NULL if there is none */

/* The name that an unknown one probably stands for, or NULL. *restricts: leaving it out would open something. */
const char *unknown_guess(const char *name, bool *restricts);

#endif
