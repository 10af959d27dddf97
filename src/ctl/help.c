/* SPDX-License-Identifier: MIT */
/* The list of commands, and the page of each. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/command_row.h"

/* Column where texts begin, and where lines end at the latest. */
#define INDENT 26
#define EDGE   100

/* Words of a text, from a column on, lines broken at the edge. */
static void
put_words(const char *text, unsigned indent, FILE *out)
{
	unsigned column = indent;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column > indent && column + 1 + len > EDGE) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		fprintf(out, "%s%.*s", column > indent ? " " : "", (int)len, text);
		column += (column > indent ? 1 : 0) + (unsigned)len;
		text += len + strspn(text + len, " ");
	}
	fputc('\n', out);
}

static void
put_options(unsigned long mask, FILE *out)
{
	for (int i = 0; i < CTL_OPTION_MAX; i++) {
		const struct ctl_option_row *row = &ctl_options[i];
		char letter[8] = "", left[48];

		if ((mask & 1UL << i) == 0)
			continue;
		if (row->letter != 0)
			snprintf(letter, sizeof(letter), "-%c, ", row->letter);
		snprintf(left, sizeof(left), "  %-4s--%s%s%s", letter, row->name,
		    row->value != NULL ? " " : "", row->value != NULL ? row->value : "");
		fprintf(out, "%-*s", INDENT, left);
		put_words(row->text, INDENT, out);
	}
}

void
ctl_print_help(FILE *out)
{
	fputs("usage: porterctl COMMAND [ARGUMENT...] [OPTION...]\n\ncommands:\n", out);
	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *command = &ctl_commands[i];
		char left[48];

		snprintf(left, sizeof(left), "  %s %s", command->name, command->usage);
		/* A text that begins too far to the right goes below. */
		fprintf(out, "%-*s%s", INDENT - 1, left, strlen(left) >= INDENT ? "\n" : " ");
		if (strlen(left) >= INDENT)
			fprintf(out, "%*s", INDENT, "");
		put_words(command->text, INDENT, out);
	}
	fputs("\noptions of all commands:\n", out);
	put_options(CTL_OPTIONS_OF_ALL, out);
	fputs("\nexit status: 0 done, 1 refused or failed, 2 usage, 3 no daemon there, "
	      "4 no permission, 5 another version\n",
	    out);
}

void
ctl_print_command(const struct ctl_command *command, FILE *out)
{
	char *examples = mem_dup(command->examples), *rest = examples, *line;

	fprintf(out, "usage: porterctl %s%s%s%s\n\n", command->name,
	    *command->usage != '\0' ? " " : "", command->usage, " [OPTION...]");
	put_words(command->text, 0, out);
	if (command->more != NULL)
		put_words(command->more, 0, out);
	fputs("\noptions:\n", out);
	put_options(command->options | CTL_OPTIONS_OF_ALL, out);
	fputs("\nexamples:\n", out);
	while ((line = strsep(&rest, "\n")) != NULL)
		fprintf(out, "  %s\n", line);
	free(examples);
}

int
ctl_help(struct call *c)
{
	const struct ctl_command *command;

	if (c->count == 0) {
		ctl_print_help(stdout);
		return CTL_OK;
	}
	command = ctl_command_find(c->args[0]);
	if (command == NULL) {
		c->command = NULL;
		return ctl_unknown_command(c, c->args[0]);
	}
	ctl_print_command(command, stdout);
	return CTL_OK;
}
