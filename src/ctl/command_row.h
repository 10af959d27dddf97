/* SPDX-License-Identifier: MIT */
/* What porterctl can be told: one row a command, one row an option. The command line, help and completion read them. */
#ifndef CTL_COMMAND_ROW_H
#define CTL_COMMAND_ROW_H

#include "ctl/call.h"

/* Returns the exit status; what went wrong was said. */
typedef int ctl_fn(struct call *c);

/* What a word stands for: completion offers such words. */
enum ctl_word {
	CTL_WORD_NONE,
	CTL_WORD_TEXT,
	CTL_WORD_SERVICE,
	CTL_WORD_FILE,
	CTL_WORD_COMMAND,
	CTL_WORD_SIGNAL,
	CTL_WORD_LEVEL,
	CTL_WORD_KIND,
	CTL_WORD_SHELL,
	CTL_WORD_SORT,
	CTL_WORD_ATTRIBUTE,
	CTL_WORD_MAX
};

struct ctl_option_row {
	const char *name;
	char letter;       /* 0: none */
	const char *value; /* name of its value in help; NULL: it takes none */
	enum ctl_word word;
	const char *text; /* one phrase */
};

struct ctl_command {
	const char *name;
	const char *usage; /* its arguments as help shows them */
	ctl_fn *fn;
	unsigned least, most; /* arguments */
	enum ctl_word words[3];
	unsigned long options; /* of its own: 1 << enum ctl_option */
	const char *text;      /* one phrase */
	const char *more;      /* sentences */
	const char *examples;  /* lines */
};

extern const struct ctl_option_row ctl_options[CTL_OPTION_MAX];
extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;

/* Options that every command takes. */
#define CTL_OPTIONS_OF_ALL                                                      \
 (1UL << CTL_OPTION_CONTROL | 1UL << CTL_OPTION_JSON | 1UL << CTL_OPTION_HELP | \
     1UL << CTL_OPTION_VERSION)

const struct ctl_command *ctl_command_find(const char *name); /* NULL if there is none */
int ctl_unknown_command(struct call *c, const char *name);    /* says so; CTL_USAGE */
/* The words of a list, such as the levels of messages; NULL at its end. NULL if that kind of word has no list. */
const char *const *ctl_words(enum ctl_word word);

/* show_*.c */
ctl_fn ctl_status, ctl_services, ctl_show, ctl_connections, ctl_bans, ctl_diff;
/* top.c, logs.c */
ctl_fn ctl_top, ctl_logs, ctl_trace;
/* live.c, drain.c, run.c */
ctl_fn ctl_reload, ctl_enable, ctl_disable, ctl_kill, ctl_set, ctl_ban, ctl_unban, ctl_upgrade,
    ctl_stop, ctl_drain, ctl_run;
/* check.c, metrics.c, completion.c, help.c */
ctl_fn ctl_check, ctl_metrics, ctl_completion, ctl_help;

/* help.c */
void ctl_print_help(FILE *out);
void ctl_print_command(const struct ctl_command *command, FILE *out);

#endif
