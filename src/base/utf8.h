/* SPDX-License-Identifier: MIT */
/* UTF-8 as the Unicode standard defines it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the character that text begins with, of which left bytes are there, and its code point. 0: there is none. */
size_t utf8_decode(const char *text, size_t left, uint32_t *code);

#endif
