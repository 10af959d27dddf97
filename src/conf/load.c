/* SPDX-License-Identifier: MIT */
#include "conf/load.h"

#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/apply.h"
#include "conf/block.h"
#include "conf/conflicts.h"
#include "conf/inetd.h"
#include "conf/migrate.h"
#include "conf/resolve.h"
#include "conf/resolve_access.h"
#include "conf/rules.h"
#include "conf/rules_access.h"
#include "conf/unsupported.h"

/* Files that include each other go no deeper than this. */
#define INCLUDE_DEPTH 32

struct identity {
	dev_t dev;
	ino_t ino;
};

/* A file that is being read, and the one that includes it. */
struct chain {
	const struct chain *up;
	struct identity id;
	unsigned depth;
	bool
	    is_drop_in; /* from an includedir: one damaged file there takes no other service down */
	enum input_kind kind; /* of the files of an input; BLOCKS for what they include */
};

struct loader {
	const struct load_options *options;
	struct problems *problems;
	struct config *config;
	struct reader *reader;
	struct blocks **files; /* a list for each source of the configuration */
	struct block **blocks; /* defaults and services, in the order in which they are read */
	size_t block_count, block_room;
	void *seen; /* tree of struct identity: files and directories */
	struct draft defaults;
	struct problems of_service; /* those of the service being loaded */
	struct name_set enabled, disabled;
};

static void load_file(
    struct loader *l, const char *path, const struct place *from, const struct chain *up);

static int
compare_identities(const void *x, const void *y)
{
	const struct identity *left = x, *right = y;

	if (left->dev != right->dev)
		return left->dev < right->dev ? -1 : 1;
	return left->ino < right->ino ? -1 : left->ino > right->ino;
}

/* False, and a message, for a file or directory that was read. */
static bool
is_first_time(
    struct loader *l, const char *path, const struct place *from, const struct identity *id)
{
	struct identity *copy = mem_alloc(sizeof(*copy));

	*copy = *id;
	struct identity **found = tsearch(copy, &l->seen, compare_identities);
	if (found != NULL && *found == copy)
		return true;
	free(copy);
	problem_add(l->problems, SEVERITY_WARNING, CAUSE_TEXT, from,
	    "%s was read already, and is not read again", path);
	return false;
}

/* What could not be read may hold defaults that restrict. */
static void
mind_the_gap(struct loader *l, const struct place *place)
{
	l->defaults.has_gap = true;
	problem_add(l->problems, SEVERITY_NOTE, CAUSE_TEXT, place,
	    "no service starts: what could not be read may hold defaults that restrict them");
}

/* False, and a message, for a file that is being read or was read. */
static bool
is_new_file(struct loader *l, const char *path, const struct place *from, const struct chain *link)
{
	for (const struct chain *c = link->up; c != NULL; c = c->up) {
		if (compare_identities(&c->id, &link->id) == 0) {
			problem_add(l->problems, SEVERITY_ERROR, CAUSE_TEXT, from,
			    "%s includes itself", path);
			return false;
		}
	}
	if (link->depth > INCLUDE_DEPTH) {
		problem_add(l->problems, SEVERITY_ERROR, CAUSE_TEXT, from,
		    "files include each other more than %d deep", INCLUDE_DEPTH);
		if (!link->is_drop_in)
			mind_the_gap(l, from);
		return false;
	}
	return is_first_time(l, path, from, &link->id);
}

/* A path in a file is relative to the folder of that file. */
static char *
resolve_path(const char *path, const struct place *from)
{
	const char *file = from->source->path, *slash = strrchr(file, '/');

	if (*path == '/' || slash == NULL)
		return mem_dup(path);
	return mem_format("%.*s/%s", (int)(slash - file), file, path);
}

static void
include_directory(
    struct loader *l, const char *path, const struct place *from, const struct chain *link)
{
	struct chain drop_in = *link;
	struct strings paths = { 0 };
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	    !is_first_time(l, path, from, &(struct identity){ .dev = st.st_dev, .ino = st.st_ino }))
		return;
	drop_in.is_drop_in = true;
	if (source_list(path, &l->options->trust, from, &paths, l->problems) == 0)
		for (size_t i = 0; i < paths.count; i++)
			load_file(l, paths.item[i], from, &drop_in);
	strings_done(&paths);
}

static void
keep_block(struct loader *l, struct block *block)
{
	if (l->block_count == l->block_room) {
		l->block_room = l->block_room == 0 ? 64 : l->block_room * 2;
		l->blocks = mem_grow(l->blocks, l->block_room, sizeof(struct block *));
	}
	l->blocks[l->block_count++] = block;
}

