/* SPDX-License-Identifier: MIT */
/* The parts of a migration check. */
#ifndef LOAD_MIGRATE_PARTS_H
#define LOAD_MIGRATE_PARTS_H

#include "load/migrate_note.h"

/* The lines of one file as xinetd cuts them. */
void migrate_lines(struct migrating *m, const struct source *source, const struct blocks *list);
/* The values of one block; service: what they came to, NULL for defaults. */
void migrate_values(
    struct migrating *m, const struct block *block, const struct service_conf *service);

#endif
