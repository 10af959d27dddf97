/* SPDX-License-Identifier: MIT */
/* What the parts of a migration check share. */
#ifndef LOAD_MIGRATE_NOTE_H
#define LOAD_MIGRATE_NOTE_H

#include "load/migrate.h"

struct migrating {
	const struct migrate_input *in;
	struct migration *out;
	struct problems *problems;
};

void migrate_note(struct migrating *m, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A limit that was not in force there. block: NULL in defaults. */
void migrate_limit(
    struct migrating *m, const struct place *place, const struct block *block, const char *setting);

#endif
