/* SPDX-License-Identifier: MIT */
/* Memory that is there or the program ends: every allocation happens while settings are read. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/array.h"

/* For large buffers on busy roads that are written before they are read: where the compiler is told
 * to clear every variable, it leaves these alone. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
# define UNINITIALIZED __attribute__((uninitialized))
#else
# define UNINITIALIZED
#endif

/* Called when there is no memory, before the program ends with status 1; it may end it itself. */
void mem_set_failure(void (*fn)(void));

void *mem_alloc(size_t size);               /* zeroed; free() it */
void *mem_array(size_t count, size_t size); /* zeroed, overflow checked */
void *mem_grow(void *old, size_t count,
    size_t size); /* realloc of an array, overflow checked; the new part is not zeroed */
char *mem_dup(const char *text);
char *mem_dupn(const char *text, size_t len);
/* What was freed goes back to the system, as far as it can: after much was needed for a while. */
void mem_trim(void);
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
