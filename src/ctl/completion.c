/* SPDX-License-Identifier: MIT */
/* Completion for shells, made of the tables of commands and options. Ids of services come from the daemon and are words to
 * the shell, never text that it expands. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/command_row.h"

/* Names of the kinds of words, as the scripts call them. */
static const char *const kinds[CTL_WORD_MAX] = {
	[CTL_WORD_NONE] = "none",
	[CTL_WORD_TEXT] = "text",
	[CTL_WORD_SERVICE] = "service",
	[CTL_WORD_FILE] = "file",
	[CTL_WORD_COMMAND] = "command",
	[CTL_WORD_SIGNAL] = "signal",
	[CTL_WORD_LEVEL] = "level",
	[CTL_WORD_KIND] = "kind",
	[CTL_WORD_SHELL] = "shell",
	[CTL_WORD_SORT] = "sort",
	[CTL_WORD_ATTRIBUTE] = "attribute",
};

/* What runs porterctl for the ids; bash and zsh have found out where --control points to. */
#define IDS "services --ids 2>/dev/null"

/* Within single quotes of the shell; escape: what stands for one of them. */
static void
put_quoted(const char *text, const char *escape, FILE *out)
{
	for (; *text != '\0'; text++)
		if (*text == '\'')
			fputs(escape, out);
		else
			fputc(*text, out);
}

static void
put_list(const char *const *words, FILE *out)
{
	for (; *words != NULL; words++)
		fprintf(out, " %s", *words);
}

static void
put_commands(FILE *out)
{
	for (size_t i = 0; i < ctl_command_count; i++)
		fprintf(out, " %s", ctl_commands[i].name);
}

/* "-n|--lines": an option as a pattern or as words. */
static void
put_option(const struct ctl_option_row *row, char between, FILE *out)
{
	if (row->letter != 0)
		fprintf(out, "-%c%c", row->letter, between);
	fprintf(out, "--%s", row->name);
}

static void
put_options(unsigned long mask, FILE *out)
{
	for (int i = 0; i < CTL_OPTION_MAX; i++)
		if ((mask & 1UL << i) != 0) {
			fputc(' ', out);
			put_option(&ctl_options[i], ' ', out);
		}
}

/* The kinds of words that have a list, one case each. */
static void
put_word_cases(FILE *out)
{
	for (int i = 0; i < CTL_WORD_MAX; i++) {
		const char *const *words = ctl_words((enum ctl_word)i);

		if (words == NULL)
			continue;
		fprintf(out, "\t%s) printf '%%s\\n'", kinds[i]);
		put_list(words, out);
		fputs(" ;;\n", out);
	}
	fputs("\tcommand) printf '%s\\n'", out);
	put_commands(out);
	fputs(" ;;\n", out);
}

/* Two commands may use one letter: for values of one kind, or it would be said here. */
static bool
is_letter_again(int option)
{
	for (int i = 0; i < option; i++)
		if (ctl_options[i].letter == ctl_options[option].letter)
			return true;
	return false;
}

/* Options that take a value, and of which kind. */
static void
put_value_cases(FILE *out)
{
	for (int i = 0; i < CTL_OPTION_MAX; i++) {
		const struct ctl_option_row *row = &ctl_options[i];

		if (row->value == NULL)
			continue;
		fputs("\t", out);
		if (is_letter_again(i))
			fprintf(out, "--%s", row->name);
		else
			put_option(row, '|', out);
		fprintf(out, ") echo %s ;;\n", kinds[row->word]);
	}
}

static void
put_command_cases(FILE *out)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *command = &ctl_commands[i];

		fprintf(out, "\t%s)\n\t\toptions='", command->name);
		put_options(command->options | CTL_OPTIONS_OF_ALL, out);
		fputs("'\n\t\twords=(", out);
		for (unsigned k = 0; k < command->most; k++)
			fprintf(out, "%s%s", k > 0 ? " " : "", kinds[command->words[k]]);
		fputs(")\n\t\t;;\n", out);
	}
}

