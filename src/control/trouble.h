/* SPDX-License-Identifier: MIT */
/* Everything that is wrong at this moment, a sentence each. */
#ifndef CONTROL_TROUBLE_H
#define CONTROL_TROUBLE_H

#include <jansson.h>

struct daemon;

/* More are counted and not listed. */
#define TROUBLE_MOST 64u

/* A list of {service?, what, text}, first what concerns the daemon as a whole; *count: of all, listed or not. */
json_t *trouble_list(const struct daemon *d, unsigned *count);

#endif
