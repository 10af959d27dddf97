/* SPDX-License-Identifier: MIT */
/* The options of porterd. Those that are words are taken under every name. */
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/help.h"
#include "front/take.h"

static void
take_check(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	(void)value;
	s->mode = MODE_CHECK;
}

static void
take_dump(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	(void)value;
	s->mode = MODE_DUMP;
}

static void
take_convert(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	(void)value;
	s->mode = MODE_CONVERT;
}

static void
take_output(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	s->output = value;
}

static void
take_inetd(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	(void)value;
	s->reads_inetd = true;
}

static void
take_rundir(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	s->rundir = value;
}

static void
take_control(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	s->control = value;
}

static void
take_trust(struct settings *s, const struct option_row *row, const char *value)
{
	const struct passwd *pw = getpwnam(value);
	struct trust *trust = &s->load.trust;
	char *end;
	unsigned long uid = strtoul(value, &end, 10);

	(void)row;
	if (pw == NULL && (*value < '0' || *value > '9' || *end != '\0' || uid >= UINT_MAX))
		settings_refuse(s, "no such user: ", value);
	if (trust->owner_count == ARRAY_LEN(trust->owners))
		settings_refuse(s, "--trust-owner is given too often", "");
	trust->owners[trust->owner_count++] = pw != NULL ? pw->pw_uid : (uid_t)uid;
}

static _Noreturn void
take_attributes(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	if (value == NULL)
		attr_help(stdout);
	else if (strcmp(value, "mdoc") == 0)
		attr_help_mdoc(stdout);
	else
		settings_refuse(s, "no such format of the attributes: ", value);
	exit(fflush(stdout) == 0 ? EXIT_OK : EXIT_ERRORS);
}

static _Noreturn void
take_version(struct settings *s, const struct option_row *row, const char *value)
{
	(void)s;
	(void)row;
	(void)value;
	puts("porterd " VERSION);
	exit(EXIT_OK);
}

static void
print_row(const struct option_row *r, const char *dashes)
{
	char left[48];
	const char *before = r->arg == NULL ? "" : r->has_arg == optional_argument ? "[=" : " ";

	snprintf(left, sizeof(left), "%s%s%s%s%s", r->name != NULL ? dashes : "",
	    r->name != NULL ? r->name : "", before, r->arg != NULL ? r->arg : "",
	    r->has_arg == optional_argument ? "]" : "");
	if (r->letter != '\0' && r->name != NULL)
		printf("  -%c, %-26s %s\n", r->letter, left, r->text);
	else if (r->letter != '\0')
		printf("  -%c%-28s %s\n", r->letter, left, r->text);
	else
		printf("      %-26s %s\n", left, r->text);
}

static _Noreturn void
take_help(struct settings *s, const struct option_row *row, const char *value)
{
	const struct personality *p = s->personality;

	(void)row;
	(void)value;
	printf("usage: %s %s\n", p->name, p->usage);
	for (size_t i = 0; i < p->options->count; i++)
		print_row(&p->options->rows[i], p->style == OPTIONS_WORDS ? "-" : "--");
	for (size_t i = 0; p->options != &porterd_options && i < porterd_options.count; i++) {
		struct option_row word = porterd_options.rows[i];

		word.letter = '\0';
		print_row(&word, "--");
	}
	exit(fflush(stdout) == 0 ? EXIT_OK : EXIT_ERRORS);
}

static const struct option_row rows[] = {
	{ "config", 'f', required_argument, "FILE",
	    "main configuration file (default " CONFIG_FILE ")", take_config, NULL },
	{ "inetd", '\0', no_argument, NULL,
	    "read the files that are named, or the usual ones, as inetd.conf", take_inetd, NULL },
	{ "foreground", 'F', no_argument, NULL,
	    "stay in the foreground, log to standard error as well", take_foreground, NULL },
	{ "check", '\0', no_argument, NULL,
	    "print what is wrong with the configuration, or with the files and directories that are named, and end: 0 no errors, 1 errors",
	    take_check, NULL },
	{ "dump", '\0', no_argument, NULL, "print the effective configuration, and end", take_dump,
	    NULL },
	{ "convert", '\0', no_argument, NULL,
	    "print files of xinetd or inetd.conf in porterd's own form, and end", take_convert,
	    NULL },
	{ "output", '\0', required_argument, "DIR",
	    "of --convert: write a file for each service there", take_output, NULL },
	{ "help-attributes", '\0', optional_argument, "mdoc",
	    "print the table of attributes, and end", take_attributes, NULL },
	{ "pidfile", '\0', required_argument, "FILE",
	    "default: pid in the run directory; in the foreground none", take_pidfile, NULL },
	{ "rundir", '\0', required_argument, "DIR",
	    "for pid file, control socket and state dump (default " RUN_DIR ")", take_rundir,
	    NULL },
	{ "control", '\0', required_argument, "PATH",
	    "control socket, or none (default: control in the run directory)", take_control, NULL },
	{ "trust-owner", '\0', required_argument, "USER",
	    "as root, read configuration that belongs to USER, too", take_trust, NULL },
	{ "debug", 'd', no_argument, NULL, "log debug messages, too", take_debug, NULL },
	{ "version", 'V', no_argument, NULL, "print the version, and end", take_version, NULL },
	{ "help", 'h', no_argument, NULL, "print this list, and end", take_help, NULL },
};

const struct option_set porterd_options = { rows, ARRAY_LEN(rows) };
