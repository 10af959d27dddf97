/* SPDX-License-Identifier: MIT */
/* How many connections each source has. Private to the door. */
#ifndef RUN_DOOR_COUNT_H
#define RUN_DOOR_COUNT_H

#include "run/door.h"

/* Into sources that were just made, what the service has. */
void door_count_all(struct door *d);

#endif
