/* SPDX-License-Identifier: MIT */
/* The state of a running daemon as a value. Nothing is changed by it. */
#ifndef UPGRADE_SAVE_H
#define UPGRADE_SAVE_H

#include <jansson.h>

#include "run/runtime.h"

/* What the upper layers add; references are taken, NULL: nothing. */
struct save_parts {
	json_t *daemon, *control, *journal;
};

/* A new reference. */
json_t *save_state(const struct runtime *rt, const struct save_parts *parts);

#endif
