/* SPDX-License-Identifier: MIT */
/* The environment of a program, in two parts: what its service always gets, and what one connection adds. */
#ifndef LAUNCH_ENVIRONMENT_H
#define LAUNCH_ENVIRONMENT_H

#include <stddef.h>

#include "conf/config.h"

struct connection;
struct worker_variables;

/* Pointers of the longest tail: every variable of <porter/environment.h>, and the last NULL. */
#define ENVIRONMENT_TAIL 16

/* The fixed part: PATH, TZ, LANG and LC_* of `from`, then passenv, then env, each name once, the names of
 * <porter/environment.h> left out. A vector on the heap of *count strings, which belong to conf, to `from`, or to nobody. */
char **environment_new(const struct service_conf *conf, char *const *from, size_t *count);

/* Writes a connection's variables and the last NULL. The strings stay valid until the next call of this or the other. */
void environment_connection(
    char **tail, const struct service_conf *conf, const struct connection *c);

/* The same for a worker. *listen_pid: see plan_worker_environment. */
void environment_worker(char **tail, const struct service_conf *conf,
    const struct worker_variables *v, char **listen_pid);

#endif
