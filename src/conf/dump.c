/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "conf/attr.h"
#include "conf/config.h"
#include "conf/rules_idle.h"
#include "conf/types.h"

static void
print_setting(const void *base, const struct attr *a, FILE *out)
{
	fprintf(out, "\t%s = ", a->name);
	a->type->print(attr_field_const(base, a), a, out);
	fputc('\n', out);
}

/* Names that read back as they are; others stand in quotes. */
static bool
is_plain(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-_.:", *p) == NULL)
			return false;
	return *name != '\0';
}

static void
dump_defaults(const struct config *c, FILE *out)
{
	struct config *blank = config_new("");

	fputs("defaults {\n", out);
	for (size_t i = 0; i < attr_count; i++) {
		const struct attr *a = &attrs[i];
		const void *base =
		    attr_is_global(a) ? (const void *)&c->global : (const void *)&c->defaults;
		const void *initial = attr_is_global(a) ? (const void *)&blank->global
							: (const void *)&blank->defaults;

		if (!attr_equal(base, initial, a))
			print_setting(base, a, out);
	}
	fputs("}\n", out);
	config_unref(blank);
}

/* The service admits everybody, and the defaults do not: see rules_access.h. */
static bool
lost_only_from(
    const struct service_conf *s, const struct service_conf *defaults, const struct attr *a)
{
	return a->offset == offsetof(struct service_conf, only_from) && !s->has_only_from &&
	       defaults->has_only_from;
}

static void
dump_service(const struct service_conf *s, const struct service_conf *defaults, FILE *out)
{
	fputs("\nservice ", out);
	if (is_plain(s->name))
		fputs(s->name, out);
	else
		type_print_word(s->name, out);
	fputs(" {\n", out);
	for (size_t i = 0; i < attr_count; i++) {
		const struct attr *a = &attrs[i];

		if (attr_is_global(a) || rules_idle(s, a) != NULL)
			continue;
		/* Derived ones without a value and without a default stay unset. */
		bool is_wanted = a->is_derived && a->initial != NULL;
		if (lost_only_from(s, defaults, a))
			fputs("\tonly_from = {\"0.0.0.0/0\", \"::/0\"}\n", out);
		else if (is_wanted || !attr_equal(s, defaults, a))
			print_setting(s, a, out);
	}
	fputs("}\n", out);
}

static void
dump_left_out(const struct service_conf *s, FILE *out)
{
	char at[512], name[80];
	size_t n = 0;

	for (const char *p = s->name; *p != '\0' && n < sizeof(name) - 1; p++)
		name[n++] = isprint((unsigned char)*p) ? *p : '?';
	name[n] = '\0';
	fprintf(out, "\n# service %s (%s) is left out: %s\n", name,
	    place_format(&s->place, at, sizeof(at)),
	    s->state == CONF_DISABLED      ? "it is off, and has no name"
	    : s->state == CONF_BROKEN_TEXT ? "it has errors, or defaults have"
					   : "something that it names is missing");
}

void
config_dump(const struct config *c, FILE *out)
{
	dump_defaults(c, out);
	for (size_t i = 0; i < c->count; i++) {
		const struct service_conf *s = c->services[i];

		/* One without a name is off, or it has an error. */
		if ((s->state == CONF_OK || s->state == CONF_DISABLED) && *s->name != '\0')
			dump_service(s, &c->defaults, out);
		else
			dump_left_out(s, out);
	}
}
