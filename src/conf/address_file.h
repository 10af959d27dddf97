/* SPDX-License-Identifier: MIT */
/* Files of addresses: one address or prefix a line, in any form of only_from that is no name and no file; # begins a comment. */
#ifndef CONF_ADDRESS_FILE_H
#define CONF_ADDRESS_FILE_H

#include "base/ip_set.h"
#include "conf/problem.h"
#include "conf/trust.h"

/* Longer files are refused. */
#define ADDRESS_FILE_MOST_BYTES (256u << 20)

/* Reads it. On success 0 and one reference in *out. -errno where it cannot be read or, as configuration, not be trusted; -EINVAL where a
 * line is no address: *out is NULL then. why: "line 3: '10.0.0.300' is no address" or the like, at most 255 bytes. */
int address_file_read(
    struct ip_set **out, const char *path, const struct trust *trust, char why[256]);
/* Whether it may be read and be trusted, without reading it: 0 and what it is, or -errno and why. */
int address_file_look(const char *path, const struct trust *trust, struct stat *st, char why[256]);

#endif