static void
print_bash(FILE *out)
{
	fputs("# Completion of porterctl for bash.\n"
	      "_porterctl_list() # kind of word, porterctl and its options\n{\n"
	      "\tlocal kind=$1\n\tshift\n\tcase $kind in\n"
	      "\tservice) \"$@\" " IDS " ;;\n",
	    out);
	put_word_cases(out);
	fputs("\tesac\n}\n\n_porterctl_value() # option: the kind of its value\n{\n\tcase $1 in\n",
	    out);
	put_value_cases(out);
	fputs(
	    "\tesac\n}\n\n_porterctl()\n{\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	    "\tlocal run=(\"${COMP_WORDS[0]}\") command='' count=0 kind='' options='' words=() word i\n"
	    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    "\t\tword=${COMP_WORDS[i]}\n"
	    "\t\tif [ \"$word\" = --control ] && ((i + 1 < COMP_CWORD)); then\n"
	    "\t\t\trun+=(--control \"${COMP_WORDS[i + 1]}\")\n"
	    "\t\tfi\n"
	    "\t\tif [ -n \"$(_porterctl_value \"$word\")\" ]; then\n"
	    "\t\t\ti=$((i + 1))\n"
	    "\t\telif [ \"${word#-}\" != \"$word\" ]; then\n"
	    "\t\t\t:\n"
	    "\t\telif [ -z \"$command\" ]; then\n"
	    "\t\t\tcommand=$word\n"
	    "\t\telse\n"
	    "\t\t\tcount=$((count + 1))\n"
	    "\t\tfi\n"
	    "\tdone\n"
	    "\tcase $command in\n\t'')\n\t\toptions='",
	    out);
	put_options(CTL_OPTIONS_OF_ALL, out);
	fputs("'\n\t\twords=(command)\n\t\t;;\n", out);
	put_command_cases(out);
	fputs(
	    "\tesac\n"
	    "\tkind=$(_porterctl_value \"$prev\")\n"
	    "\tCOMPREPLY=()\n"
	    "\tif [ -z \"$kind\" ] && [ \"${cur#-}\" != \"$cur\" ]; then\n"
	    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
	    "\t\treturn\n"
	    "\tfi\n"
	    "\t[ -n \"$kind\" ] || kind=${words[count]-}\n"
	    "\tif [ \"$kind\" = file ]; then\n"
	    "\t\tcompopt -o filenames 2>/dev/null\n"
	    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	    "\t\treturn\n"
	    "\tfi\n"
	    "\twhile IFS= read -r word; do\n"
	    "\t\t[ \"${word#\"$cur\"}\" = \"$word\" ] && [ -n \"$cur\" ] || COMPREPLY+=(\"$(printf %q \"$word\")\")\n"
	    "\tdone < <(_porterctl_list \"${kind:-none}\" \"${run[@]}\")\n"
	    "}\n"
	    "complete -F _porterctl porterctl\n",
	    out);
}

/* "[text]" of an option or a command. */
static void
put_zsh_text(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (strchr("[]:\\", *text) != NULL)
			fputc('\\', out);
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	}
}

/* What completes a kind of word, as _arguments wants it: "name:action". */
static void
put_zsh_action(enum ctl_word word, FILE *out)
{
	const char *const *list = ctl_words(word);

	fprintf(out, ":%s:", kinds[word]);
	if (list != NULL) {
		fputc('(', out);
		put_list(list, out);
		fputc(')', out);
	} else if (word == CTL_WORD_SERVICE) {
		fputs("_porterctl_services", out);
	} else if (word == CTL_WORD_FILE) {
		fputs("_files", out);
	} else if (word == CTL_WORD_COMMAND) {
		fputs("_porterctl_commands", out);
	}
}

static void
put_zsh_options(unsigned long mask, FILE *out)
{
	for (int i = 0; i < CTL_OPTION_MAX; i++) {
		const struct ctl_option_row *row = &ctl_options[i];

		for (int is_long = row->letter != 0 ? 0 : 1; (mask & 1UL << i) != 0 && is_long < 2;
		     is_long++) {
			if (is_long)
				fprintf(out, " \\\n\t\t    '--%s[", row->name);
			else
				fprintf(out, " \\\n\t\t    '-%c[", row->letter);
			put_zsh_text(row->text, out);
			fputc(']', out);
			if (row->value != NULL)
				put_zsh_action(row->word, out);
			fputc('\'', out);
		}
	}
}

