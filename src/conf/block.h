/* SPDX-License-Identifier: MIT */
/* The tokenizer: cuts one file, in native or in xinetd's spelling, into blocks of settings. It
 * knows the names of the attributes, keeps quote, list and comment state, and the place of every
 * word. It never stops at an error: what it cannot read is reported and marked, and the next
 * service is read. */
#ifndef CONF_BLOCK_H
#define CONF_BLOCK_H

#include "conf/attr.h"
#include "conf/problem.h"

enum block_kind { BLOCK_DEFAULTS, BLOCK_SERVICE, BLOCK_INCLUDE, BLOCK_INCLUDEDIR };

enum setting_op { SETTING_SET, SETTING_ADD, SETTING_DEL }; /* =, +=, -= */

struct word {
	char *text; /* quotes removed, no escapes left */
	struct place place;
};

struct setting {
	const struct attr *attr; /* NULL: no attribute has this name */
	struct word name;
	enum setting_op op;
	bool is_native; /* the value started with { or a quote */
	struct word *words;
	size_t count;
};

struct block {
	enum block_kind kind;
	struct word title;  /* service name, file or directory; text is NULL for defaults */
	struct place place; /* of the keyword */
	struct setting *settings;
	size_t count;
	bool is_damaged; /* an error was found inside: the service must not start */
	/* Its settings say disable = yes: only damage to braces was reported as error. */
	bool is_disabled;
};

struct blocks {
	struct block *item;
	size_t count;
	/* After an error the end of the file was not read: a defaults block may be missing. */
	bool is_cut;
	/* A misspelt defaults, include or includedir, or no path: what it stood for is missing. */
	bool misses;
	bool is_inetd; /* read from inetd.conf */
};

/* Reads source into blocks, in file order; words point into nothing (they are copies), places into
 * source. */
void blocks_read(struct blocks *out, const struct source *source, struct problems *problems);
void blocks_done(struct blocks *b);

#endif
