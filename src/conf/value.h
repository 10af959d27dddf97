/* SPDX-License-Identifier: MIT */
/* The words of one value, in either spelling. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "conf/block.h"
#include "conf/scan.h"

/* Reads the value at the cursor, which stands behind the operator, into set->words, and stops
 * behind it: at the end of its line, at the brace that closes the block or at the next setting.
 * is_one_line: the block was opened on this line. */
void value_read(struct scan *s, struct setting *set, bool is_one_line);
/* After an error: the rest of the line, but not a brace at its end. */
void value_drop_line(struct scan *s);

#endif
