/* SPDX-License-Identifier: MIT */
#include "load/migrate_note.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void
migrate_note(struct migrating *m, const struct place *place, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = mem_dup(format);
	va_end(ap);
	problem_add(m->problems, SEVERITY_NOTE, CAUSE_TEXT, place, "%s", text);
	m->out->notes++;
	free(text);
}

void
migrate_limit(
    struct migrating *m, const struct place *place, const struct block *block, const char *setting)
{
	struct migration *out = m->out;
	const char *service =
	    block != NULL && block->kind == BLOCK_SERVICE ? block->title.text : NULL;

	out->limit = mem_grow(out->limit, out->limit_count + 1, sizeof(*out->limit));
	out->limit[out->limit_count++] = (struct migration_limit){
		.place = mem_format("%s:%u", place->source->path, place->line),
		.text = service != NULL ? mem_format("%s of service %s", setting, service)
					: mem_format("%s in defaults", setting),
	};
}
