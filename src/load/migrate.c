/* SPDX-License-Identifier: MIT */
#include "load/migrate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "load/load.h"
#include "load/migrate_parts.h"
#include "load/xinetd_attr.h"

void
migration_done(struct migration *m)
{
	for (size_t i = 0; i < m->limit_count; i++) {
		free(m->limit[i].place);
		free(m->limit[i].text);
	}
	free(m->limit);
	*m = (struct migration){ 0 };
}

/* A value that begins with a brace: xinetd knows no lists in braces. */
static bool
has_list(const struct source *source)
{
	const char *at = source->text;

	while ((at = strchr(at, '=')) != NULL) {
		at += 1 + strspn(at + 1, " \t");
		if (*at == '{')
			return true;
	}
	return false;
}

/* Written for porterd: it has what xinetd never had. */
static bool
is_own(const struct source *source, const struct blocks *list)
{
	if (has_list(source))
		return true;
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < list->item[i].count; k++) {
			const struct setting *s = &list->item[i].settings[k];

			if (s->attr != NULL && xinetd_attr_find(s->name.text) == NULL &&
			    !xinetd_attr_is_hoped_for(s->name.text))
				return true;
		}
	return false;
}

static size_t
source_index(const struct migrate_input *in, const struct source *source)
{
	size_t i = 0;

	while (i < in->config->source_count && in->config->sources[i] != source)
		i++;
	return i;
}

static bool
is_served(const struct service_conf *s)
{
	return s->state == CONF_OK || s->state == CONF_BROKEN_SURROUNDINGS;
}

/* Where the first defaults with these attributes stand that xinetd takes over when it reads a service. */
static const struct setting *
late_default(const struct migrate_input *in, size_t block)
{
	static const char *const copied[] = { "only_from", "no_access", "passenv", "banner",
		"banner_success", "banner_fail" };

	for (size_t i = block + 1; i < in->block_count; i++) {
		const struct block *b = in->blocks[i];

		for (size_t k = 0; b->kind == BLOCK_DEFAULTS && k < b->count; k++)
			for (size_t n = 0; n < ARRAY_LEN(copied); n++)
				if (strcasecmp(b->settings[k].name.text, copied[n]) == 0)
					return &b->settings[k];
	}
	return NULL;
}

static void
check_order(struct migrating *m, size_t block)
{
	const struct block *b = m->in->blocks[block];
	const struct setting *late = late_default(m->in, block);
	char at[512];

	if (late != NULL)
		migrate_note(m, &b->place,
		    "the service stands before the defaults with %s (%s); xinetd does not apply them to it, here they hold",
		    late->name.text, place_format(&late->name.place, at, sizeof(at)));
}

static void
count_service(struct migrating *m, const struct service_conf *s, bool is_inetd)
{
	if (!is_served(s))
		return;
	m->out->without_cps += !is_inetd && s->cps.per_second == 0;
	/* A builtin over UDP has wait in its line, and none here. */
	m->out->without_rate += is_inetd && !s->wait && s->rate.count == 0 &&
				!(conf_is_internal(s) && s->socket_type == SOCK_DGRAM);
	m->out->programs += !is_inetd && s->server != NULL && !s->has_passenv;
}

static void
check_blocks(struct migrating *m, const bool *is_foreign)
{
	const struct migrate_input *in = m->in;
	size_t service = 0;

	for (size_t i = 0; i < in->block_count; i++) {
		const struct block *b = in->blocks[i];
		const struct service_conf *s =
		    b->kind == BLOCK_SERVICE ? in->config->services[service++] : NULL;
		size_t file = source_index(in, b->place.source);

		if (s != NULL && (is_foreign[file] || in->files[file]->is_inetd))
			count_service(m, s, in->files[file]->is_inetd);
		if (!is_foreign[file] || (s != NULL && s->state == CONF_DISABLED))
			continue;
		if (s != NULL)
			check_order(m, i);
		migrate_values(m, b, s);
	}
}

void
migrate_check(const struct migrate_input *in, struct migration *out, struct problems *problems)
{
	struct migrating m = { .in = in, .out = out, .problems = problems };
	size_t count = in->config->source_count;
	bool *is_foreign = mem_array(count, sizeof(*is_foreign));

	for (size_t i = 0; i < count; i++) {
		const struct source *source = in->config->sources[i];

		if (strcmp(source->path, LOAD_PRESET_PATH) == 0)
			continue;
		is_foreign[i] = !in->files[i]->is_inetd && !is_own(source, in->files[i]);
		out->inetd_files += in->files[i]->is_inetd;
		out->xinetd_files += is_foreign[i];
		out->own_files += !in->files[i]->is_inetd && !is_foreign[i];
		if (is_foreign[i])
			migrate_lines(&m, source, in->files[i]);
	}
	check_blocks(&m, is_foreign);
	free(is_foreign);
}
