/* SPDX-License-Identifier: MIT */
/*
 * A block is written out again in libConfuse's own spelling, every value in single quotes, and parsed as a section.
 * In double quotes ${NAME} would be replaced; in single quotes only \' and \\ are special.
 *
 * libConfuse knows += but not -=, and replaces what a list held when it is set twice. Every list is therefore handed
 * over as one list of marks: the operator of a setting ("=", "+=", "-="), then each of its words with a colon before it.
 *
 * The options given to cfg_init() are those that occur in the block: it copies all it is given, every time.
 */
#include "conf/reader.h"

#include <confuse.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SECTION_SERVICE  "service"
#define SECTION_DEFAULTS "defaults"

static const char *const op_marks[] = {
	[SETTING_SET] = "=", [SETTING_ADD] = "+=", [SETTING_DEL] = "-="
};

struct reader {
	cfg_opt_t *rows; /* attr_count: each attribute as an option */
	cfg_opt_t *used; /* those of the block that is read, and an end */
	size_t used_count;
	bool *is_used; /* attr_count */
	const struct block *block;
	struct problems *problems;
	bool has_failed;
};

/* The library's error function gets no argument of the caller's. */
static struct reader *current;

struct reader *
reader_new(void)
{
	struct reader *r = mem_alloc(sizeof(*r));

	r->rows = mem_array(attr_count, sizeof(*r->rows));
	r->used = mem_array(attr_count + 1, sizeof(*r->used));
	r->is_used = mem_array(attr_count, sizeof(*r->is_used));
	for (size_t i = 0; i < attr_count; i++) {
		if (attrs[i].type->is_list)
			r->rows[i] = (cfg_opt_t)CFG_STR_LIST(attrs[i].name, NULL, CFGF_NODEFAULT);
		else
			r->rows[i] = (cfg_opt_t)CFG_STR(attrs[i].name, NULL, CFGF_NODEFAULT);
	}
	return r;
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	free(r->rows);
	free(r->used);
	free(r->is_used);
	free(r);
}

void
readings_free(struct reading *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		strings_done(&list[i].words);
	free(list);
}

/* The text begins at the block's first line. */
__attribute__((format(printf, 2, 0))) static void
report(cfg_t *cfg, const char *format, va_list ap)
{
	struct place place = current->block->place;
	char text[512];

	vsnprintf(text, sizeof(text), format, ap);
	if (cfg != NULL && cfg->line > 0)
		place.line += (unsigned)cfg->line - 1;
	place.column = 1;
	current->has_failed = true;
	problem_add(current->problems, SEVERITY_ERROR, CAUSE_TEXT, &place, "%s", text);
}

static void
write_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void
write_quoted(FILE *out, const char *mark, const char *text)
{
	fprintf(out, "'%s", mark);
	write_escaped(out, text);
	fputc('\'', out);
}

/* Scalars: the first setting counts. */
static bool
takes_part(const struct reader *r, const struct setting *s)
{
	if (s->attr == NULL || s->count > READER_MAX_WORDS)
		return false;
	if (s->attr->type->is_list)
		return true;
	return s->op == SETTING_SET && !r->is_used[s->attr - attrs];
}

static void
write_list(FILE *out, const struct setting *s)
{
	fprintf(out, "%s += {'%s'", s->attr->name, op_marks[s->op]);
	for (size_t i = 0; i < s->count; i++) {
		fputs(", ", out);
		write_quoted(out, ":", s->words[i].text);
	}
	fputs("}", out);
}

/* The words as one value. One word too many is enough to be refused later. */
static void
write_scalar(FILE *out, const struct setting *s)
{
	size_t most = s->attr->type->max_words + 2;

	fprintf(out, "%s = '", s->attr->name);
	for (size_t i = 0; i < s->count && i < most; i++) {
		if (i > 0)
			fputc(' ', out);
		write_escaped(out, s->words[i].text);
	}
	fputc('\'', out);
}

static void
write_setting(struct reader *r, FILE *out, const struct setting *s)
{
	size_t i = (size_t)(s->attr - attrs);

	if (!r->is_used[i])
		r->used[r->used_count++] = r->rows[i];
	r->is_used[i] = true;
	if (s->attr->type->is_list)
		write_list(out, s);
	else
		write_scalar(out, s);
}

