/* SPDX-License-Identifier: MIT */
/* Addresses and network devices of the machine that come and go, told by the kernel (rtnetlink(7)). It is open only while some
 * listener waits for its address, or is bound to a device, which may go and come back as another one. */
#ifndef RUN_NETWORK_WATCH_H
#define RUN_NETWORK_WATCH_H

struct runtime;

/* A listener has something to wait for. If the kernel tells nothing, there are still the listeners' own timers. */
void network_watch_open(struct runtime *rt);
/* Closes it if no listener has. */
void network_watch_settle(struct runtime *rt);
void network_watch_close(struct runtime *rt);

#endif
