/* SPDX-License-Identifier: MIT */
#include "conf/rules_access.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/access_word.h"
#include "conf/rules.h"
#include "conf/rules_idle.h"
#include "conf/types.h"

#define MINUTES_OF_DAY 1440

/* Every address of both families is in a list of words. */
static bool
admits_everybody(const struct strings *words)
{
	struct prefix_list prefixes = { 0 };
	bool has_v4 = false, has_v6 = false;

	access_words_read(&prefixes, words);
	for (size_t i = 0; i < prefixes.count; i++) {
		has_v4 = has_v4 || (prefixes.item[i].length == 0 && !prefixes.item[i].is_v6);
		has_v6 = has_v6 || (prefixes.item[i].length == 0 && prefixes.item[i].is_v6);
	}
	prefix_list_done(&prefixes);
	return has_v4 && has_v6;
}

static bool
chooses_from(const struct service_conf *s)
{
	return s->has_only_from && !admits_everybody(&s->only_from);
}

static bool
shuts_out(const struct service_conf *s)
{
	return s->no_access.count > 0;
}

static bool
limits_source(const struct service_conf *s)
{
	return s->per_source != CONF_UNLIMITED;
}

static bool
limits_source_rate(const struct service_conf *s)
{
	return s->rate_per_source.count > 0;
}

static bool
closes(const struct service_conf *s)
{
	struct time_range range;

	for (size_t i = 0; i < s->access_times.count; i++)
		if (time_range_parse(&range, s->access_times.item[i], NULL) && range.from == 0 &&
		    range.to == MINUTES_OF_DAY - 1)
			return false;
	return s->access_times.count > 0;
}

static bool
limits_cps(const struct service_conf *s)
{
	return s->cps.per_second > 0;
}

static bool
limits_rate(const struct service_conf *s)
{
	return s->rate.count > 0;
}

static bool
limits_load(const struct service_conf *s)
{
	return s->max_load > 0;
}

#define AT(field) offsetof(struct service_conf, field)

/* What cannot be kept to where clients are not seen. */
static const struct restriction {
	size_t offset;
	const char *name;
	bool (*is_asked)(const struct service_conf *s);
	bool needs_peer;    /* the address of the client, not only that there is one */
	bool counts_runs;   /* of programs: with wait = yes there is one at a time */
	const char *remedy; /* what takes an inherited one away */
} restrictions[] = {
	{ AT(only_from), "only_from", chooses_from, true, false, "only_from = 0.0.0.0/0 ::/0" },
	{ AT(no_access), "no_access", shuts_out, true, false, "an empty no_access =" },
	{ AT(per_source), "per_source", limits_source, true, true, "per_source = UNLIMITED" },
	{ AT(rate_per_source), "rate_per_source", limits_source_rate, true, false,
	    "rate_per_source = UNLIMITED" },
	{ AT(access_times), "access_times", closes, false, false, "access_times = 0:00-24:00" },
	{ AT(cps), "cps", limits_cps, false, false, "cps = 0" },
	{ AT(rate), "rate", limits_rate, false, false, "rate = UNLIMITED" },
	{ AT(max_load), "max_load", limits_load, false, false, "max_load = 0" },
};

/* Why a service cannot keep to one, or NULL. */
static const char *
unseen(const struct service_conf *s, const struct restriction *r)
{
	if (conf_shares_listeners(s))
		return rules_idle_accepted(s);
	if (r->needs_peer && !r->counts_runs && rules_idle_accepted(s) != NULL)
		return rules_idle_accepted(s);
	return r->needs_peer && rules_has_unix(s)
		   ? "with unix sockets, whose clients have no address"
		   : NULL;
}

static void
check_unseen(struct draft *d)
{
	for (size_t i = 0; i < ARRAY_LEN(restrictions); i++) {
		const struct restriction *r = &restrictions[i];
		const char *why = unseen(d->conf, r);

		if (why != NULL && r->is_asked(d->conf) && !draft_is_broken(d, r->offset))
			TEXT_ERROR(d, draft_place(d, r->offset),
			    "service %.60s cannot keep to %s %s: remove it, or give the service %s",
			    d->conf->id, r->name, why, r->remedy);
	}
}

/* Everybody may come, which needs no look at any client. */
static void
forget_everybody(struct draft *d)
{
	const struct attr *a = attr_find("only_from");

	if (unseen(d->conf, &restrictions[0]) != NULL && d->conf->has_only_from &&
	    admits_everybody(&d->conf->only_from))
		attr_clear(d->conf, a);
}

static void
check_nobody(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (s->has_only_from && s->only_from.count == 0 && !IS_BROKEN(d, only_from))
		WARNING(d, PLACE(d, only_from), "only_from is empty: service %.60s serves nobody",
		    s->id);
	if (s->per_source == 0)
		WARNING(d, PLACE(d, per_source), "per_source = 0 serves nobody");
}

