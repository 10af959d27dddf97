/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/source.h"
#include "load/inetd.h"
#include "load/loader.h"

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

void
loader_read(struct loader *l, const char *path)
{
	const struct load_options *o = l->options;

	load_preset(l, o->preset);
	if (o->inputs == NULL)
		load_file(l, path, &(struct place){ 0 }, NULL);
	for (size_t i = 0; o->inputs != NULL && i < o->input_count; i++)
		load_input(l, &o->inputs[i]);
}
