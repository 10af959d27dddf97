/* SPDX-License-Identifier: MIT */
#include "front/settings.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "front/personality.h"

/* Of rows without a letter; the second set follows the first. */
#define FIRST_NUMBER 256
/* More options than there are. */
#define MOST_OPTIONS 64

_Noreturn void
settings_refuse(const struct settings *s, const char *text, const char *arg)
{
	const char *name = s->personality->name;

	fprintf(stderr, "%s: %s%s; see %s --help\n", name, text, arg, name);
	exit(s->personality->usage_status);
}

/* In native spelling, where a word in quotes is what it is. */
void
settings_preset(struct settings *s, const char *attribute, const char *const *words)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		abort();
	fprintf(out, "\t%s = {", attribute);
	for (size_t i = 0; words[i] != NULL; i++) {
		fputs(i > 0 ? ", \"" : "\"", out);
		for (const char *c = words[i]; *c != '\0'; c++) {
			if (*c == '"' || *c == '\\')
				fputc('\\', out);
			fputc(*c == '\n' ? ' ' : *c, out);
		}
		fputc('"', out);
	}
	fputs("}\n", out);
	fclose(out);
	strings_take(&s->preset, text);
}

/* What getopt_long found: ':' is a value that is missing. */
static _Noreturn void
refuse_option(const struct settings *s, int found, const char *word)
{
	const char letter[] = { '-', (char)optopt, '\0' };

	if (found == ':')
		settings_refuse(s, "a value is missing behind ", word);
	if (optopt >= FIRST_NUMBER || (optopt != 0 && strncmp(word, "--", 2) == 0))
		settings_refuse(s, "an option that takes no value: ", word);
	settings_refuse(s, "there is no option ", optopt != 0 ? letter : word);
}

/* What getopt_long found: a number of porterd's words, or a letter of the name's own. */
static const struct option_row *
find_row(const struct option_set *own, int found)
{
	if (found >= FIRST_NUMBER)
		return &porterd_options.rows[found - FIRST_NUMBER];
	for (size_t i = 0; i < own->count; i++)
		if (own->rows[i].letter == found)
			return &own->rows[i];
	return NULL;
}

/* The letters of the name's own options, and the words of porterd's. */
static void
read_letters(struct settings *s, int argc, char **argv)
{
	const struct option_set *own = s->personality->options;
	struct option longs[MOST_OPTIONS] = { 0 };
	char letters[2 * MOST_OPTIONS + 2] = ":";
	size_t len = 1;
	int found;

	for (size_t i = 0; i < porterd_options.count; i++) {
		const struct option_row *r = &porterd_options.rows[i];

		longs[i] = (struct option){ r->name, r->has_arg, NULL, FIRST_NUMBER + (int)i };
	}
	for (size_t i = 0; i < own->count; i++) {
		if (own->rows[i].letter == '\0')
			continue;
		letters[len++] = own->rows[i].letter;
		if (own->rows[i].has_arg == required_argument)
			letters[len++] = ':';
	}
	opterr = 0;
	while ((found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_row *r = find_row(own, found);

		if (r == NULL)
			refuse_option(s, found, argv[optind - 1]);
		r->take(s, r, optarg);
	}
	s->operands = argv + optind;
	s->operand_count = (size_t)(argc - optind);
}

static const struct option_row *
find_word(const struct option_set *set, const char *name, size_t len)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].name != NULL && strlen(set->rows[i].name) == len &&
		    strncmp(set->rows[i].name, name, len) == 0)
			return &set->rows[i];
	return NULL;
}

/* The option at argv[*i], which moves to its value if that is a word of its own. */
static void
read_word(struct settings *s, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *value = NULL;
	bool is_double = word[1] == '-';
	const char *name = word + 1 + is_double;
	size_t len = is_double ? strcspn(name, "=") : strlen(name);
	const struct option_row *r =
	    find_word(is_double ? &porterd_options : s->personality->options, name, len);

	if (r == NULL)
		settings_refuse(s, "there is no option ", word);
	if (name[len] == '=')
		value = name + len + 1;
	if (value != NULL && r->has_arg == no_argument)
		settings_refuse(s, "an option that takes no value: ", word);
	if (value == NULL && r->has_arg == required_argument) {
		if (*i + 1 == argc)
			settings_refuse(s, "a value is missing behind ", word);
		value = argv[++*i];
	}
	r->take(s, r, value);
}

