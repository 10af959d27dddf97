/* SPDX-License-Identifier: MIT */
#include "conf/apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/types.h"
#include "conf/unsupported.h"

/* After so many problems in one setting the rest of its words is not read, and the service does not start. */
#define MOST_PROBLEMS 20
/* And after so many errors and warnings, or problems with the notes among them, the rest of a block is not. */
#define MOST_OF_BLOCK 20
#define MOST_NOTES    100

static void *
base_of(const struct draft *d, const struct attr *a)
{
	return attr_is_global(a) ? (void *)d->global : (void *)d->conf;
}

static void
note_choice(struct draft *d, const struct attr *a, const char *text, const struct place *place)
{
	const struct attr_choice *c = attr_choice_find(a, text);

	if (c != NULL && c->note != NULL)
		NOTE(d, place, "%s: %s", a->name, c->note);
}

static void
set_value(struct draft *d, const struct attr *a, const char *text, const struct place *place)
{
	char why[ATTR_WHY_SIZE] = "";
	bool is_set = attr_set(base_of(d, a), a, text, why);

	if (is_set && why[0] != '\0')
		problem_add(d->problems, a->type->warns ? SEVERITY_WARNING : SEVERITY_NOTE,
		    CAUSE_TEXT, place, "%s: %s", a->name, why);
	if (is_set) {
		note_choice(d, a, text, place);
		return;
	}
	TEXT_ERROR(d, place, "%s: %s", a->name, why);
	d->broken[a - attrs] = true;
}

static void
refuse(struct draft *d, const struct setting *s, const char *why)
{
	TEXT_ERROR(d, &s->name.place, "%s %s", s->attr->name, why);
	d->broken[s->attr - attrs] = true;
}

/* What xinetd leaves out with a warning is left out, unless the service would be more open without it. */
static void
leave_out(struct draft *d, const struct setting *s, const char *why)
{
	if (s->attr->restricts)
		refuse(d, s, why);
	else
		WARNING(d, &s->name.place, "%s %s, and is ignored", s->attr->name, why);
}

static bool
has_one_value(struct draft *d, const struct setting *s)
{
	unsigned most = s->attr->type->max_words;

	if (most == 0 && s->count == 0) {
		/* What stands in services alone says what the service is: nothing can be put in its place. */
		if (s->attr->scope == ATTR_SERVICE)
			refuse(d, s, "has no value");
		else
			leave_out(d, s, "has no value");
		return false;
	}
	if (s->count <= (most == 0 ? 1 : most))
		return true;
	if (most == 0)
		TEXT_ERROR(d, &s->words[1].place, "%s takes one value%s", s->attr->name,
		    strcmp(s->attr->name, "server") == 0 ? ": arguments go into server_args" : "");
	else
		TEXT_ERROR(
		    d, &s->words[most].place, "%s takes at most %u words", s->attr->name, most);
	d->broken[s->attr - attrs] = true;
	return false;
}

/* The first one may be of another defaults block, in another file. */
static void
warn_of_second(struct draft *d, const struct setting *s)
{
	const struct place *first = places_at(&d->conf->places, (size_t)(s->attr - attrs));

	if (first->source == s->name.place.source)
		WARNING(d, &s->name.place, "%s is given twice: the first one, in line %u, counts",
		    s->attr->name, first->line);
	else
		WARNING(d, &s->name.place,
		    "%s is given twice: the first one, in line %u of %.200s, counts", s->attr->name,
		    first->line, first->source->path);
}

static void
apply_scalar(struct draft *d, const struct setting *s, const struct reading *r)
{
	const struct attr *a = s->attr;
	size_t i = (size_t)(a - attrs);
	struct place place;

	if (s->op != SETTING_SET) {
		leave_out(d, s,
		    s->op == SETTING_ADD ? "takes one value and cannot be added to with +="
					 : "takes one value and cannot be edited with -=");
		return;
	}
	if (d->own[i]) {
		warn_of_second(d, s);
		return;
	}
	d->own[i] = true;
	d->broken[i] = false;
	place = s->count > 0 ? s->words[0].place : s->name.place;
	places_set(&d->conf->places, i, place);
	if (!has_one_value(d, s) || !r->is_present)
		return;
	set_value(d, a, r->words.item[0], &place);
}

