/* SPDX-License-Identifier: MIT */
/* A file of xinetd, or an inetd.conf, written again in porterd's own form. Settings and comments are kept as they are: the
 * result loads to the same services. */
#ifndef LOAD_CONVERT_H
#define LOAD_CONVERT_H

#include "load/load.h"

/* A piece of the result. */
struct converted {
	char *id;   /* of the service; NULL: defaults, includes and what stands around them */
	char *text; /* whole lines */
};

struct conversion {
	struct converted *item;
	size_t count;
	size_t lost; /* settings and services that are there as comments alone */
};

/* Appends the pieces of a source, in its order. Errors of the file, and what is kept as a comment alone, go to problems. */
void convert_source(struct conversion *out, const struct source *source, enum input_kind kind,
    const struct load_options *options, struct problems *problems);
/* A file could not be read: what it may have restricted keeps every service from starting. */
void conversion_add_gap(struct conversion *out);
void conversion_done(struct conversion *c);

#endif
