/* SPDX-License-Identifier: MIT */
#include "ctl/screen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/glyph.h"
#include "base/mem.h"

/* Column in which the texts of fields begin. */
#define FIELD_INDENT 16

static const char *const sequences[COLOR_MAX] = {
	[COLOR_NONE] = "",
	[COLOR_GOOD] = "\033[32m",
	[COLOR_WARN] = "\033[33m",
	[COLOR_BAD] = "\033[31m",
	[COLOR_DIM] = "\033[2m",
	[COLOR_BOLD] = "\033[1m",
	[COLOR_CHOSEN] = "\033[7m",
};

/* A number of 1 to 9999 in the environment; 0 if there is none. */
static unsigned
from_environment(const char *name)
{
	const char *text = getenv(name);
	char *end;
	unsigned long number = text != NULL ? strtoul(text, &end, 10) : 0;

	return text != NULL && *text >= '0' && *text <= '9' && *end == '\0' && number < 10000
		   ? (unsigned)number
		   : 0;
}

void
screen_init(struct screen *s, FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size = { 0 };

	*s = (struct screen){ .out = out, .is_terminal = isatty(fileno(out)) != 0 };
	if (!s->is_terminal)
		return;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	s->width = from_environment("COLUMNS");
	if (s->width == 0)
		s->width = size.ws_col;
	s->height = size.ws_row;
	s->has_color =
	    (no_color == NULL || *no_color == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

const char *
screen_begin(const struct screen *s, enum color color)
{
	return s->has_color ? sequences[color] : "";
}

const char *
screen_end(const struct screen *s, enum color color)
{
	return s->has_color && color != COLOR_NONE ? "\033[0m" : "";
}

void
screen_put(const struct screen *s, enum color color, const char *text)
{
	fputs(screen_begin(s, color), s->out);
	glyph_put_text(text, s->out);
	fputs(screen_end(s, color), s->out);
}

/* Bytes of text that fit, cut behind a word if there is a blank. */
static size_t
fitting(const char *text, unsigned width)
{
	size_t len = strlen(text), at = 0, blank = 0;
	unsigned used = 0;

	while (at < len) {
		struct glyph g = glyph_at(text + at, len - at);

		if (used + g.width > width)
			return blank > 0 ? blank : at > 0 ? at : g.len;
		if (text[at] == ' ')
			blank = at;
		used += g.width;
		at += g.len;
	}
	return len;
}

/* One line of a field and as many as it needs. */
static void
put_wrapped(const struct screen *s, enum color color, const char *text)
{
	unsigned width = s->width > FIELD_INDENT + 8 ? s->width - FIELD_INDENT : 0;

	for (;;) {
		size_t len = width > 0 ? fitting(text, width) : strlen(text);
		char *piece = mem_dupn(text, len);

		screen_put(s, color, piece);
		fputc('\n', s->out);
		free(piece);
		text += len + (text[len] == ' ');
		if (*text == '\0')
			return;
		fprintf(s->out, "%*s", FIELD_INDENT, "");
	}
}

void
screen_field(const struct screen *s, const char *label, enum color color, const char *format, ...)
{
	char *text, *line, *rest;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vasprintf(&text, format, ap);
	va_end(ap);
	if (len < 0)
		return;
	fprintf(s->out, "%-*s", FIELD_INDENT, label);
	for (line = text; (rest = strchr(line, '\n')) != NULL; line = rest + 1) {
		*rest = '\0';
		put_wrapped(s, color, line);
		fprintf(s->out, "%*s", FIELD_INDENT, "");
	}
	put_wrapped(s, color, line);
	free(text);
}