static void
apply_piece(struct draft *d, const struct attr *a, enum setting_op op, const char *text,
    const struct place *place)
{
	if (op != SETTING_DEL)
		set_value(d, a, text, place);
	else if (!a->type->remove(attr_field(base_of(d, a), a), a, text))
		WARNING(d, place, "%s -= %s takes nothing away: it was not there", a->name, text);
}

/* True, and an error, if the setting had as many problems as it may have since `before`. */
static bool
is_enough(struct draft *d, const struct attr *a, size_t before, const struct place *place)
{
	if (d->problems->count < before + MOST_PROBLEMS)
		return false;
	TEXT_ERROR(d, place, "%s has too many problems: it is not read on", a->name);
	d->broken[a - attrs] = true;
	return true;
}

/* The byte of the source that a place means; NULL if it is not there. */
static const char *
byte_at(const struct place *place)
{
	const struct source *source = place->source;
	const char *p = source->text + text_mark_len(source->text, source->len);
	const char *end = source->text + source->len;

	for (unsigned line = 1; p != NULL && line < place->line; line++) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p == NULL ? NULL : p + 1;
	}
	for (unsigned column = 1; p != NULL && p < end && column < place->column; column++)
		for (p++; p < end && byte_continues(*p); p++)
			;
	return p == end ? NULL : p;
}

/* Problems with a piece of a word were added with the place of the word. */
static void
move_problems(struct problems *problems, size_t from, const char *word, size_t offset)
{
	const char *byte = byte_at(&problems->item[from].place);
	unsigned columns = byte != NULL && (*byte == '"' || *byte == '\'');

	for (size_t i = 0; i < offset; i++)
		columns += !byte_continues(word[i]);
	for (size_t i = from; i < problems->count; i++)
		problems->item[i].place.column += columns;
}

/* "a, b" arrives as "a," and "b". False if the setting had too many problems since `before`. */
static bool
apply_split(
    struct draft *d, const struct setting *s, const struct reading *r, size_t k, size_t before)
{
	const char *text = r->words.item[k];
	const struct place *place = &s->words[k].place;
	size_t len;

	for (const char *from = text;; from += len + 1) {
		size_t count = d->problems->count;

		len = draft_piece_len(from);
		if (is_enough(d, s->attr, before, place))
			return false;
		if (len > 0) {
			char *piece = mem_dupn(from, len);

			apply_piece(d, s->attr, r->op, piece, place);
			free(piece);
		}
		if (d->problems->count > count && from != text)
			move_problems(d->problems, count, text, (size_t)(from - text));
		if (from[len] == '\0')
			return true;
	}
}

static void
note_commas(struct draft *d, const struct setting *s)
{
	for (size_t k = 0; s->attr->type->notes_commas && k < s->count; k++) {
		const char *text = s->words[k].text;

		if (text[draft_piece_len(text)] != ',')
			continue;
		NOTE(d, &s->words[k].place,
		    "%s: the comma separates two words; xinetd loses the service over it",
		    s->attr->name);
		return;
	}
}

static void
apply_words(struct draft *d, const struct setting *s, const struct reading *r)
{
	const struct attr *a = s->attr;
	size_t before = d->problems->count;

	for (size_t k = 0; k < r->words.count; k++) {
		const struct place *place = &s->words[k].place;

		if (a->type->splits_commas) {
			if (!apply_split(d, s, r, k, before))
				return;
		} else if (is_enough(d, a, before, place)) {
			return;
		} else {
			apply_piece(d, a, r->op, r->words.item[k], place);
		}
	}
}

/* A list is set: the words of before go, unless this one comes second. False if it is this one that goes. */
static bool
begin_list(struct draft *d, const struct setting *s)
{
	const struct attr *a = s->attr;
	size_t i = (size_t)(a - attrs);

	if (a->type->needs != NULL && s->count == 0) {
		char why[64];

		snprintf(why, sizeof(why), "needs %s", a->type->needs);
		refuse(d, s, why);
		d->own[i] = true;
		places_set(&d->conf->places, i, s->name.place);
		return false;
	}
	if (d->own[i] && a->repeat == REPEAT_FIRST) {
		warn_of_second(d, s);
		return false;
	}
	if (d->own[i] && a->repeat == REPEAT_ADDS && d->global != NULL)
		return true;
	if (d->own[i])
		WARNING(d, &s->name.place, "%s is given twice: the last one counts", a->name);
	attr_clear(base_of(d, a), a);
	d->broken[i] = false;
	return true;
}

