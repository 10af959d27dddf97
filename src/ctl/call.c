/* SPDX-License-Identifier: MIT */
#include "ctl/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/glyph.h"
#include "base/nearest.h"
#include "control/json_text.h"
#include "ctl/command_row.h"
#include "ctl/get.h"
#include "ctl/show.h"

/* The sentence on standard error, behind what is on standard output already. */
static void
say(const struct call *c, const char *text)
{
	if (c->is_quiet)
		return;
	fflush(stdout);
	fputs("porterctl: ", stderr);
	glyph_put_text(text, stderr);
	fputc('\n', stderr);
}

int
call_fail_with(struct call *c, int status, const json_t *error)
{
	snprintf(c->code, sizeof(c->code), "%s", get_text(error, "code"));
	if (c->is_json)
		call_json(c, json_pack("{s:O}", "error", error));
	else
		show_problems(json_object_get(error, "problems"));
	say(c, get_text(error, "message"));
	return status;
}

static int
fail(struct call *c, int status, const char *code, const char *message)
{
	snprintf(c->code, sizeof(c->code), "%s", code);
	if (c->is_json)
		call_json(c, json_pack("{s:{s:s, s:o}}", "error", "code", code, "message",
				 json_text(message)));
	say(c, message);
	return status;
}

int
call_fail(struct call *c, int status, const char *code, const char *format, ...)
{
	char *message;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vasprintf(&message, format, ap);
	va_end(ap);
	if (len < 0)
		return fail(c, status, code, code);
	fail(c, status, code, message);
	free(message);
	return status;
}

int
call_usage(struct call *c, const char *format, ...)
{
	const char *name = c->command != NULL ? c->command->name : NULL;
	char *message = NULL, *whole = NULL;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vasprintf(&message, format, ap);
	va_end(ap);
	if (len < 0)
		return fail(c, CTL_USAGE, "usage", "usage");
	if (asprintf(&whole, "%s; see porterctl help%s%s", message, name != NULL ? " " : "",
		name != NULL ? name : "") >= 0)
		fail(c, CTL_USAGE, "usage", whole);
	free(whole);
	free(message);
	return CTL_USAGE;
}

int
call_json(struct call *c, json_t *value)
{
	(void)c;
	json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(value);
	return CTL_OK;
}

int
call_number(struct call *c, enum ctl_option option, int64_t least, int64_t most, int64_t *number)
{
	const char *text = c->option[option];
	char *end;
	long long value;

	if (text == NULL)
		return CTL_OK;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0')
		return call_usage(
		    c, "--%s takes a number, not '%s'", ctl_options[option].name, text);
	if (errno != 0 || value < least || value > most)
		return call_usage(c, "--%s takes a number from %lld to %lld, not %s",
		    ctl_options[option].name, (long long)least, (long long)most, text);
	*number = value;
	return CTL_OK;
}

/* "a, b or c" into text, as far as it fits. */
static void
join_words(const char *const *words, size_t count, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < count && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s",
		    i == 0           ? ""
		    : i + 1 == count ? " or "
				     : ", ",
		    words[i]);
}

int
call_word(struct call *c, enum ctl_option option)
{
	const char *const *words = ctl_words(ctl_options[option].word);
	const char *text = c->option[option], *near;
	char all[160];
	size_t count = 0;

	if (text == NULL)
		return CTL_OK;
	for (; words[count] != NULL; count++)
		if (strcmp(text, words[count]) == 0)
			return CTL_OK;
	near = nearest_name(text, words, count);
	if (near != NULL)
		return call_usage(c, "--%s does not take '%s', perhaps '%s'",
		    ctl_options[option].name, text, near);
	join_words(words, count, all, sizeof(all));
	return call_usage(
	    c, "--%s does not take '%s', but %s", ctl_options[option].name, text, all);
}
