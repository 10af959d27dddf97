/* SPDX-License-Identifier: MIT */
/* A block's settings, applied to what a service inherited, or to the defaults. */
#ifndef CONF_APPLY_H
#define CONF_APPLY_H

#include "conf/draft.h"
#include "conf/reader.h"

/* False if nothing could be read. Everything else that is wrong is in the draft's problems, broken and lacks. */
bool apply_block(struct draft *d, struct reader *reader);

#endif
