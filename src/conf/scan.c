/* SPDX-License-Identifier: MIT */
#include "conf/scan.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* So much of the beginning tells whether a file is text at all. */
#define SNIFFED_BYTES 512

static void
enter_line(struct scan *s, const char *start)
{
	const char *newline = memchr(start, '\n', (size_t)(s->end - start));

	s->at = s->line_start = s->counted = start;
	s->column = 1;
	s->line_end = newline == NULL ? s->end : newline;
	s->next = newline == NULL ? NULL : newline + 1;
	if (s->line_end == start || s->line_end[-1] != '\r')
		return;
	s->line_end--;
	if (!s->has_crlf) {
		s->has_crlf = true;
		scan_remark(s, SEVERITY_WARNING, s->line_end,
		    "lines end in CR LF, the CR is dropped; xinetd takes it as part of the value");
	}
}

bool
scan_next_line(struct scan *s)
{
	if (s->next == NULL) {
		s->at = s->line_end;
		return false;
	}
	s->line++;
	enter_line(s, s->next);
	return true;
}

/* The rest of the file is not read. */
static void
stop(struct scan *s)
{
	s->is_cut = true;
	s->end = s->at = s->line_end = s->line_end < s->at ? s->line_end : s->at;
	s->next = NULL;
}

struct place
scan_place(struct scan *s, const char *at)
{
	if (at < s->counted) {
		s->counted = s->line_start;
		s->column = 1;
	}
	for (; s->counted < at; s->counted++)
		s->column += !byte_continues(*s->counted);
	/* Within a character, its column is the one before. */
	return (struct place){ s->source, s->line, s->column };
}

/* The last problem of its kind that is kept says so. */
static void
tell_bound(struct scan *s, enum severity severity, const struct place *place)
{
	if (severity == SEVERITY_ERROR)
		problem_add(s->problems, severity, CAUSE_TEXT, place,
		    "%d errors: the rest of the file is not read", SCAN_MAX_PROBLEMS);
	else
		problem_add(s->problems, severity, CAUSE_TEXT, place,
		    "%d such remarks: no more of them about this file", SCAN_MAX_PROBLEMS);
}

static void
add(struct scan *s, enum severity severity, const struct place *place, const char *text)
{
	unsigned count = ++s->reported[severity];

	if (count <= SCAN_MAX_PROBLEMS)
		problem_add(s->problems, severity, CAUSE_TEXT, place, "%s", text);
	if (count == SCAN_MAX_PROBLEMS)
		tell_bound(s, severity, place);
}

void
scan_error(
    struct scan *s, enum scan_weight weight, const struct place *place, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	s->is_damaged = true;
	s->errors++;
	if (s->reported[SEVERITY_ERROR] >= SCAN_MAX_PROBLEMS ||
	    (weight == SCAN_SOFT && s->soft_count >= SCAN_MAX_PROBLEMS))
		return;
	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = mem_dup(format);
	va_end(ap);
	if (weight == SCAN_SOFT) {
		s->soft[s->soft_count++] = s->problems->count;
		problem_add(s->problems, SEVERITY_ERROR, CAUSE_TEXT, place, "%s", text);
	} else {
		add(s, SEVERITY_ERROR, place, text);
	}
	free(text);
	if (s->reported[SEVERITY_ERROR] >= SCAN_MAX_PROBLEMS)
		stop(s);
}

void
scan_judge(struct scan *s, bool is_disabled)
{
	enum severity severity = is_disabled ? SEVERITY_NOTE : SEVERITY_ERROR;
	unsigned before = s->reported[severity];
	unsigned room = before < SCAN_MAX_PROBLEMS ? SCAN_MAX_PROBLEMS - before : 0;
	size_t kept = s->soft_count < room ? s->soft_count : room;

	for (size_t i = s->soft_count; i > kept; i--)
		problem_remove(s->problems, s->soft[i - 1]);
	for (size_t i = 0; is_disabled && i < kept; i++)
		problem_soften(s->problems, s->soft[i]);
	s->reported[severity] += (unsigned)s->soft_count;
	s->soft_count = 0;
	if (kept == 0 || kept < room)
		return;
	struct place last = s->problems->item[s->soft[kept - 1]].place;

	tell_bound(s, severity, &last);
	if (severity == SEVERITY_ERROR)
		stop(s);
}

