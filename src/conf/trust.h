/* SPDX-License-Identifier: MIT */
/* Could anybody but the trusted owners have written a file, or put another in its place? */
#ifndef CONF_TRUST_H
#define CONF_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>

#include "conf/source.h"

/* Walks the path, following links: every directory looked into, every link and the end itself must
 * belong to a trusted owner and not be writable by others; a sticky directory may be. st: what was
 * opened, which must be where the path leads. False after an error was added that names what is
 * wrong and the command that helps. */
bool trust_check(const char *path, const struct stat *st, const struct trust *trust,
    const struct place *from, struct problems *problems);

#endif