/* The name's own options are words behind one dash, porterd's behind two. Nothing is abbreviated. */
static void
read_words(struct settings *s, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		read_word(s, argc, argv, &i);
	}
	s->operands = argv + i;
	s->operand_count = (size_t)(argc - i);
}

static void
add_input(struct settings *s, const char *path, enum input_kind kind)
{
	size_t n = s->load.input_count++;

	s->inputs = mem_grow(s->inputs, n + 1, sizeof(*s->inputs));
	s->inputs[n] = (struct load_input){ .kind = kind };
	strings_take(
	    &s->paths, s->mode == MODE_SERVE ? self_absolute(&s->self, path) : mem_dup(path));
}

static void
add_operands(struct settings *s, enum input_kind kind)
{
	for (size_t i = 0; i < s->operand_count; i++)
		add_input(s, s->operands[i], kind);
	/* Of files that are only looked at, none holds back another. */
	for (size_t i = 0; s->mode != MODE_SERVE && s->operand_count > 1 && i < s->operand_count;
	     i++)
		s->inputs[i].is_part = true;
}

static void
add_usual_inetd(struct settings *s)
{
	add_input(s, INETD_CONFIG, INPUT_INETD);
	s->inputs[s->load.input_count - 1].may_lack =
	    s->adds_inetd || access(INETD_DIRECTORY, F_OK) == 0;
	add_input(s, INETD_DIRECTORY, INPUT_INETD);
	s->inputs[s->load.input_count - 1].may_lack = true;
}

/* What is read, if it is more than the main file. */
static void
find_inputs(struct settings *s)
{
	bool has_main = s->config != NULL || s->adds_inetd;

	if (s->operand_count > 0 && s->mode == MODE_SERVE && !s->reads_inetd)
		settings_refuse(s, "files go behind -f, an argument too many: ", s->operands[0]);
	if (has_main && (s->adds_inetd || s->reads_inetd))
		add_input(s, s->config != NULL ? s->config : s->personality->config, INPUT_BLOCKS);
	if (s->operand_count > 0)
		add_operands(s, s->reads_inetd ? INPUT_INETD : INPUT_AUTO);
	else if (s->reads_inetd || s->adds_inetd)
		add_usual_inetd(s);
	for (size_t i = 0; i < s->load.input_count; i++)
		s->inputs[i].path = s->paths.item[i];
	s->load.inputs = s->inputs;
}

static void
join_preset(struct settings *s)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	if (s->preset.count == 0 || (out = open_memstream(&text, &size)) == NULL)
		return;
	fputs("defaults {\n", out);
	for (size_t i = 0; i < s->preset.count; i++)
		fputs(s->preset.item[i], out);
	fputs("}\n", out);
	fclose(out);
	s->load.preset = s->preset_text = text;
}

void
settings_read(struct settings *s, int argc, char **argv)
{
	s->personality = personality_find(argv[0]);
	s->reads_inetd = s->personality->reads_inetd;
	s->needs_services = s->personality->needs_services;
	if (s->personality->style == OPTIONS_WORDS)
		read_words(s, argc, argv);
	else
		read_letters(s, argc, argv);
	if (s->output != NULL && s->mode != MODE_CONVERT)
		settings_refuse(s, "--output goes with --convert", "");
	find_inputs(s);
	join_preset(s);
}

void
settings_done(struct settings *s)
{
	free(s->preset_text);
	free(s->inputs);
	strings_done(&s->paths);
	strings_done(&s->preset);
	strings_done(&s->notes);
	self_done(&s->self);
}

char *
settings_config_path(const struct settings *s)
{
	const char *path = s->config != NULL ? s->config : s->personality->config;

	if (s->load.input_count > 0)
		path = s->paths.item[0];
	return self_absolute(&s->self, path);
}