static void
apply_list(struct draft *d, const struct setting *s, const struct reading *r)
{
	const struct attr *a = s->attr;
	void *base = base_of(d, a);
	size_t i = (size_t)(a - attrs);

	if (!r->is_present)
		return;
	if (r->op == SETTING_SET && !begin_list(d, s))
		return;
	d->own[i] = true;
	attr_mark(base, a);
	places_set(&d->conf->places, i, s->count > 0 ? s->words[0].place : s->name.place);
	apply_words(d, s, r);
	note_commas(d, s);
}

static void
apply_unsupported(struct draft *d, const struct setting *s, const struct unsupported *u)
{
	if (!u->restricts) {
		NOTE(
		    d, &s->name.place, "%s is not supported, and is ignored: %s", u->name, u->text);
		return;
	}
	d->lacks[u - unsupported] = true;
	TEXT_ERROR(d, &s->name.place, "%s is not supported, and must not be ignored: %s", u->name,
	    u->text);
}

static void
apply_unknown(struct draft *d, const struct setting *s)
{
	const struct unsupported *u = unsupported_find(s->name.text);
	bool restricts;

	if (u != NULL) {
		apply_unsupported(d, s, u);
		return;
	}
	const char *guess = unknown_guess(s->name.text, &restricts);
	if (guess == NULL)
		WARNING(d, &s->name.place, "there is no attribute %.60s, and the line is ignored",
		    s->name.text);
	else if (!restricts)
		WARNING(d, &s->name.place,
		    "there is no attribute %.60s, and the line is ignored: did you mean %s?",
		    s->name.text, guess);
	else {
		TEXT_ERROR(d, &s->name.place, "there is no attribute %.60s: did you mean %s?",
		    s->name.text, guess);
		d->has_gap = true;
	}
}

/* False, and a message, if the attribute does not belong where it stands. */
static bool
is_in_scope(struct draft *d, const struct setting *s)
{
	const struct attr *a = s->attr;

	if (d->global == NULL && attr_is_global(a))
		leave_out(d, s, "belongs into defaults");
	else if (d->global != NULL && a->scope == ATTR_SERVICE)
		leave_out(d, s, "has no meaning in defaults");
	else
		return true;
	return false;
}

static void
refuse_length(struct draft *d, const struct setting *s)
{
	TEXT_ERROR(d, &s->name.place, "%s has more than %d words", s->attr->name, READER_MAX_WORDS);
	if (!d->own[s->attr - attrs])
		places_set(&d->conf->places, (size_t)(s->attr - attrs), s->name.place);
	d->own[s->attr - attrs] = true;
	d->broken[s->attr - attrs] = true;
}

static void
apply_setting(struct draft *d, const struct setting *s, const struct reading *r)
{
	if (s->attr == NULL)
		apply_unknown(d, s);
	else if (!is_in_scope(d, s))
		return;
	else if (s->count > READER_MAX_WORDS)
		refuse_length(d, s);
	else if (s->attr->type->is_list)
		apply_list(d, s, r);
	else
		apply_scalar(d, s, r);
}

/* True, and an error, if the block had as many problems as it may have since `before`. */
static bool
is_cut_short(struct draft *d, const struct problems *before, const struct setting *next)
{
	const struct problems *now = d->problems;
	size_t notes = now->by_severity[SEVERITY_NOTE] - before->by_severity[SEVERITY_NOTE];
	size_t all = now->count - before->count;

	if (all - notes < MOST_OF_BLOCK && all < MOST_NOTES)
		return false;
	TEXT_ERROR(d, &next->name.place,
	    "this block has too many problems: it is not read on, and nothing starts from it");
	d->has_gap = true;
	d->conf->disable = d->conf->disable || d->block->is_disabled;
	return true;
}

bool
apply_block(struct draft *d, struct reader *reader)
{
	struct reading *readings = reader_read(reader, d->block, d->problems);

	if (readings == NULL)
		return false;
	const struct problems before = *d->problems;
	for (size_t i = 0; i < d->block->count; i++) {
		if (is_cut_short(d, &before, &d->block->settings[i]))
			break;
		apply_setting(d, &d->block->settings[i], &readings[i]);
	}
	readings_free(readings, d->block->count);
	if (d->global != NULL && d->conf->disable)
		WARNING(d, PLACE(d, disable),
		    "disable = yes in defaults switches off every service; xinetd ignores it there");
	return true;
}
