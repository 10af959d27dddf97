/* SPDX-License-Identifier: MIT */
/* Whether a service is open at a time of the day. Pure. */
#ifndef POLICY_ACCESS_TIMES_H
#define POLICY_ACCESS_TIMES_H

#include "conf/access.h"

/* minute: of the local day, 0 to 1439. No ranges: always open. */
bool access_times_open(const struct time_range *ranges, size_t count, unsigned minute);

#endif
