/* SPDX-License-Identifier: MIT */
/* A configuration while it is being loaded: first the files are read, then what they say is worked out. */
#ifndef LOAD_LOADER_H
#define LOAD_LOADER_H

#include "conf/block.h"
#include "conf/conflicts.h"
#include "conf/draft.h"
#include "conf/load_options.h"
#include "conf/reader.h"

struct loader {
	const struct load_options *options;
	struct problems *problems;
	struct config *config;
	struct reader *reader;
	struct blocks **files; /* a list for each source of the configuration */
	struct block **blocks; /* defaults and services, in the order in which they are read */
	size_t block_count, block_room;
	void *seen; /* tree of struct identity: files and directories */
	struct draft defaults;
	struct problems of_service; /* those of the service being loaded */
	struct name_set enabled, disabled;
};

/* Reads the main file at path, or what the options name in its place, and all that they include: sources, files and blocks. */
void loader_read(struct loader *l, const char *path);

#endif
