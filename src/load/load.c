/* SPDX-License-Identifier: MIT */
#include "load/load.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/apply.h"
#include "conf/conflicts.h"
#include "conf/resolve.h"
#include "conf/resolve_access.h"
#include "conf/rules.h"
#include "conf/rules_access.h"
#include "conf/unsupported.h"
#include "load/loader.h"
#include "load/migrate.h"

static void
load_defaults(struct loader *l)
{
	struct draft *d = &l->defaults;

	d->conf = &l->config->defaults;
	d->global = &l->config->global;
	d->problems = l->problems;
	for (size_t i = 0; i < l->block_count; i++) {
		d->block = l->blocks[i];
		if (d->block->kind != BLOCK_DEFAULTS)
			continue;
		if (!apply_block(d, l->reader) || d->block->is_damaged)
			d->has_gap = true;
	}
	for (size_t i = 0; i < l->block_count; i++) {
		d->block = l->blocks[i];
		if (d->block->kind == BLOCK_DEFAULTS)
			rules_access_edited(d);
	}
	resolve_control(d);
	for (size_t i = 0; i < l->config->global.enabled.count; i++)
		name_set_add(&l->enabled, l->config->global.enabled.item[i]);
	for (size_t i = 0; i < l->config->global.disabled.count; i++)
		name_set_add(&l->disabled, l->config->global.disabled.item[i]);
}

static bool
is_forced(const struct load_options *options, const char *id)
{
	for (size_t i = 0; options->forced != NULL && i < options->forced->count; i++)
		if (strcasecmp(options->forced->item[i], id) == 0)
			return true;
	return false;
}

static bool
is_disabled(const struct loader *l, const struct service_conf *s)
{
	if (is_forced(l->options, s->id))
		return false;
	if (s->disable || name_set_has(&l->disabled, s->id))
		return true;
	return l->config->global.has_enabled && !name_set_has(&l->enabled, s->id);
}

/* Something the service should have obeyed could not be read. */
static bool
has_gap(const struct draft *d)
{
	for (size_t i = 0; i < attr_count; i++)
		if (d->broken[i] && (attrs[i].restricts || !attr_is_global(&attrs[i])))
			return true;
	for (size_t i = 0; i < unsupported_count; i++)
		if (d->lacks[i])
			return true;
	return d->has_gap || d->block->is_damaged;
}

/* The rules and the lookups say what is missing. This is what the rest of the program relies on. */
static bool
is_complete(const struct draft *d)
{
	const struct service_conf *s = d->conf;

	return (conf_is_internal(s) || conf_is_redirect(s) || s->server != NULL) &&
	       (s->endpoint_count > 0 || conf_is_muxed(s) || draft_is_inherited(d));
}

static enum conf_state
judge(struct draft *d, bool is_off)
{
	if (is_off)
		return CONF_DISABLED;
	if (d->problems->by_severity[SEVERITY_ERROR] == 0 && !is_complete(d))
		TEXT_ERROR(d, &d->conf->place, "service %.60s has no program or no address",
		    d->conf->name);
	if (has_gap(d) || d->problems->text_errors > 0)
		return CONF_BROKEN_TEXT;
	return d->problems->by_severity[SEVERITY_ERROR] > 0 ? CONF_BROKEN_SURROUNDINGS : CONF_OK;
}

/* What is wrong with a service that is off hurts nobody. */
static void
hand_over(struct problems *to, const struct problems *from, bool is_off)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct problem *p = &from->item[i];

		problem_add(
		    to, is_off ? SEVERITY_NOTE : p->severity, p->cause, &p->place, "%s", p->text);
	}
}

/* A service without an error of its own is broken by what it should have inherited. */
static char *
first_trouble(const struct problems *problems)
{
	const char *text = problems_first_error(problems, 0);

	return mem_dup(text != NULL ? text : "something that it should obey could not be read");
}

static struct service_conf *
start_service(const struct loader *l, const struct block *b)
{
	struct service_conf *s = service_conf_new(&l->config->defaults);

	s->name = mem_dup(b->title.text != NULL ? b->title.text : "");
	s->place = b->place;
	return s;
}

