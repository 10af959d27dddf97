/* SPDX-License-Identifier: MIT */
/* One run of porterctl: the command, its arguments, where its output goes, and how its errors are said. */
#ifndef CTL_CALL_H
#define CTL_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "ctl/link.h"
#include "ctl/screen.h"

/* Options of all commands, and of some. */
enum ctl_option {
	CTL_OPTION_CONTROL,
	CTL_OPTION_JSON,
	CTL_OPTION_HELP,
	CTL_OPTION_VERSION,
	CTL_OPTION_IDS,
	CTL_OPTION_FOLLOW,
	CTL_OPTION_LINES,
	CTL_OPTION_SERVICE,
	CTL_OPTION_LEVEL,
	CTL_OPTION_KIND,
	CTL_OPTION_CONNECTION,
	CTL_OPTION_MATCH,
	CTL_OPTION_DELAY,
	CTL_OPTION_TIMES,
	CTL_OPTION_SORT,
	CTL_OPTION_DRY_RUN,
	CTL_OPTION_TIMEOUT,
	CTL_OPTION_SIGNAL,
	CTL_OPTION_FOR,
	CTL_OPTION_TERMINAL,
	CTL_OPTION_HTTP,
	CTL_OPTION_NOW,
	CTL_OPTION_MAX
};

struct call {
	const struct ctl_command *command;
	const char *path;                   /* of the control socket */
	const char *option[CTL_OPTION_MAX]; /* NULL: not given; "" for those that take no value */
	char *const *args;
	unsigned count; /* of args */
	bool is_json;
	bool is_quiet;        /* nothing is said on standard error, only the exit status */
	char code[32];        /* of the latest error */
	struct screen screen; /* of standard output */
	struct link link;
};

/* Says what is wrong, in a sentence without a full stop: on standard error, and as {"error":{"code", "message"}} on
 * standard output with --json. Returns status. */
int call_fail(struct call *c, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same with the daemon's own "error"; its problems are printed before. */
int call_fail_with(struct call *c, int status, const json_t *error);
/* A wrong command line: code "usage", and where help is. Returns CTL_USAGE. */
int call_usage(struct call *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One JSON document on a line of its own, written at once; takes the reference. Returns CTL_OK. */
int call_json(struct call *c, json_t *value);

/* The value of an option as a number between the bounds, or otherwise where it was not given. CTL_OK, or a usage error
 * that was said. */
int call_number(
    struct call *c, enum ctl_option option, int64_t least, int64_t most, int64_t *number);
/* An option whose value is one of the words of its kind. The same. */
int call_word(struct call *c, enum ctl_option option);

static inline bool
call_has(const struct call *c, enum ctl_option option)
{
	return c->option[option] != NULL;
}

#endif
