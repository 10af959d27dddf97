/* SPDX-License-Identifier: MIT */
/* Numbers of descriptors. What the daemon keeps lies above those that its children need. */
#ifndef BASE_DESCRIPTOR_H
#define BASE_DESCRIPTOR_H

#include <sys/types.h>

#define DESCRIPTOR_LOWEST 64

/* Moves it to a number from DESCRIPTOR_LOWEST up, close-on-exec. The new one; or -errno, and fd is as it was. */
int descriptor_high(int fd);
/* The highest number that these two have given so far. */
int descriptor_highest(void);
/* pidfd_open(2) of a child that is not reaped yet, as high; or -errno. */
int descriptor_of_process(pid_t pid);
/* One part in so many of all that may be open, and `most` at most; at least one. */
unsigned descriptor_share(unsigned parts, unsigned most);

#endif