static void
print_zsh(FILE *out)
{
	fputs(
	    "#compdef porterctl\n# Completion of porterctl for zsh.\n"
	    "_porterctl_services()\n{\n\tlocal -a ids\n"
	    "\tids=(\"${(@f)$(porterctl ${opt_args[--control]:+--control} ${opt_args[--control]} " IDS
	    ")}\")\n"
	    "\tcompadd -a ids\n}\n\n_porterctl_commands()\n{\n\tlocal -a commands\n\tcommands=(\n",
	    out);
	for (size_t i = 0; i < ctl_command_count; i++) {
		fprintf(out, "\t\t'%s:", ctl_commands[i].name);
		put_zsh_text(ctl_commands[i].text, out);
		fputs("'\n", out);
	}
	fputs("\t)\n\t_describe command commands\n}\n\n_porterctl()\n{\n"
	      "\tlocal context state state_descr line\n\ttypeset -A opt_args\n\t_arguments -C",
	    out);
	put_zsh_options(CTL_OPTIONS_OF_ALL, out);
	fputs(" \\\n\t\t    '1:command:_porterctl_commands' '*::argument:->argument'\n"
	      "\t[[ $state = argument ]] || return\n\tcase $words[1] in\n",
	    out);
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *command = &ctl_commands[i];

		fprintf(out, "\t%s)\n\t\t_arguments", command->name);
		put_zsh_options(command->options | CTL_OPTIONS_OF_ALL, out);
		for (unsigned k = 0; k < command->most; k++) {
			fprintf(out, " \\\n\t\t    '%u", k + 1);
			put_zsh_action(command->words[k], out);
			fputc('\'', out);
		}
		fputs("\n\t\t;;\n", out);
	}
	fputs("\tesac\n}\n\n_porterctl \"$@\"\n", out);
}

/* The words that fish offers for a kind: "-a '...'". */
static void
put_fish_words(enum ctl_word word, FILE *out)
{
	const char *const *list = ctl_words(word);

	if (list != NULL) {
		fputs(" -a '", out);
		put_list(list, out);
		fputc('\'', out);
	} else if (word == CTL_WORD_SERVICE) {
		fputs(" -a '(porterctl " IDS ")'", out);
	} else if (word == CTL_WORD_FILE) {
		fputs(" -F", out);
	} else if (word == CTL_WORD_COMMAND) {
		fputs(" -a '", out);
		put_commands(out);
		fputc('\'', out);
	}
}

/* condition: of the -n option; NULL: always. */
static void
put_fish_option(const struct ctl_option_row *row, const char *condition, FILE *out)
{
	fputs("complete -c porterctl", out);
	if (condition != NULL)
		fprintf(out, " -n '__fish_seen_subcommand_from %s'", condition);
	if (row->letter != 0)
		fprintf(out, " -s %c", row->letter);
	fprintf(out, " -l %s", row->name);
	if (row->value != NULL) {
		fputs(row->word == CTL_WORD_FILE ? " -r" : " -x", out);
		put_fish_words(row->word, out);
	}
	fputs(" -d '", out);
	put_quoted(row->text, "\\'", out);
	fputs("'\n", out);
}

static void
print_fish(FILE *out)
{
	fputs("# Completion of porterctl for fish.\ncomplete -c porterctl -f\n", out);
	for (size_t i = 0; i < ctl_command_count; i++) {
		fprintf(out, "complete -c porterctl -n __fish_use_subcommand -a %s -d '",
		    ctl_commands[i].name);
		put_quoted(ctl_commands[i].text, "\\'", out);
		fputs("'\n", out);
	}
	for (int i = 0; i < CTL_OPTION_MAX; i++)
		if ((CTL_OPTIONS_OF_ALL & 1UL << i) != 0)
			put_fish_option(&ctl_options[i], NULL, out);
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *command = &ctl_commands[i];

		for (int k = 0; k < CTL_OPTION_MAX; k++)
			if ((command->options & 1UL << k) != 0)
				put_fish_option(&ctl_options[k], command->name, out);
		if (command->most == 0 || command->words[0] == CTL_WORD_TEXT)
			continue;
		fprintf(out, "complete -c porterctl -n '__fish_seen_subcommand_from %s'",
		    command->name);
		put_fish_words(command->words[0], out);
		fputc('\n', out);
	}
}

int
ctl_completion(struct call *c)
{
	static const struct {
		const char *name;
		void (*print)(FILE *out);
	} shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };

	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (strcmp(shells[i].name, c->args[0]) == 0) {
			shells[i].print(stdout);
			return CTL_OK;
		}
	return call_usage(
	    c, "there is completion for bash, zsh and fish, not for '%s'", c->args[0]);
}
