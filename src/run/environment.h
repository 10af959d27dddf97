/* SPDX-License-Identifier: MIT */
/* The environment of a program, in two parts: what its service always gets, and what one connection adds. */
#ifndef RUN_ENVIRONMENT_H
#define RUN_ENVIRONMENT_H

#include <stddef.h>

#include "conf/config.h"

struct connection;

/* The fixed part: PATH, TZ, LANG and LC_* of `from`, then passenv, then env, each name once, connection variables left
 * out. A vector of *count strings on the heap with room behind them for a connection's variables and the last NULL. */
char **environment_new(const struct service_conf *conf, char *const *from, size_t *count);

/* Writes a connection's variables and the last NULL. The strings stay valid until the next call. */
void environment_connection(
    char **tail, const struct service_conf *conf, const struct connection *c);

#endif
