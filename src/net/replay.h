/* SPDX-License-Identifier: MIT */
/* Puts datagrams that were taken from one socket into the queue of another: they are sent once more within this machine, in
 * the name of who sent them, through a raw socket. This takes CAP_NET_RAW. */
#ifndef NET_REPLAY_H
#define NET_REPLAY_H

#include <stddef.h>

#include "base/addr.h"

/* Opens the raw socket of a family, AF_INET or AF_INET6, if that was not done yet; it stays open. 0 or -errno. */
int replay_prepare(int family);
/* The kernel gives it to whichever socket it would give it to now. Both addresses are canonical, of one family, and `to` is
 * one of this machine. 0 or -errno. */
int replay_send(const struct addr *from, const struct addr *to, const void *data, size_t len);
/* Closes what is open. */
void replay_done(void);

#endif