void
scan_remark(struct scan *s, enum severity severity, const char *at, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	if (s->reported[severity] >= SCAN_MAX_PROBLEMS)
		return;
	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = mem_dup(format);
	va_end(ap);
	struct place place = scan_place(s, at);
	add(s, severity, &place, text);
	free(text);
}

void
scan_blanks(struct scan *s)
{
	while (s->at < s->line_end && is_blank(*s->at))
		s->at++;
}

/* Behind the end of a long comment, or NULL if it does not end on this line. */
static const char *
long_comment_end(const struct scan *s)
{
	const char *star = s->at;

	while (star < s->line_end) {
		star = memchr(star, '*', (size_t)(s->line_end - star));
		if (star == NULL)
			return NULL;
		star++;
		if (scan_sees(s, star, '/'))
			return star + 1;
	}
	return NULL;
}

static bool
skip_long_comment(struct scan *s)
{
	struct place place = scan_place(s, s->at);
	const char *end;

	s->at += 2;
	while ((end = long_comment_end(s)) == NULL) {
		if (scan_next_line(s))
			continue;
		scan_error(s, SCAN_HARD, &place,
		    "comment is not closed: the rest of the file is not read; close it with */");
		stop(s);
		return true;
	}
	s->at = end;
	return true;
}

bool
scan_comment(struct scan *s)
{
	if (long_comment_at(s, s->at))
		return skip_long_comment(s);
	if (!line_comment_at(s, s->at))
		return false;
	s->at = s->line_end;
	return true;
}

bool
scan_gap(struct scan *s)
{
	for (;;) {
		scan_blanks(s);
		if (scan_at_line_end(s)) {
			if (!scan_next_line(s))
				return false;
		} else if (!scan_comment(s)) {
			return true;
		}
	}
}

static bool
is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

/* Where the first control character is, if the beginning does not look like text; else len. */
static size_t
find_binary(const char *start, size_t len)
{
	size_t sniffed = len < SNIFFED_BYTES ? len : SNIFFED_BYTES, controls = 0, first = len;
	bool has_nul = false;

	for (size_t i = 0; i < sniffed; i++) {
		if (!is_control(start[i]))
			continue;
		if (controls++ == 0)
			first = i;
		has_nul = has_nul || start[i] == '\0';
	}
	return has_nul || controls > sniffed / 16 ? first : len;
}

/* A binary file is not looked into at all; a NUL later on ends what is read at its line. */
static void
refuse_binary(struct scan *s, const char *start, size_t len)
{
	size_t bad = find_binary(start, len);
	bool is_binary = bad < len;
	struct scan until = *s;

	if (!is_binary)
		bad = strnlen(start, len);
	if (bad == len)
		return;
	until.has_crlf = true;
	enter_line(&until, start);
	while (until.next != NULL && until.next <= start + bad)
		scan_next_line(&until);
	struct place place = scan_place(&until, start + bad);
	scan_error(s, SCAN_HARD, &place, "%s",
	    is_binary ? "this is no text file, nothing of it is read"
		      : "a NUL byte: from this line on the file is not read");
	s->end = is_binary ? start : until.line_start;
	s->is_cut = true;
}

void
scan_init(struct scan *s, const struct source *source, struct problems *problems)
{
	const char *start = source->text + text_mark_len(source->text, source->len);

	*s = (struct scan){
		.source = source, .problems = problems, .line = 1, .end = source->text + source->len
	};
	refuse_binary(s, start, (size_t)(s->end - start));
	enter_line(s, start);
}
