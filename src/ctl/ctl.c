/* SPDX-License-Identifier: MIT */
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "ctl/command_row.h"

/* getopt_long's numbers for options without a letter: the option's own above all letters. */
#define LONG_ONLY 256

/* The words that getopt takes, made of the rows in a mask. */
struct option_words {
	struct option longs[CTL_OPTION_MAX + 1];
	char letters[2 * CTL_OPTION_MAX + 3];
};

/* "+:" or ":": whether options end at the first other word, and that a missing value is told. */
static void
collect_options(struct option_words *w, unsigned long mask, const char *mode)
{
	size_t count = 0, letters = strlen(mode);

	*w = (struct option_words){ 0 };
	memcpy(w->letters, mode, letters);
	for (int i = 0; i < CTL_OPTION_MAX; i++) {
		const struct ctl_option_row *row = &ctl_options[i];
		int has_arg = row->value != NULL ? required_argument : no_argument;

		if ((mask & 1UL << i) == 0)
			continue;
		w->longs[count++] = (struct option){ row->name, has_arg, NULL, LONG_ONLY + i };
		if (row->letter == 0)
			continue;
		w->letters[letters++] = row->letter;
		if (row->value != NULL)
			w->letters[letters++] = ':';
	}
}

static int
option_by_letter(unsigned long mask, int letter)
{
	for (int i = 0; i < CTL_OPTION_MAX; i++)
		if ((mask & 1UL << i) != 0 && ctl_options[i].letter == letter)
			return i;
	return CTL_OPTION_MAX;
}

static int
say_unknown_option(struct call *c, char *const *argv, unsigned long mask)
{
	const char *names[CTL_OPTION_MAX], *near, *word = argv[optind - 1];
	size_t count = 0;

	if (optopt > 0 && optopt < LONG_ONLY)
		return call_usage(c, "unknown option -%c", optopt);
	if (optopt >= LONG_ONLY)
		return call_usage(c, "--%s takes no value", ctl_options[optopt - LONG_ONLY].name);
	for (int i = 0; i < CTL_OPTION_MAX; i++)
		if ((mask & 1UL << i) != 0)
			names[count++] = ctl_options[i].name;
	near = nearest_name(word + strspn(word, "-"), names, count);
	return call_usage(c, "unknown option %s%s%s", word, near != NULL ? ", perhaps --" : "",
	    near != NULL ? near : "");
}

/* Reads options from argv on. CTL_OK, optind is then at the first word that is none. */
static int
read_options(struct call *c, int argc, char **argv, unsigned long mask, const char *mode)
{
	struct option_words w;
	int got;

	collect_options(&w, mask, mode);
	optind = 0; /* getopt begins anew */
	opterr = 0;
	while ((got = getopt_long(argc, argv, w.letters, w.longs, NULL)) != -1) {
		if (got == '?')
			return say_unknown_option(c, argv, mask);
		if (got == ':')
			return call_usage(c, "%s needs a value", argv[optind - 1]);

		int option = got >= LONG_ONLY ? got - LONG_ONLY : option_by_letter(mask, got);

		c->option[option] = optarg != NULL ? optarg : "";
		c->is_json = call_has(c, CTL_OPTION_JSON);
	}
	return CTL_OK;
}

int
ctl_unknown_command(struct call *c, const char *name)
{
	const char **names = mem_array(ctl_command_count, sizeof(*names));
	const char *near;

	for (size_t i = 0; i < ctl_command_count; i++)
		names[i] = ctl_commands[i].name;
	near = nearest_name(name, names, ctl_command_count);
	free(names);
	return near != NULL ? call_usage(c, "unknown command '%s', perhaps '%s'", name, near)
			    : call_usage(c, "unknown command '%s'", name);
}

static int
check_arguments(struct call *c)
{
	const struct ctl_command *command = c->command;

	if (c->count < command->least)
		return call_usage(c, "%s needs %s", command->name, command->usage);
	if (c->count > command->most)
		return call_usage(c, "an argument too many: %s", c->args[command->most]);
	return CTL_OK;
}

static int
run_command(struct call *c)
{
	int status;

	if (call_has(c, CTL_OPTION_HELP)) {
		if (c->command != NULL)
			ctl_print_command(c->command, stdout);
		else
			ctl_print_help(stdout);
		return CTL_OK;
	}
	if (call_has(c, CTL_OPTION_VERSION)) {
		puts("porterctl " VERSION);
		return CTL_OK;
	}
	if (c->command == NULL)
		return call_usage(c, "a command is missing");
	status = check_arguments(c);
	return status == CTL_OK ? c->command->fn(c) : status;
}

/* Options may stand before and behind the command. */
static int
read_line(struct call *c, int argc, char **argv)
{
	int status = read_options(c, argc, argv, CTL_OPTIONS_OF_ALL, "+:");

	if (status != CTL_OK || optind >= argc)
		return status;
	argc -= optind;
	argv += optind;
	c->command = ctl_command_find(argv[0]);
	if (c->command == NULL)
		return ctl_unknown_command(c, argv[0]);
	status = read_options(c, argc, argv, CTL_OPTIONS_OF_ALL | c->command->options, ":");
	c->args = argv + optind;
	c->count = (unsigned)(argc - optind);
	return status;
}

int
ctl_main(int argc, char **argv)
{
	const char *environment = getenv("PORTER_CONTROL");
	struct call c = { .path = RUN_DIR "/control" };
	bool is_lost;
	int status;

	link_init(&c.link);
	screen_init(&c.screen, stdout);
	if (environment != NULL && *environment != '\0')
		c.path = environment;
	status = read_line(&c, argc, argv);
	if (call_has(&c, CTL_OPTION_CONTROL))
		c.path = c.option[CTL_OPTION_CONTROL];
	if (status == CTL_OK)
		status = run_command(&c);
	link_close(&c.link);
	is_lost = fflush(stdout) != 0 || ferror(stdout);
	if (is_lost && status == CTL_OK)
		status = call_fail(&c, CTL_REFUSED, "failed", "standard output cannot be written");
	return status;
}