static struct service_conf *
load_service(struct loader *l, struct draft *d, const struct block *b)
{
	struct problems *problems = &l->of_service;

	d->conf = start_service(l, b);
	d->block = b;
	d->problems = problems;
	memset(d->own, 0, attr_count * sizeof(*d->own));
	memcpy(d->broken, l->defaults.broken, attr_count * sizeof(*d->broken));
	memcpy(d->lacks, l->defaults.lacks, unsupported_count * sizeof(*d->lacks));
	d->has_gap = l->defaults.has_gap;
	bool is_read = apply_block(d, l->reader);
	if (d->conf->id == NULL)
		d->conf->id = mem_dup(d->conf->name);
	bool is_off = is_disabled(l, d->conf);
	if (is_read)
		rules_apply(d);
	if (is_read && !is_off) {
		resolve_files(d);
		resolve_ids(d);
		resolve_endpoints(d);
		resolve_access(d);
		resolve_serve(d);
	}
	d->conf->state = is_read ? judge(d, is_off) : is_off ? CONF_DISABLED : CONF_BROKEN_TEXT;
	if (d->conf->state == CONF_BROKEN_TEXT || d->conf->state == CONF_BROKEN_SURROUNDINGS)
		d->conf->trouble = first_trouble(problems);
	hand_over(l->problems, problems, is_off);
	problems_done(problems);
	service_conf_settle(d->conf);
	return d->conf;
}

static void
load_services(struct loader *l)
{
	struct config *c = l->config;
	struct draft d;

	draft_init(&d, l->options);
	d.cache = access_cache_new();
	c->services = mem_array(l->block_count, sizeof(*c->services));
	for (size_t i = 0; i < l->block_count; i++) {
		if (l->blocks[i]->kind != BLOCK_SERVICE)
			continue;
		c->services[c->count] = load_service(l, &d, l->blocks[i]);
		c->services[c->count]->number = c->count;
		c->count++;
	}
	access_cache_free(d.cache);
	draft_done(&d);
	conflicts_find(c, l->problems);
	conflicts_find_unreachable(c, l->problems);
}

/* A word may hold several ids, with commas between them. */
static void
check_id_word(
    struct loader *l, const struct setting *s, const struct word *w, const struct name_set *ids)
{
	char *rest = mem_dup(w->text), *next = rest, *id;

	while ((id = strsep(&next, ",")) != NULL)
		if (*id != '\0' && !name_set_has(ids, id))
			problem_add(l->problems, SEVERITY_WARNING, CAUSE_TEXT, &w->place,
			    "%s: there is no service with the id %.60s", s->attr->name, id);
	free(rest);
}

/* Ids in enabled and disabled that no service has. */
static void
check_ids(struct loader *l, const struct setting *s, const struct name_set *ids)
{
	for (size_t i = 0; s->op != SETTING_DEL && i < s->count; i++)
		check_id_word(l, s, &s->words[i], ids);
}

static void
check_id_lists(struct loader *l)
{
	struct name_set ids = { 0 };

	for (size_t i = 0; i < l->config->count; i++)
		name_set_add(&ids, l->config->services[i]->id);
	for (size_t i = 0; i < l->block_count; i++) {
		const struct block *b = l->blocks[i];

		for (size_t k = 0; b->kind == BLOCK_DEFAULTS && k < b->count; k++)
			if (b->settings[k].attr != NULL && attr_is_global(b->settings[k].attr) &&
			    b->settings[k].attr->type->is_list)
				check_ids(l, &b->settings[k], &ids);
	}
	name_set_done(&ids);
}

static void
loader_done(struct loader *l)
{
	for (size_t i = 0; i < l->config->source_count; i++) {
		blocks_done(l->files[i]);
		free(l->files[i]);
	}
	free(l->files);
	free(l->blocks);
	tdestroy(l->seen, free);
	name_set_done(&l->enabled);
	name_set_done(&l->disabled);
	draft_done(&l->defaults);
	reader_free(l->reader);
}

struct config *
config_load(const char *path, const struct load_options *options, struct problems *problems)
{
	struct loader l = { .options = options, .problems = problems, .config = config_new(path) };

	l.reader = reader_new();
	draft_init(&l.defaults, options);
	loader_read(&l, path);
	load_defaults(&l);
	load_services(&l);
	check_id_lists(&l);
	if (options->migration != NULL)
		migrate_check(&(struct migrate_input){ .config = l.config,
				  .files = l.files,
				  .blocks = l.blocks,
				  .block_count = l.block_count,
				  .lookup = options->lookup },
		    options->migration, problems);
	loader_done(&l);
	return l.config;
}