/* Whether a service can look up names is another matter: see rules_launch.c. */
static void
check_domains(struct draft *d, const struct strings *words, size_t offset)
{
	for (size_t i = 0; i < words->count; i++)
		if (words->item[i][0] == '.' && d->conf->reverse_dns != CONF_REVERSE_CONFIRMED)
			TEXT_ERROR(d, draft_word_place(d, offset, words->item[i]),
			    "%.60s is refused: whoever owns an address says what its name is; write addresses, or reverse_dns = confirmed, with which the name must have that address in turn",
			    words->item[i]);
}

/* False, and an error, for a piece of a word that was to be taken from only_from, and is no address or is still admitted
 * by another one. */
static bool
check_taken(
    struct draft *d, const struct word *w, const char *piece, const struct prefix_list *left)
{
	struct prefix_list prefixes = { 0 };
	char why[ATTR_WHY_SIZE];
	enum access_form form;
	bool is_read = access_word_read(&form, &prefixes, piece, why);
	bool is_good = is_read && !prefix_lists_meet(&prefixes, left);

	if (!is_read)
		TEXT_ERROR(d, &w->place, "only_from -= %.60s: %s", piece, why);
	else if (!is_good)
		TEXT_ERROR(d, &w->place,
		    "only_from -= %.60s: another word of the list still admits addresses there; write no_access = %.60s",
		    piece, piece);
	if (!is_good)
		draft_break(d, AT(only_from));
	prefix_list_done(&prefixes);
	return is_good;
}

static bool
check_taken_word(struct draft *d, const struct word *w, const struct prefix_list *left)
{
	bool is_good = true;
	size_t len;

	for (const char *from = w->text; is_good; from += len + 1) {
		len = draft_piece_len(from);
		char *piece = mem_dupn(from, len);

		is_good = len == 0 || check_taken(d, w, piece, left);
		free(piece);
		if (from[len] == '\0')
			break;
	}
	return is_good;
}

/* One error for each setting: what was meant is clear from the first. */
static void
check_taken_words(struct draft *d, const struct setting *s)
{
	struct prefix_list left = { 0 };
	bool is_good = true;

	access_words_read(&left, &d->conf->only_from);
	for (size_t i = 0; is_good && i < s->count; i++)
		is_good = check_taken_word(d, &s->words[i], &left);
	prefix_list_done(&left);
}

static void
check_taken_settings(struct draft *d)
{
	for (size_t i = 0; i < d->block->count; i++) {
		const struct setting *s = &d->block->settings[i];

		if (s->attr != NULL && s->attr->offset == AT(only_from) &&
		    !attr_is_global(s->attr) && s->op == SETTING_DEL)
			check_taken_words(d, s);
	}
}

/* A list of times that came to nothing would leave a service open at any. */
static void
check_times(struct draft *d)
{
	if (!IS_GIVEN(d, access_times) || d->conf->access_times.count > 0 ||
	    IS_BROKEN(d, access_times))
		return;
	TEXT_ERROR(d, PLACE(d, access_times),
	    "access_times holds no time: a service that is always open has 0:00-24:00");
	draft_break(d, AT(access_times));
}

void
rules_access_edited(struct draft *d)
{
	check_taken_settings(d);
	check_times(d);
}

static void
check_sensor(struct draft *d)
{
	const struct service_conf *s = d->conf;

	if (!conf_is_sensor(s))
		return;
	if (!conf_is_internal(s))
		TEXT_ERROR(d, PLACE(d, flags),
		    "a service with the flag SENSOR has no program: write type = INTERNAL, and no server");
	else if (s->socket_type != SOCK_STREAM)
		NOTE(d, PLACE(d, flags),
		    "over dgram SENSOR shuts nobody out: anybody can send in the name of another");
	else if (s->deny_time == CONF_DENY_NEVER)
		NOTE(d, PLACE(d, flags), "SENSOR without a deny_time shuts nobody out");
}

/* Whoever asks which services there are asks from this machine, unless the file says otherwise. */
static void
close_lists(struct draft *d)
{
	struct service_conf *s = d->conf;

	if (!conf_is_internal(s) || s->has_only_from || IS_BROKEN(d, only_from) ||
	    (strcasecmp(s->name, "servers") != 0 && strcasecmp(s->name, "services") != 0))
		return;
	strings_add(&s->only_from, "127.0.0.0/8");
	strings_add(&s->only_from, "::1");
	s->has_only_from = true;
	NOTE(d, PLACE(d, only_from), "%.60s answers this machine alone, since it has no only_from",
	    s->name);
}

void
rules_access_apply(struct draft *d)
{
	close_lists(d);
	rules_access_edited(d);
	check_unseen(d);
	forget_everybody(d);
	check_nobody(d);
	check_domains(d, &d->conf->only_from, AT(only_from));
	check_domains(d, &d->conf->no_access, AT(no_access));
	check_sensor(d);
}
