/* SPDX-License-Identifier: MIT */
/* hosts.allow and hosts.deny, see hosts_access(5). There is a twin for machines without that library. */
#ifndef HELPERS_LIBWRAP_H
#define HELPERS_LIBWRAP_H

#include <stdbool.h>

#include "base/addr.h"

/* 0, or why no client can be judged: -ENOSYS, or -errno where one of the files cannot be read, which the library would take
 * for an empty one. */
int libwrap_ready(void);
/* local: len 0 if it is not known. A rule with twist does not return. */
bool libwrap_admits(const char *daemon, struct addr *peer, struct addr *local);

#endif
