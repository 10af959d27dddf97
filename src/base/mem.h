/* SPDX-License-Identifier: MIT */
/* Memory that is there or the program ends: every allocation happens while settings are read. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void *mem_alloc(size_t size);               /* zeroed; free() it */
void *mem_array(size_t count, size_t size); /* zeroed, overflow checked */
void *mem_grow(void *old, size_t count,
    size_t size); /* realloc of an array, overflow checked; the new part is not zeroed */
char *mem_dup(const char *text);
char *mem_dupn(const char *text, size_t len);
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
