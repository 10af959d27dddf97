/* SPDX-License-Identifier: MIT */
#include "conf/help.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "conf/attr.h"
#include "conf/types.h"

#define COLUMNS 80

static const char *
scope_text(const struct attr *a)
{
	static const struct {
		enum attr_scope scope;
		const char *text;
	} scopes[] = {
		{ ATTR_SERVICE, "service" },
		{ ATTR_DEFAULTS, "defaults" },
		{ ATTR_BOTH, "service, defaults" },
		{ ATTR_GLOBAL, "defaults" },
	};

	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		if (scopes[i].scope == a->scope)
			return scopes[i].text;
	return "";
}

/* Prints words with an indent on every line, none longer than COLUMNS. */
static void
print_wrapped(const char *text, unsigned indent, FILE *out)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column == 0 || column + 1 + len > COLUMNS) {
			fprintf(out, "%s%*s", column == 0 ? "" : "\n", (int)indent, "");
			column = indent;
		} else {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)len, text);
		column += len;
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}

static void
print_choices(const struct attr *a, FILE *out)
{
	const char *between = "    one of: ";

	if (a->type->is_list)
		between = "    any of: ";
	for (const struct attr_choice *c = a->choices; c != NULL && c->name != NULL; c++) {
		if (c->refusal != NULL)
			continue;
		fprintf(out, "%s%s", between, c->name);
		between = ", ";
	}
	if (a->choices != NULL)
		fputc('\n', out);
}

void
attr_help(FILE *out)
{
	for (size_t i = 0; i < attr_count; i++) {
		const struct attr *a = &attrs[i];

		fprintf(out, "%s%s%s = %s (%s", a->name, a->alias != NULL ? ", " : "",
		    a->alias != NULL ? a->alias : "", a->type->label, scope_text(a));
		if (a->initial != NULL)
			fprintf(out, "; default %s", a->initial);
		fputs(")\n", out);
		print_wrapped(a->text, 4, out);
		print_choices(a, out);
	}
}

/* A word as macro argument or text: nothing in it may be taken for a macro or an escape. */
static void
mdoc_text(const char *text, size_t len, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			fputs("\\e", out);
		else if (text[i] == '-')
			fputs("\\-", out);
		else
			fputc(text[i], out);
	}
}

/* One sentence part a line, so that lines stay short; \& keeps a leading dot or quote from being a request. */
static void
mdoc_sentence(const char *text, FILE *out)
{
	while (*text != '\0') {
		size_t len = strlen(text);

		if (len > COLUMNS) {
			len = COLUMNS;
			while (len > 0 && text[len] != ' ')
				len--;
		}
		if (*text == '.' || *text == '\'')
			fputs("\\&", out);
		mdoc_text(text, len, out);
		fputc('\n', out);
		text += len + (text[len] == ' ');
	}
}

static void
mdoc_choices(const struct attr *a, FILE *out)
{
	const char *lead = a->type->is_list ? "Any of" : a->type == &type_choice ? "One of" : "Or";
	bool is_first = true;

	for (const struct attr_choice *c = a->choices; c != NULL && c->name != NULL; c++) {
		if (c->refusal != NULL)
			continue;
		fprintf(out, "%s\n.Cm %s", is_first ? lead : " ,", c->name);
		is_first = false;
	}
	if (!is_first)
		fputs(" .\n", out);
}

void
attr_help_mdoc(FILE *out)
{
	for (size_t i = 0; i < attr_count; i++) {
		const struct attr *a = &attrs[i];

		fprintf(out, ".It Ic %s No = Ar %s\n", a->name, a->type->label);
		mdoc_sentence(a->text, out);
		mdoc_choices(a, out);
		if (a->alias != NULL)
			fprintf(out, "The name\n.Ic %s\nis taken, too.\n", a->alias);
		fprintf(out, "It stands in %s.\n",
		    a->scope == ATTR_BOTH      ? "a service or in defaults"
		    : a->scope == ATTR_SERVICE ? "a service"
					       : "defaults");
		if (a->initial != NULL) {
			fputs("The default is\n.Ql ", out);
			mdoc_text(a->initial, strlen(a->initial), out);
			fputs(" .\n", out);
		}
	}
}
