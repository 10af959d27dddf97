/* SPDX-License-Identifier: MIT */
/* Another binary in place of the one that runs, in the same process: everything that is served goes on. The new one is
 * tried first, by a child that reads a copy of the state and says whether it could take over. */
#ifndef CONTROL_UPGRADE_H
#define CONTROL_UPGRADE_H

#include <stdint.h>

struct daemon;

/* Begins it. asker: number of the control client who is told how it went, by the new binary if it went well; 0: nobody. 0;
 * -EBUSY if one is under way, -ESHUTDOWN while stopping, or -errno. A binary that is refused is logged with the reason. */
int upgrade_begin(struct daemon *d, uint64_t asker);
/* The daemon is about to stop: nothing comes of it any more. */
void upgrade_give_up(struct daemon *d);

#endif
