/* SPDX-License-Identifier: MIT */
/* Services that nobody has any business with: whoever connects to one is shut out of all of them. */
#ifndef RUN_SENSOR_H
#define RUN_SENSOR_H

#include "run/service.h"

/* The peer has connected by TCP, so that its address is its own. This machine itself is never shut out. */
void sensor_hit(struct service *s, const struct addr *peer);

#endif