static void
walk(struct loader *l, struct blocks *list, const struct chain *link)
{
	for (size_t i = 0; i < list->count; i++) {
		struct block *b = &list->item[i];

		if (b->kind == BLOCK_DEFAULTS || b->kind == BLOCK_SERVICE) {
			keep_block(l, b);
			continue;
		}
		if (b->title.text == NULL)
			continue;
		char *path = resolve_path(b->title.text, &b->title.place);
		if (b->kind == BLOCK_INCLUDE)
			load_file(l, path, &b->title.place, link);
		else
			include_directory(l, path, &b->title.place, link);
		free(path);
	}
}

/* A file that is there and was refused: not trusted, too large, or changing. One that is missing, is no file or may
 * not be read says that itself. */
static bool
was_refused(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && eaccess(path, R_OK) == 0;
}

/* As the text of a source says, or its input. False: it is inetd.conf, whose lines restrict no other. */
static bool
read_source(
    struct loader *l, struct blocks *list, const struct source *source, enum input_kind kind)
{
	const struct inetd_options options = { .lookup = l->options->lookup,
		.has_wrappers = l->options->has_wrappers };

	if (kind == INPUT_INETD || (kind == INPUT_AUTO && inetd_is_likely(source))) {
		inetd_read(list, source, &options, l->problems);
		return false;
	}
	blocks_read(list, source, l->problems);
	return true;
}

static struct blocks *
add_source(struct loader *l, struct source *source)
{
	struct config *c = l->config;
	struct blocks *list = mem_alloc(sizeof(*list));
	size_t n = c->source_count++;

	c->sources = mem_grow(c->sources, n + 1, sizeof(*c->sources));
	l->files = mem_grow(l->files, n + 1, sizeof(*l->files));
	c->sources[n] = source;
	l->files[n] = list;
	return list;
}

static void
load_file(struct loader *l, const char *path, const struct place *from, const struct chain *up)
{
	struct chain link = { .up = up,
		.depth = up == NULL ? 1 : up->depth + 1,
		.is_drop_in = up != NULL && up->is_drop_in,
		.kind = INPUT_BLOCKS };
	enum input_kind kind = up != NULL ? up->kind : INPUT_BLOCKS;
	struct stat st;

	if (stat(path, &st) == 0) {
		link.id = (struct identity){ .dev = st.st_dev, .ino = st.st_ino };
		if (!is_new_file(l, path, from, &link))
			return;
	}
	struct source *source = source_read(path, &l->options->trust, from, l->problems);
	if (source == NULL) {
		if (up != NULL && !link.is_drop_in && was_refused(path))
			mind_the_gap(l, from);
		return;
	}
	struct blocks *list = add_source(l, source);

	if (read_source(l, list, source, kind) &&
	    ((list->is_cut && !link.is_drop_in) || list->misses))
		mind_the_gap(l, &(struct place){ .source = source });
	walk(l, list, &link);
}

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
	for (size_t i = 0; i < l->block_count; i++)
		if (l->blocks[i]->kind == BLOCK_SERVICE)
			c->services[c->count++] = load_service(l, &d, l->blocks[i]);
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

/* The defaults of the command line stand before those of any file, and count where both say something. */
static void
load_preset(struct loader *l, const char *text)
{
	struct source *source;

	if (text == NULL)
		return;
	source = mem_alloc(sizeof(*source));
	*source = (struct source){
		.path = mem_dup(LOAD_PRESET_PATH), .text = mem_dup(text), .len = strlen(text)
	};
	struct blocks *list = add_source(l, source);

	blocks_read(list, source, l->problems);
	walk(l, list, &(struct chain){ .depth = 1 });
}

static void
load_input(struct loader *l, const struct load_input *input)
{
	/* The chain has no file of its own: no inode is 0. */
	const struct chain top = { .is_drop_in = input->is_part, .kind = input->kind };
	struct stat st = { 0 };

	if (stat(input->path, &st) < 0 && input->may_lack)
		return;
	if (S_ISDIR(st.st_mode))
		include_directory(l, input->path, &(struct place){ 0 }, &top);
	else
		load_file(l, input->path, &(struct place){ 0 }, &top);
}

static void
load_all(struct loader *l, const char *path)
{
	const struct load_options *o = l->options;

	load_preset(l, o->preset);
	if (o->inputs == NULL)
		load_file(l, path, &(struct place){ 0 }, NULL);
	for (size_t i = 0; o->inputs != NULL && i < o->input_count; i++)
		load_input(l, &o->inputs[i]);
}

struct config *
config_load(const char *path, const struct load_options *options, struct problems *problems)
{
	struct loader l = { .options = options, .problems = problems, .config = config_new(path) };

	l.reader = reader_new();
	draft_init(&l.defaults, options);
	load_all(&l, path);
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
