/* SPDX-License-Identifier: MIT */
/* Attributes that xinetd's files hold and porterd does not have. */
#ifndef CONF_UNSUPPORTED_H
#define CONF_UNSUPPORTED_H

#include "conf/block.h"

struct unsupported {
	const char *name;
	bool restricts;       /* the service would be more open without it: it does not start */
	const char *harmless; /* a first word with which it asks for nothing, or NULL */
	const char *text;     /* why it is not done, or what to write instead */
};

extern const struct unsupported unsupported[];
extern const size_t unsupported_count;

const struct unsupported *unsupported_find(const char *name); /* any case; NULL if there is none */
/* True if the setting changes nothing, so that it can be left out. */
bool unsupported_is_harmless(const struct unsupported *u, const struct setting *s);

/* The name that an unknown one probably stands for, or NULL. *restricts: leaving it out would open something. */
const char *unknown_guess(const char *name, bool *restricts);

#endif
