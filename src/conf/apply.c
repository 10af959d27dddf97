/* SPDX-License-Identifier: MIT */
#include "conf/apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/types.h"
#include "conf/unsupported.h"

/* After so many problems in one setting the rest of its words is not read, and the service does not start. */
#define MOST_PROBLEMS 20

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
		NOTE(d, place, "%s: %s", a->name, why);
	if (is_set) {
		note_choice(d, a, text, place);
		return;
	}
	TEXT_ERROR(d, place, "%s: %s", a->name, why);
	d->broken[a - attrs] = true;
}

/* What xinetd leaves out with a warning is left out, unless the service would be more open without it. */
static void
leave_out(struct draft *d, const struct setting *s, const char *why)
{
	if (!s->attr->restricts) {
		WARNING(d, &s->name.place, "%s %s, and is ignored", s->attr->name, why);
		return;
	}
	TEXT_ERROR(d, &s->name.place, "%s %s", s->attr->name, why);
	d->broken[s->attr - attrs] = true;
}

static bool
has_one_value(struct draft *d, const struct setting *s)
{
	unsigned most = s->attr->type->max_words;

	if (most == 0 && s->count == 0) {
		leave_out(d, s, "has no value");
		return false;
	}
	if (s->count <= (most == 0 ? 1 : most))
		return true;
	if (most == 0)
		TEXT_ERROR(d, &s->words[1].place, "%s takes one value", s->attr->name);
	else
		TEXT_ERROR(
		    d, &s->words[most].place, "%s takes at most %u words", s->attr->name, most);
	d->broken[s->attr - attrs] = true;
	return false;
}

static void
apply_scalar(struct draft *d, const struct setting *s, const struct reading *r)
{
	const struct attr *a = s->attr;
	size_t i = (size_t)(a - attrs);

	if (s->op != SETTING_SET) {
		leave_out(d, s,
		    s->op == SETTING_ADD ? "takes one value and cannot be added to with +="
					 : "takes one value and cannot be edited with -=");
		return;
	}
	if (d->own[i]) {
		WARNING(d, &s->name.place, "%s is given twice: the first one, in line %u, counts",
		    a->name, d->conf->places[i].line);
		return;
	}
	d->own[i] = true;
	d->broken[i] = false;
	d->conf->places[i] = s->count > 0 ? s->words[0].place : s->name.place;
	if (!has_one_value(d, s) || !r->is_present)
		return;
	set_value(d, a, r->words.item[0], &d->conf->places[i]);
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

/* "a, b" arrives as "a," and "b". */
static void
apply_split(struct draft *d, const struct attr *a, enum setting_op op, const char *text,
    const struct place *place)
{
	char *copy = mem_dup(text), *rest = copy, *piece;

	while ((piece = strsep(&rest, ",")) != NULL) {
		struct place at = *place;

		at.column += (unsigned)(piece - copy);
		if (*piece != '\0')
			apply_piece(d, a, op, piece, &at);
	}
	free(copy);
}

static void
apply_words(struct draft *d, const struct setting *s, const struct reading *r)
{
	const struct attr *a = s->attr;
	size_t before = d->problems->count;

	for (size_t k = 0; k < r->words.count; k++) {
		const struct place *place = &s->words[k].place;

		if (d->problems->count >= before + MOST_PROBLEMS) {
			TEXT_ERROR(
			    d, place, "%s has too many problems: it is not read on", a->name);
			d->broken[a - attrs] = true;
			return;
		}
		if (a->type->splits_commas)
			apply_split(d, a, r->op, r->words.item[k], place);
		else
			apply_piece(d, a, r->op, r->words.item[k], place);
	}
}

static void
apply_list(struct draft *d, const struct setting *s, const struct reading *r)
{
	const struct attr *a = s->attr;
	void *base = base_of(d, a);
	size_t i = (size_t)(a - attrs);

	if (!r->is_present)
		return;
	if (r->op == SETTING_SET) {
		if (d->own[i])
			WARNING(
			    d, &s->name.place, "%s is given twice: the last one counts", a->name);
		attr_clear(base, a);
		d->broken[i] = false;
	}
	d->own[i] = true;
	attr_mark(base, a);
	d->conf->places[i] = s->count > 0 ? s->words[0].place : s->name.place;
	apply_words(d, s, r);
}

static void
apply_unsupported(struct draft *d, const struct setting *s, const struct unsupported *u)
{
	bool is_harmless = unsupported_is_harmless(u, s);

	if (!u->restricts) {
		WARNING(
		    d, &s->name.place, "%s is not supported, and is ignored: %s", u->name, u->text);
		return;
	}
	d->lacks[u - unsupported] = !is_harmless;
	if (!is_harmless)
		TEXT_ERROR(d, &s->name.place, "%s is not supported, and must not be ignored: %s",
		    u->name, u->text);
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
		WARNING(
		    d, &s->name.place, "%s has no meaning in defaults, and is ignored", a->name);
	else
		return true;
	return false;
}

static void
refuse_length(struct draft *d, const struct setting *s)
{
	TEXT_ERROR(d, &s->name.place, "%s has more than %d words", s->attr->name, READER_MAX_WORDS);
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

bool
apply_block(struct draft *d, struct reader *reader)
{
	struct reading *readings = reader_read(reader, d->block, d->problems);

	if (readings == NULL)
		return false;
	for (size_t i = 0; i < d->block->count; i++)
		apply_setting(d, &d->block->settings[i], &readings[i]);
	readings_free(readings, d->block->count);
	if (d->global != NULL && d->conf->disable)
		WARNING(d, PLACE(d, disable),
		    "disable = yes in defaults switches off every service; xinetd ignores it there");
	return true;
}
