/* SPDX-License-Identifier: MIT */
/* What options do to the settings; several rows of several tables share one of these. */
#ifndef FRONT_TAKE_H
#define FRONT_TAKE_H

#include "front/personality.h"
#include "front/settings.h"

typedef void take_fn(struct settings *s, const struct option_row *row, const char *value);

take_fn take_config, take_foreground, take_debug, take_pidfile; /* the same under every name */
take_fn take_number;     /* a value for an attribute that is a number; 0: none */
take_fn take_per_minute; /* N: N in a minute; 0: no limit */
take_fn take_word;       /* a value for an attribute */
take_fn take_nothing;    /* it has no effect here, and the row says why */

#endif
