/* SPDX-License-Identifier: MIT */
#include "control/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/quote.h"

enum { TEXT = 1, NUMBER = 2, YES_NO = 4 };

/* What an argument is depends on its name alone. */
static const struct {
	const char *name;
	unsigned types;
	const char *label;
} types[] = {
	{ "service", TEXT, "a string" },
	{ "after", TEXT, "a string" },
	{ "level", TEXT, "a string" },
	{ "kind", TEXT, "a string" },
	{ "match", TEXT, "a string" },
	{ "name", TEXT, "a string" },
	{ "value", TEXT, "a string" },
	{ "address", TEXT, "a string" },
	{ "signal", TEXT | NUMBER, "a name or a number" },
	{ "lines", NUMBER, "a whole number" },
	{ "connection", NUMBER, "a whole number" },
	{ "pid", NUMBER, "a whole number" },
	{ "for", NUMBER, "a whole number of seconds" },
	{ "follow", YES_NO, "true or false" },
	{ "dry_run", YES_NO, "true or false" },
	{ "now", YES_NO, "true or false" },
};

/* Members that every request may have. */
static const char *const common[] = { "command", "id", "protocol" };

static bool refuse(struct request_fault *f, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool
refuse(struct request_fault *f, const char *code, const char *format, ...)
{
	va_list ap;

	f->code = code;
	va_start(ap, format);
	vsnprintf(f->text, sizeof(f->text), format, ap);
	va_end(ap);
	return false;
}

static unsigned
type_of(const json_t *value)
{
	return json_is_string(value)    ? TEXT
	       : json_is_integer(value) ? NUMBER
	       : json_is_boolean(value) ? YES_NO
					: 0;
}

json_t *
request_parse(const char *line, size_t len, struct request_fault *f)
{
	json_error_t error;
	json_t *args = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	char shown[160];

	if (json_is_object(args))
		return args;
	if (args != NULL)
		refuse(f, "bad-request", "a request is a JSON object on one line");
	else
		refuse(f, "bad-request", "a request is a JSON object on one line: %s at byte %d",
		    quote_text(error.text, shown, sizeof(shown)), error.position);
	json_decref(args);
	return NULL;
}

json_t *
request_id(const json_t *args)
{
	return json_object_get(args, "id");
}

const struct command *
request_find(const struct command *table, size_t count, const json_t *args, struct request_fault *f)
{
	const json_t *protocol = json_object_get(args, "protocol");
	const char *name = json_string_value(json_object_get(args, "command"));
	char shown[80];

	if (json_is_array(request_id(args)) || json_is_object(request_id(args)))
		refuse(f, "bad-request", "id must be a string, a number, true, false or null");
	else if (protocol != NULL && !json_is_integer(protocol))
		refuse(f, "bad-request", "protocol must be a whole number");
	else if (protocol != NULL && json_integer_value(protocol) != CONTROL_PROTOCOL)
		refuse(f, "protocol", "this daemon speaks version %d of the protocol",
		    CONTROL_PROTOCOL);
	else if (name == NULL)
		refuse(f, "bad-request", "a request needs a command, which is a string");
	else {
		for (size_t i = 0; i < count; i++)
			if (strcmp(table[i].name, name) == 0)
				return &table[i];
		refuse(f, "unknown-command", "there is no command %s",
		    quote_text(name, shown, sizeof(shown)));
	}
	return NULL;
}

/* The row's word for an argument is "name", or "!name" of one that must be there. */
static bool
is_taken(const struct command *row, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (strcmp(common[i], name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(row->args) && row->args[i] != NULL; i++)
		if (strcmp(row->args[i] + (*row->args[i] == '!'), name) == 0)
			return true;
	return false;
}

static bool
check_type(const char *name, const json_t *value, struct request_fault *f)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].name, name) == 0 && (types[i].types & type_of(value)) == 0)
			return refuse(f, "bad-request", "%s must be %s", name, types[i].label);
	return true;
}

bool
request_check(const struct command *row, json_t *args, struct request_fault *f)
{
	const char *name;
	json_t *value;
	char shown[80];

	json_object_foreach(args, name, value) {
		if (!is_taken(row, name))
			return refuse(f, "bad-request", "%s takes no argument %s", row->name,
			    quote_text(name, shown, sizeof(shown)));
		if (!check_type(name, value, f))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(row->args) && row->args[i] != NULL; i++)
		if (*row->args[i] == '!' && json_object_get(args, row->args[i] + 1) == NULL)
			return refuse(f, "bad-request", "%s needs the argument %s", row->name,
			    row->args[i] + 1);
	return true;
}
