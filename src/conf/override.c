/* SPDX-License-Identifier: MIT */
#include "conf/override.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/rules.h"
#include "conf/rules_idle.h"
#include "conf/types.h"

static char source_path[] = "set by porterctl";
static char source_text[] = "";

const struct source override_source = { .path = source_path, .text = source_text };

/* What follows from other attributes is worked out anew: it may follow from the one that is changed. */
static void
forget_derived(struct service_conf *s)
{
	for (size_t i = 0; i < attr_count; i++)
		if (!attr_is_global(&attrs[i]) && attrs[i].is_live &&
		    places_at(&s->places, i)->source == NULL)
			attr_reset(s, &attrs[i]);
}

static bool
set_words(void *base, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	static const char between[] = " \t,";
	bool is_good = true;

	attr_clear(base, a);
	attr_mark(base, a);
	for (text += strspn(text, between); *text != '\0' && is_good;
	     text += strspn(text, between)) {
		char *word = mem_dupn(text, strcspn(text, between));

		text += strlen(word);
		is_good = attr_set(base, a, word, why);
		free(word);
	}
	return is_good;
}

static bool
set_value(void *base, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	return a->type->is_list ? set_words(base, a, text, why) : attr_set(base, a, text, why);
}

/* The rules of loading, for this one service. False, and the first error in why, if they refuse it. */
static bool
obeys_rules(struct service_conf *conf, const struct attr *a, const struct load_options *options,
    char why[ATTR_WHY_SIZE])
{
	struct block block = { .kind = BLOCK_SERVICE,
		.title = { .text = conf->name, .place = conf->place },
		.place = conf->place };
	struct problems problems = { 0 };
	struct draft d;
	const char *error;

	draft_init(&d, options);
	d.block = &block;
	d.conf = conf;
	d.problems = &problems;
	d.own[a - attrs] = true;
	rules_apply(&d);
	error = problems_first_error(&problems, 0);
	if (error != NULL)
		type_refuse(why, "%s", error);
	draft_done(&d);
	problems_done(&problems);
	return error == NULL;
}

static bool
apply_change(struct service_conf *conf, const struct override_change *change,
    const struct load_options *options, char why[ATTR_WHY_SIZE])
{
	const struct attr *a = change->attr;
	const char *idle = rules_idle(conf, a);

	if (idle != NULL)
		return type_refuse(why, "it has no effect %s", idle);
	forget_derived(conf);
	if (!set_value(conf, a, change->text, why))
		return false;
	places_set(
	    &conf->places, (size_t)(a - attrs), (struct place){ .source = &override_source });
	return obeys_rules(conf, a, options, why);
}

struct config *
override_new(const struct override_change *change, const struct load_options *options,
    char why[ATTR_WHY_SIZE])
{
	struct config *from = change->config;
	struct config *c = config_new(from->path);

	/* A change of a changed copy needs the file's texts, and not the copy. */
	c->base = config_ref(from->base != NULL ? from->base : from);
	c->services = mem_array(1, sizeof(*c->services));
	c->services[c->count++] = service_conf_clone(change->conf);
	why[0] = '\0';
	if (apply_change(c->services[0], change, options, why))
		return c;
	config_unref(c);
	return NULL;
}

bool
override_global(
    struct global_conf *g, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	return set_value(g, a, text, why);
}

const struct attr *
override_next(const struct service_conf *conf, size_t *at)
{
	for (; *at < attr_count; (*at)++)
		if (places_at(&conf->places, *at)->source == &override_source)
			return &attrs[(*at)++];
	return NULL;
}

char *
override_names(void)
{
	size_t left = 0;
	char *names = mem_dup("");

	for (size_t i = 0; i < attr_count; i++)
		left += attrs[i].is_live && !attr_is_global(&attrs[i]);
	for (size_t i = 0; i < attr_count; i++) {
		char *longer;

		if (!attrs[i].is_live || attr_is_global(&attrs[i]))
			continue;
		left--;
		longer = mem_format("%s%s%s", names, attrs[i].name,
		    left > 1    ? ", "
		    : left == 1 ? " and "
				: "");
		free(names);
		names = longer;
	}
	return names;
}
