/* SPDX-License-Identifier: MIT */
#include "load/convert.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "conf/block.h"
#include "conf/lexeme.h"
#include "conf/types.h"
#include "conf/unsupported.h"
#include "load/convert_text.h"
#include "load/inetd.h"

struct converting {
	const struct source *source;
	const struct text_lines *lines;
	const struct load_options *options;
	struct conversion *out;
	struct problems *problems;
	unsigned next; /* the first line that was not written yet */
};

static void
add_piece(struct conversion *out, const char *id, char *text)
{
	out->item = mem_grow(out->item, out->count + 1, sizeof(*out->item));
	out->item[out->count++] =
	    (struct converted){ .id = id != NULL ? mem_dup(id) : NULL, .text = text };
}

static void
say_lost(struct converting *c, const struct place *place, const char *what, const char *why)
{
	problem_add(c->problems, SEVERITY_WARNING, CAUSE_TEXT, place,
	    "%.60s is kept as a comment alone: %s", what, why);
	c->out->lost++;
}

/* Reads back as it is, without quotes. */
static bool
is_plain(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-_.:/@", *p) == NULL)
			return false;
	return *text != '\0' && strstr(text, "//") == NULL;
}

static bool
are_plain(const struct setting *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!is_plain(s->words[i].text))
			return false;
	return s->count > 0;
}

static void
write_words(const struct setting *s, FILE *out)
{
	bool is_list = s->attr != NULL && s->attr->type->is_list;

	if (!is_list && are_plain(s)) {
		for (size_t i = 0; i < s->count; i++)
			fprintf(out, "%s%s", i > 0 ? " " : "", s->words[i].text);
		return;
	}
	if (!is_list && s->count == 1) {
		type_print_word(s->words[0].text, out);
		return;
	}
	fputc('{', out);
	for (size_t i = 0; i < s->count; i++) {
		if (i > 0)
			fputs(", ", out);
		type_print_word(s->words[i].text, out);
	}
	fputc('}', out);
}

static const char *const operators[] = {
	[SETTING_SET] = "=", [SETTING_ADD] = "+=", [SETTING_DEL] = "-="
};

static bool
was_given(const struct block *b, const struct setting *s)
{
	for (const struct setting *before = b->settings; before < s; before++)
		if (before->attr == s->attr && before->op == SETTING_SET)
			return true;
	return false;
}

/* Why the loader leaves a setting out, with a warning; NULL: it does not. What is an error there stays one. */
static const char *
why_lost(const struct block *b, const struct setting *s)
{
	bool restricts = false;

	if (s->attr == NULL) {
		if (unsupported_find(s->name.text) != NULL)
			return NULL;
		(void)unknown_guess(s->name.text, &restricts);
		return restricts ? NULL : "porterd has no such attribute";
	}
	if (s->attr->type->is_list)
		return NULL;
	if (s->op != SETTING_SET)
		return s->attr->restricts ? NULL
					  : "it takes one value, which += and -= do not change";
	return was_given(b, s) ? "it is given twice, and the first one counts" : NULL;
}

static void
write_setting(struct converting *c, const struct block *b, const struct setting *s, FILE *out)
{
	const char *why = why_lost(b, s);

	if (why != NULL)
		say_lost(c, &s->name.place, s->name.text, why);
	fprintf(out, "\t%s%s %s ", why != NULL ? "# " : "",
	    s->attr != NULL ? s->attr->name : s->name.text, operators[s->op]);
	write_words(s, out);
	fputc('\n', out);
}

/* The comment behind a value goes on a line of its own. */
static void
write_comment_behind(struct converting *c, const struct setting *s, FILE *out)
{
	const struct word *last = s->count > 0 ? &s->words[s->count - 1] : &s->name;
	bool is_raw = s->attr != NULL && s->attr->type->is_raw && !s->is_native;
	char *comment;

	if (is_raw)
		return;
	comment = text_comment_behind(c->lines, last);
	if (comment != NULL)
		fprintf(out, "\t# %s\n", comment);
	free(comment);
}

static void
write_title(const struct block *b, FILE *out)
{
	if (b->kind == BLOCK_DEFAULTS) {
		fputs("defaults {\n", out);
		return;
	}
	fputs("service ", out);
	if (is_plain(b->title.text) && strchr(b->title.text, '/') == NULL)
		fputs(b->title.text, out);
	else
		type_print_word(b->title.text, out);
	fputs(" {\n", out);
}

/* Comment lines from c->next up to a line, which is then the next one. */
static void
write_comments(struct converting *c, unsigned before, const char *indent, FILE *out)
{
	if (before > c->next) {
		text_write_comments(c->lines, c->next, before, indent, out);
		c->next = before;
	}
}

static unsigned
last_line_of(const struct setting *s)
{
	return s->count > 0 ? s->words[s->count - 1].place.line : s->name.place.line;
}

static void
write_block(struct converting *c, const struct block *b, unsigned limit, FILE *out)
{
	unsigned end = b->place.line;

	write_comments(c, b->place.line, "", out);
	write_title(b, out);
	if (c->next <= b->place.line)
		c->next = b->place.line + 1;
	for (size_t i = 0; i < b->count; i++) {
		const struct setting *s = &b->settings[i];

		write_comments(c, s->name.place.line, "\t", out);
		write_comment_behind(c, s, out);
		write_setting(c, b, s, out);
		if (last_line_of(s) > end)
			end = last_line_of(s);
		if (c->next <= end)
			c->next = end + 1;
	}
	write_comments(c, text_closing_line(c->lines, c->next, limit), "\t", out);
	fputs("}\n", out);
}

