/* SPDX-License-Identifier: MIT */
/* For people who come from another super-server: which lines it read otherwise, and what that changes. Nothing here
 * changes what is loaded. */
#ifndef LOAD_MIGRATE_H
#define LOAD_MIGRATE_H

#include "conf/block.h"
#include "conf/config.h"

struct lookup;

/* A line whose limit was never in force under xinetd. */
struct migration_limit {
	char *place, *text; /* "file:line", "per_source = 10 of service ctf" */
};

/* What a check adds up. Start with {0}. */
struct migration {
	size_t xinetd_files, inetd_files, own_files;
	struct migration_limit *limit;
	size_t limit_count;
	size_t notes; /* about single lines */
	/* Services that have no such limit here, and had one there without a word in the file. */
	size_t without_cps, without_rate;
	size_t programs; /* that got all of xinetd's environment */
};

void migration_done(struct migration *m);

/* What the loader knows once everything is loaded. */
struct migrate_input {
	const struct config *config;
	struct blocks *const *files; /* one for each source of config */
	struct block *const
	    *blocks; /* defaults and services, in the order in which they were read */
	size_t block_count;
	const struct lookup *lookup;
};

void migrate_check(
    const struct migrate_input *in, struct migration *out, struct problems *problems);

#endif
