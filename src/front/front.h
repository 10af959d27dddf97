/* SPDX-License-Identifier: MIT */
/* What the program can be asked for; each gives its exit status. */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "front/settings.h"

struct origin;

int front_serve(const struct settings *s, const struct origin *origin);
int front_check(struct settings *s); /* --check and --dump */
int front_convert(struct settings *s);

#endif