static char *
write_block(struct reader *r, const struct block *b, struct reading *readings)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	unsigned line = b->place.line;

	if (out == NULL)
		return NULL;
	fputs(b->kind == BLOCK_SERVICE ? SECTION_SERVICE " " : SECTION_DEFAULTS " ", out);
	if (b->kind == BLOCK_SERVICE)
		write_quoted(out, "", b->title.text != NULL ? b->title.text : "");
	fputs(" {", out);
	for (size_t i = 0; i < b->count; i++) {
		const struct setting *s = &b->settings[i];

		readings[i].is_present = takes_part(r, s);
		if (!readings[i].is_present)
			continue;
		fputc(' ', out);
		for (; line < s->name.place.line; line++)
			fputc('\n', out);
		write_setting(r, out, s);
	}
	fputs("\n}\n", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool
read_op(enum setting_op *op, const char *mark)
{
	for (size_t i = 0; i < ARRAY_LEN(op_marks); i++) {
		if (strcmp(op_marks[i], mark) == 0) {
			*op = (enum setting_op)i;
			return true;
		}
	}
	return false;
}

/* From element *next on: one operator and the words behind it. */
static bool
take_list(struct reading *out, cfg_opt_t *opt, unsigned *next)
{
	unsigned count = cfg_opt_size(opt);

	if (*next >= count || !read_op(&out->op, cfg_opt_getnstr(opt, (*next)++)))
		return false;
	for (; *next < count && cfg_opt_getnstr(opt, *next)[0] == ':'; (*next)++)
		strings_add(&out->words, cfg_opt_getnstr(opt, *next) + 1);
	return true;
}

static bool
take_section(const struct block *b, struct reading *readings, cfg_t *section)
{
	unsigned *next = mem_array(attr_count, sizeof(*next));
	bool is_ok = true;

	for (size_t i = 0; is_ok && i < b->count; i++) {
		const struct attr *a = b->settings[i].attr;

		if (!readings[i].is_present)
			continue;
		cfg_opt_t *opt = cfg_getopt(section, a->name);
		if (a->type->is_list)
			is_ok = take_list(&readings[i], opt, &next[a - attrs]);
		else if (cfg_opt_size(opt) == 1)
			strings_add(&readings[i].words, cfg_opt_getnstr(opt, 0));
		else
			is_ok = false;
	}
	free(next);
	return is_ok;
}

static bool
parse(struct reader *r, const char *text, struct reading *readings)
{
	bool is_service = r->block->kind == BLOCK_SERVICE;
	const char *name = is_service ? SECTION_SERVICE : SECTION_DEFAULTS;
	cfg_flag_t flags = is_service ? CFGF_MULTI | CFGF_TITLE : CFGF_MULTI;
	bool is_ok = false;

	r->used[r->used_count] = (cfg_opt_t)CFG_END();
	cfg_opt_t top[] = { CFG_SEC(name, r->used, flags), CFG_END() };
	cfg_t *cfg = cfg_init(top, CFGF_NONE);
	cfg_set_error_function(cfg, report);
	if (cfg_parse_buf(cfg, text) == CFG_SUCCESS && cfg_size(cfg, name) == 1)
		is_ok = take_section(r->block, readings, cfg_getnsec(cfg, name, 0));
	cfg_free(cfg);
	return is_ok;
}

struct reading *
reader_read(struct reader *r, const struct block *block, struct problems *problems)
{
	struct reading *readings = mem_array(block->count, sizeof(*readings));

	r->block = block;
	r->problems = problems;
	r->has_failed = false;
	r->used_count = 0;
	memset(r->is_used, 0, attr_count * sizeof(*r->is_used));
	char *text = write_block(r, block, readings);
	current = r;
	bool is_ok = text != NULL && parse(r, text, readings) && !r->has_failed;
	current = NULL;
	free(text);
	if (is_ok)
		return readings;
	if (!r->has_failed)
		problem_add(problems, SEVERITY_ERROR, CAUSE_TEXT, &block->place,
		    "this block could not be read");
	readings_free(readings, block->count);
	return NULL;
}
