/* SPDX-License-Identifier: MIT */
/* Getting past text that is no configuration. */
#ifndef CONF_FOREIGN_H
#define CONF_FOREIGN_H

#include "conf/scan.h"

/* Skips what nobody can read: the rest of the line, and the braces that it or the next line opens,
 * to their end. The start of a service is never skipped. */
void foreign_skip(struct scan *s);

#endif
