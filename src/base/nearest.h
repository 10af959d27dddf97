/* SPDX-License-Identifier: MIT */
/* Guessing which of some names was meant. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

/* The name nearest to word, letters compared in any case, or NULL if none is near: at most two
 * letters (a third of a long word, one letter of a word of up to three) changed, left out, put in
 * or swapped with the next one. An equal name is nearest of all; of equally near ones the first. */
const char *nearest_name(const char *word, const char *const *names, size_t count);

#endif
