/* SPDX-License-Identifier: MIT */
/* What a child does between its start and its exec. */
#ifndef LAUNCH_STEPS_H
#define LAUNCH_STEPS_H

#include "launch/launch.h"

/* Where a step failed that is none of the table: the child could not get descriptors of its own. */
void steps_fail(const struct launch *l, int error);
/* All steps in their order; does not return. Of a launch that needs no C library, see launch_needs_library, system calls alone
 * are made. */
void steps_run(const struct launch *l);

#endif
