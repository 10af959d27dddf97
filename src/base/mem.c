/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*failure)(void);

void
mem_set_failure(void (*fn)(void))
{
	failure = fn;
}

static void *
must(void *p)
{
	if (p != NULL)
		return p;
	if (failure != NULL)
		failure();
	fputs("porterd: out of memory\n", stderr);
	exit(EXIT_FAILURE);
}

void *
mem_alloc(size_t size)
{
	return must(calloc(1, size == 0 ? 1 : size));
}

void *
mem_array(size_t count, size_t size)
{
	return must(calloc(count == 0 ? 1 : count, size));
}

void *
mem_grow(void *old, size_t count, size_t size)
{
	return must(reallocarray(old, count == 0 ? 1 : count, size));
}

char *
mem_dup(const char *text)
{
	return must(strdup(text));
}

char *
mem_dupn(const char *text, size_t len)
{
	char *copy = mem_alloc(len + 1);

	memcpy(copy, text, len);
	return copy;
}

void
mem_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

char *
mem_format(const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	return must(text);
}
