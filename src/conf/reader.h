/* SPDX-License-Identifier: MIT */
/* From a block of settings to values, through libConfuse. */
#ifndef CONF_READER_H
#define CONF_READER_H

#include "base/strings.h"
#include "conf/block.h"

/* A setting with more words than this is no value but a mistake: it is not read. */
#define READER_MAX_WORDS 16384

struct reader;

/* What libConfuse made of one setting. */
struct reading {
	/* False for unknown names, for too many words, and for a scalar that was given before. */
	bool is_present;
	enum setting_op op;
	struct strings words; /* of a scalar: one, its words joined by blanks */
};

struct reader *reader_new(void);
void reader_free(struct reader *r);
/* One reading for each setting of the block, in its order. NULL after a problem was added. */
struct reading *reader_read(struct reader *r, const struct block *block, struct problems *problems);
void readings_free(struct reading *list, size_t count); /* NULL is allowed */

#endif
