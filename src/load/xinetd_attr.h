/* SPDX-License-Identifier: MIT */
/* What xinetd knows of each of its attributes. */
#ifndef LOAD_XINETD_ATTR_H
#define LOAD_XINETD_ATTR_H

#include <stdbool.h>

struct xinetd_attr {
	const char *name;
	unsigned words;     /* that it takes; 0: any number */
	bool is_edited;     /* += and -= work on it */
	bool takes_nothing; /* a value without a word is one */
	bool is_limit;      /* it restricts: to lose it opens something */
	bool loses_service; /* a word that is none of its own loses the whole service */
};

/* Any case; NULL: xinetd has no such attribute. */
const struct xinetd_attr *xinetd_attr_find(const char *name);
/* What stands in files that were written for xinetd, which has no such limit. */
bool xinetd_attr_is_hoped_for(const char *name);

#endif
