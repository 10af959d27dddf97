/* SPDX-License-Identifier: MIT */
/* inetd.conf in the forms of the BSDs, GNU, busybox and Debian: each line becomes a block of settings with the places of
 * its words, so that everything behind reads it like any other service. */
#ifndef LOAD_INETD_H
#define LOAD_INETD_H

#include "conf/block.h"

struct lookup;

struct inetd_options {
	const struct lookup *
	    lookup; /* to tell user.group from a name with a dot, and for programs without a path */
	bool has_wrappers; /* see load_options */
};

/* Where programs without a path are looked for, in this order. */
#define INETD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Reads source into blocks, in file order. A line that cannot be read is an error and gives no block; the others are
 * read. Lines that begin with #<off># are services that are off. */
void inetd_read(struct blocks *out, const struct source *source,
    const struct inetd_options *options, struct problems *problems);
/* True if the first word of the source begins no block: then it is taken as inetd.conf. */
bool inetd_is_likely(const struct source *source);

#endif
