/* SPDX-License-Identifier: MIT */
/* A process of the daemon that is ready but for its exec, and waits for the connection that its program will serve. System
 * calls only, and static memory: it runs between fork and exec. */
#ifndef LAUNCH_WARM_H
#define LAUNCH_WARM_H

#include <stddef.h>

#include "launch/channel.h"

/* A message at most: struct porter_header of <porter/worker.h>, the service's id, then the variables of the connection as
 * NAME=VALUE, each with its NUL. One descriptor comes with it. */
#define WARM_MESSAGE_SIZE CHANNEL_MESSAGE_SIZE

/* Waits on descriptor 0, a channel of type SOCK_SEQPACKET, for one such message. Descriptor 1 is closed first, so that the
 * connection has a number below every limit. Writes the variables into tail, which has room for so many pointers, the
 * last of them NULL; they point into static memory. The connection's descriptor, or -errno: -EPROTO if the message is
 * none. Ends the process with status 0 if the channel ends before, and if the connection did not come through; then it
 * has replied PORTER_NO_DESCRIPTOR. */
int warm_receive(char **tail, size_t room);

#endif
