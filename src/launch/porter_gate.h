/* SPDX-License-Identifier: MIT */
/* porter-gate, which judges a client in the child of the daemon before that becomes the program: by hosts.allow and
 * hosts.deny, and by the name that belongs to the client's address. It runs as the service's user, outside of its chroot. */
#ifndef LAUNCH_PORTER_GATE_H
#define LAUNCH_PORTER_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/config.h"

struct launch;

/* The words that porter-gate is started with for this service, on the heap; NULL: its clients need not be judged. The first
 * *always words are for every client; those behind are for those whom only_from admits by their names alone. */
char **porter_gate_words_new(const struct service_conf *conf, size_t *always);
/* Where porter-gate is found: beside the daemon's own program, or where it was installed. */
const char *porter_gate_path(void);
/* For tests: another path, which must stay valid. */
void porter_gate_set_path(const char *path);

/* True if l->client is to be judged. */
bool porter_gate_is_needed(const struct launch *l);
/* In the child, system calls only: starts porter-gate for l->client, after become has made that process the service's user,
 * and waits for what it says. An enum verdict, or -errno if nothing can be said. */
int porter_gate_ask(const struct launch *l, int (*become)(const struct launch *l));

#endif
