/* SPDX-License-Identifier: MIT */
#include "load/convert_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool
begins(const struct text_line *line, const char *text)
{
	size_t len = strlen(text);

	return line->len >= len && memcmp(line->text, text, len) == 0;
}

/* Long comments go over lines: *is_open while one does. */
static void
judge_line(struct text_line *line, bool *is_open)
{
	line->is_long = *is_open || begins(line, "/*");
	line->is_comment = line->is_long || begins(line, "#") || begins(line, "//");
	if (line->is_long)
		*is_open = memmem(line->text, line->len, "*/", 2) == NULL;
}

/* A line of a long comment without its marks. */
static struct text_line
bare_line(const struct text_line *line)
{
	struct text_line bare = *line;
	const char *close = memmem(line->text, line->len, "*/", 2);

	if (close != NULL)
		bare.len = (size_t)(close - bare.text);
	while (bare.len > 0 && strchr("/* \t", *bare.text) != NULL) {
		bare.text++;
		bare.len--;
	}
	while (bare.len > 0 && strchr("* \t", bare.text[bare.len - 1]) != NULL)
		bare.len--;
	return bare;
}

static void
take_line(struct text_lines *l, const char *from, const char *to, bool *is_open)
{
	struct text_line line = { 0 };

	while (from < to && is_space(*from))
		from++;
	while (to > from && is_space(to[-1]))
		to--;
	line.text = from;
	line.len = (size_t)(to - from);
	judge_line(&line, is_open);
	l->item[l->count++] = line;
}

void
text_lines_init(struct text_lines *l, const struct source *source, const struct blocks *blocks)
{
	const char *at = source->text + text_mark_len(source->text, source->len);
	const char *end = source->text + source->len;
	size_t room = 1;
	bool is_open = false;

	for (const char *c = at; c < end; c++)
		room += *c == '\n';
	*l = (struct text_lines){ .item = mem_array(room, sizeof(*l->item)),
		.is_inetd = blocks->is_inetd };
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		take_line(l, at, newline != NULL ? newline : end, &is_open);
		at = newline != NULL ? newline + 1 : end;
	}
}

void
text_lines_done(struct text_lines *l)
{
	free(l->item);
}

/* Braces alone are what holds the text together, and nothing that must be kept. */
static bool
is_structure(const struct text_line *line)
{
	return line->len == 1 && (*line->text == '{' || *line->text == '}');
}

void
text_write_comments(
    const struct text_lines *l, unsigned from, unsigned before, const char *indent, FILE *out)
{
	for (; from < before && from <= l->count; from++) {
		const struct text_line *line = &l->item[from - 1];
		const struct text_line bare = bare_line(line);

		if (line->len == 0)
			fputc('\n', out);
		else if (line->is_long)
			fprintf(out, "%s#%s%.*s\n", indent, bare.len > 0 ? " " : "", (int)bare.len,
			    bare.text);
		else if (line->is_comment)
			fprintf(out, "%s%.*s\n", indent, (int)line->len, line->text);
		else if (!is_structure(line))
			fprintf(out, "%s# %.*s\n", indent, (int)line->len, line->text);
	}
}

void
text_write_as_comment(const struct text_lines *l, unsigned from, unsigned before, FILE *out)
{
	for (; from < before && from <= l->count; from++)
		fprintf(out, "# %.*s\n", (int)l->item[from - 1].len, l->item[from - 1].text);
}

unsigned
text_closing_line(const struct text_lines *l, unsigned from, unsigned before)
{
	if (l->is_inetd)
		return from;
	for (unsigned i = from; i < before && i <= l->count; i++)
		if (begins(&l->item[i - 1], "}"))
			return i;
	return from;
}

bool
text_is_empty(const struct text_lines *l, unsigned line)
{
	return line >= 1 && line <= l->count && l->item[line - 1].len == 0;
}

/* A comment begins behind a blank, and behind the value. */
static bool
comment_begins(const char *line, const char *at, const char *end, const struct word *w)
{
	bool is_mark = *at == '#' || (*at == '/' && at + 1 < end && at[1] == '/');

	return is_mark && is_space(at[-1]) &&
	       memmem(line, (size_t)(at - line), w->text, strlen(w->text)) != NULL;
}

char *
text_comment_behind(const struct text_lines *l, const struct word *w)
{
	const struct text_line *line;
	const char *at, *end;

	if (l->is_inetd || w->place.line == 0 || w->place.line > l->count)
		return NULL;
	line = &l->item[w->place.line - 1];
	if (line->len == 0)
		return NULL;
	end = line->text + line->len;
	for (at = line->text + 1; at < end; at++)
		if (comment_begins(line->text, at, end, w))
			break;
	while (at < end && (*at == '#' || *at == '/' || is_space(*at)))
		at++;
	return at < end ? mem_dupn(at, (size_t)(end - at)) : NULL;
}
