/* SPDX-License-Identifier: MIT */
/* What a child of the daemon does itself, in place of an exec or before it. Only for children that share no memory. */
#ifndef LAUNCH_SERVE_H
#define LAUNCH_SERVE_H

#include "launch/launch.h"

/* LAUNCH_WARM: waits until the connection is there, which is descriptors 0, 1 and maybe 2 then. 0 or -errno. */
int serve_wait(const struct launch *l);
/* A builtin or a redirect serves its client, or all that its channel hands over. That nobody was reached is no failure
 * to start: the report says it. 0 or -errno. */
int serve_here(const struct launch *l);

#endif
