/* SPDX-License-Identifier: MIT */
/* Numbers of descriptors. What the daemon keeps lies above those that its children need. */
#ifndef BASE_DESCRIPTOR_H
#define BASE_DESCRIPTOR_H

#define DESCRIPTOR_LOWEST 64

/* Moves it to a number from DESCRIPTOR_LOWEST up, close-on-exec. The new one; or -errno, and fd is as it was. */
int descriptor_high(int fd);
/* The highest number that this has given so far. */
int descriptor_highest(void);
/* One part in so many of all that may be open, and `most` at most; at least one. */
unsigned descriptor_share(unsigned parts, unsigned most);

#endif
