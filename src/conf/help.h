/* SPDX-License-Identifier: MIT */
/* The attribute table for people. */
#ifndef CONF_HELP_H
#define CONF_HELP_H

#include <stdio.h>

void attr_help(FILE *out);      /* as text */
void attr_help_mdoc(FILE *out); /* as items of an mdoc(7) list, for the manual */

#endif
