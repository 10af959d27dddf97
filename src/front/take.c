/* SPDX-License-Identifier: MIT */
#include "front/take.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

void
take_config(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	s->config = value;
}

void
take_foreground(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	(void)value;
	s->is_foreground = true;
}

void
take_debug(struct settings *s, const struct option_row *row, const char *value)
{
	(void)s;
	(void)row;
	(void)value;
	log_set_level(LOG_LEVEL_DEBUG);
}

void
take_pidfile(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	s->pidfile = value;
}

static void
check_number(const struct settings *s, const char *value)
{
	if (*value == '\0' || strlen(value) > 9 || strspn(value, "0123456789") != strlen(value))
		settings_refuse(s, "a number is expected, and not ", value);
}

void
take_number(struct settings *s, const struct option_row *row, const char *value)
{
	check_number(s, value);
	if (strtoul(value, NULL, 10) > 0)
		take_word(s, row, value);
}

void
take_per_minute(struct settings *s, const struct option_row *row, const char *value)
{
	const char *words[] = { NULL, "burst", value, NULL };
	char *rate;

	check_number(s, value);
	if (strtoul(value, NULL, 10) == 0)
		return;
	rate = mem_format("%s/minute", value);
	words[0] = rate;
	settings_preset(s, row->attribute, words);
	free(rate);
}

void
take_word(struct settings *s, const struct option_row *row, const char *value)
{
	const char *const words[] = { value, NULL };

	settings_preset(s, row->attribute, words);
}

void
take_nothing(struct settings *s, const struct option_row *row, const char *value)
{
	(void)value;
	strings_take(&s->notes, row->name != NULL
				    ? mem_format("-%s has no effect: %s", row->name, row->text)
				    : mem_format("-%c has no effect: %s", row->letter, row->text));
}
