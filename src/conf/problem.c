/* SPDX-License-Identifier: MIT */
#include "conf/problem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
problem_add(struct problems *p, enum severity severity, enum cause cause, const struct place *place,
    const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = mem_dup(format);
	va_end(ap);
	/* The array doubles: it is full whenever the count is a power of two. */
	if ((p->count & (p->count - 1)) == 0)
		p->item = mem_grow(p->item, p->count == 0 ? 1 : p->count * 2, sizeof(*p->item));
	p->item[p->count++] = (struct problem){
		.severity = severity,
		.cause = cause,
		.place = place == NULL ? (struct place){ 0 } : *place,
		.text = text,
	};
	p->by_severity[severity]++;
	if (severity == SEVERITY_ERROR && cause == CAUSE_TEXT)
		p->text_errors++;
}

void
problem_soften(struct problems *p, size_t index)
{
	struct problem *one = &p->item[index];

	if (one->severity != SEVERITY_ERROR)
		return;
	if (one->cause == CAUSE_TEXT)
		p->text_errors--;
	p->by_severity[SEVERITY_ERROR]--;
	p->by_severity[SEVERITY_NOTE]++;
	one->severity = SEVERITY_NOTE;
}

void
problem_remove(struct problems *p, size_t index)
{
	struct problem *one = &p->item[index];

	p->by_severity[one->severity]--;
	if (one->severity == SEVERITY_ERROR && one->cause == CAUSE_TEXT)
		p->text_errors--;
	free(one->text);
	memmove(one, one + 1, (p->count - index - 1) * sizeof(*one));
	p->count--;
}

const char *
place_format(const struct place *place, char *text, size_t size)
{
	if (place->source == NULL)
		snprintf(text, size, "-");
	else if (place->line == 0)
		snprintf(text, size, "%s", place->source->path);
	else
		snprintf(text, size, "%s:%u:%u", place->source->path, place->line, place->column);
	return text;
}

const char *
problems_first_error(const struct problems *p, size_t index)
{
	for (; index < p->count; index++)
		if (p->item[index].severity == SEVERITY_ERROR)
			return p->item[index].text;
	return NULL;
}

void
problems_done(struct problems *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->item[i].text);
	free(p->item);
	*p = (struct problems){ 0 };
}

size_t
text_mark_len(const char *text, size_t len)
{
	return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}