/* What could not be read may restrict every service: without it none starts, as none did from the file itself. */
static const char gap[] =
    "defaults {\n"
    "\tNOT-CONVERTED: what may restrict the services could not be read; write it here, and take this line out\n"
    "}\n";

/* What cannot be read stays as it was, where nobody reads it. */
static void
write_damaged(struct converting *c, const struct block *b, unsigned limit, FILE *out)
{
	write_comments(c, b->place.line, "", out);
	if (b->kind == BLOCK_DEFAULTS)
		fputs(gap, out);
	fputs("# not converted, it has errors:\n", out);
	text_write_as_comment(c->lines, b->place.line, limit, out);
	c->next = limit;
	say_lost(c, &b->place, b->title.text != NULL ? b->title.text : "defaults", "it has errors");
}

/* True for one of the files and directories that are converted anyway, whatever way its path is written. */
static bool
is_input(const struct converting *c, const char *path)
{
	struct stat wanted, st;

	if (stat(path, &wanted) < 0)
		return false;
	for (size_t i = 0; i < c->options->input_count; i++)
		if (stat(c->options->inputs[i].path, &st) == 0 && st.st_dev == wanted.st_dev &&
		    st.st_ino == wanted.st_ino)
			return true;
	return false;
}

/* The services of what is converted, too, would be there twice. */
static void
write_include(struct converting *c, const struct block *b, FILE *out)
{
	const char *path = b->title.text, *file = c->source->path, *slash = strrchr(file, '/');
	char *whole = *path == '/' || slash == NULL
			  ? mem_dup(path)
			  : mem_format("%.*s/%s", (int)(slash - file), file, path);
	bool is_converted = is_input(c, whole);

	write_comments(c, b->place.line, "", out);
	if (is_converted)
		fputs("# ", out);
	fputs(b->kind == BLOCK_INCLUDE ? "include " : "includedir ", out);
	type_print_word(whole, out);
	fputc('\n', out);
	c->next = b->place.line + 1;
	if (!is_converted)
		problem_add(c->problems, SEVERITY_NOTE, CAUSE_TEXT, &b->title.place,
		    "%.200s stays as it is; named behind --convert, too, it is converted, and this line becomes a comment",
		    whole);
	free(whole);
}

static const char *
id_of(const struct block *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->settings[i].attr != NULL && strcmp(b->settings[i].attr->name, "id") == 0 &&
		    b->settings[i].count == 1)
			return b->settings[i].words[0].text;
	return b->title.text;
}

static void
convert_block(struct converting *c, const struct block *b, unsigned limit)
{
	bool is_include = b->kind == BLOCK_INCLUDE || b->kind == BLOCK_INCLUDEDIR;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		abort();
	/* Services of inetd.conf stand line by line; blocks look better apart. */
	if (c->out->count > 0 && !text_is_empty(c->lines, c->next))
		fputc('\n', out);
	if (b->is_damaged)
		write_damaged(c, b, limit, out);
	else if (is_include && b->title.text != NULL)
		write_include(c, b, out);
	else if (!is_include)
		write_block(c, b, limit, out);
	fclose(out);
	add_piece(c->out, b->kind == BLOCK_SERVICE ? id_of(b) : NULL, text);
}

static void
convert_rest(struct converting *c)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		abort();
	write_comments(c, c->lines->count + 1, "", out);
	fclose(out);
	if (size > 0)
		add_piece(c->out, NULL, text);
	else
		free(text);
}

/* What is no error was only worth a word to whoever reads the file as it is. */
static void
keep_errors(struct problems *to, const struct problems *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (from->item[i].severity == SEVERITY_ERROR)
			problem_add(to, SEVERITY_ERROR, from->item[i].cause, &from->item[i].place,
			    "%s", from->item[i].text);
}

void
convert_source(struct conversion *out, const struct source *source, enum input_kind kind,
    const struct load_options *options, struct problems *problems)
{
	const struct inetd_options inetd = { .lookup = options->lookup,
		.has_wrappers = options->has_wrappers };
	struct text_lines lines;
	struct converting c = { .source = source,
		.lines = &lines,
		.options = options,
		.out = out,
		.problems = problems,
		.next = 1 };
	struct problems found = { 0 };
	struct blocks blocks;

	if (kind == INPUT_INETD || (kind == INPUT_AUTO && inetd_is_likely(source)))
		inetd_read(&blocks, source, &inetd, &found);
	else
		blocks_read(&blocks, source, &found);
	keep_errors(problems, &found);
	text_lines_init(&lines, source, &blocks);
	if (blocks.misses || blocks.is_cut)
		conversion_add_gap(out);
	for (size_t i = 0; i < blocks.count; i++)
		convert_block(&c, &blocks.item[i],
		    i + 1 < blocks.count ? blocks.item[i + 1].place.line : lines.count + 1);
	convert_rest(&c);
	text_lines_done(&lines);
	blocks_done(&blocks);
	problems_done(&found);
}

void
conversion_add_gap(struct conversion *out)
{
	add_piece(out, NULL, mem_dup(gap));
}

void
conversion_done(struct conversion *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->item[i].id);
		free(c->item[i].text);
	}
	free(c->item);
	*c = (struct conversion){ 0 };
}
