/* SPDX-License-Identifier: MIT */
/* A bare tcp or udp of inetd.conf: both families, as openbsd-inetd's, or IPv4 alone where another line of the file is for IPv6. */
#ifndef LOAD_INETD_FAMILY_H
#define LOAD_INETD_FAMILY_H

#include "conf/block.h"

/* All zero at the beginning. */
struct inetd_family {
	void *v6;     /* tree of "service/protocol": there is a line for IPv6, be it switched off */
	size_t *bare; /* indices of blocks whose line names no family */
	size_t bare_count;
};

/* Block number i comes from a line with this word as protocol. */
void inetd_family_note(
    struct inetd_family *f, const struct block *b, size_t i, const char *protocol);
/* The file is read: the blocks get their families, and f is empty. */
void inetd_family_settle(struct inetd_family *f, struct blocks *out);

#endif
