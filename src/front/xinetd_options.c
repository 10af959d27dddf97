/* SPDX-License-Identifier: MIT */
/* The options of xinetd: words with one dash. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "front/take.h"

/* xinetd writes to the terminal; here that is the log of the foreground. */
static void
take_debugging(struct settings *s, const struct option_row *row, const char *value)
{
	take_debug(s, row, value);
	s->is_foreground = true;
}

static void
take_dontfork(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	(void)value;
	s->is_foreground = true;
	s->needs_services = false;
}

static void
take_stayalive(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	(void)value;
	s->needs_services = false;
}

static void
take_log(struct settings *s, const struct option_row *row, const char *first, const char *value)
{
	const char *const words[] = { first, value, NULL };

	for (size_t i = 0; i < s->preset.count; i++)
		if (strstr(s->preset.item[i], row->attribute) != NULL)
			settings_refuse(s, "-filelog and -syslog: only one of them, and once", "");
	settings_preset(s, row->attribute, words);
}

static void
take_filelog(struct settings *s, const struct option_row *row, const char *value)
{
	char *path = self_absolute(&s->self, value);

	take_log(s, row, "FILE", path);
	free(path);
}

static void
take_syslog(struct settings *s, const struct option_row *row, const char *value)
{
	take_log(s, row, "SYSLOG", value);
}

static void
take_compat(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	(void)value;
	s->adds_inetd = true;
}

static _Noreturn void
take_version(struct settings *s, const struct option_row *row, const char *value)
{
	(void)s;
	(void)row;
	(void)value;
	fputs("porterd " VERSION " in place of xinetd\n", stderr);
	exit(EXIT_OK);
}

static const struct option_row rows[] = {
	{ "d", '\0', no_argument, NULL, "stay in the foreground, log debug messages, too",
	    take_debugging, NULL },
	{ "f", '\0', required_argument, "FILE",
	    "main configuration file (default /etc/xinetd.conf)", take_config, NULL },
	{ "filelog", '\0', required_argument, "FILE", "messages of the daemon go to this file",
	    take_filelog, "daemon_log" },
	{ "syslog", '\0', required_argument, "FACILITY",
	    "messages of the daemon go to the system log", take_syslog, "daemon_log" },
	{ "pidfile", '\0', required_argument, "FILE",
	    "default: /var/run/xinetd.pid; in the foreground none", take_pidfile, NULL },
	{ "dontfork", '\0', no_argument, NULL, "stay in the foreground, and without services",
	    take_dontfork, NULL },
	{ "stayalive", '\0', no_argument, NULL, "go on without services", take_stayalive, NULL },
	{ "limit", '\0', required_argument, "N", "most programs at a time, of all services",
	    take_number, "max_servers" },
	{ "inetd_compat", '\0', no_argument, NULL, "read " INETD_CONFIG ", too", take_compat,
	    NULL },
	{ "inetd_ipv6", '\0', no_argument, NULL, "lines of inetd.conf take IPv6 clients, too",
	    take_nothing, NULL },
	{ "version", '\0', no_argument, NULL, "print the version, and end", take_version, NULL },
	{ "reuse", '\0', no_argument, NULL, "addresses are always reused where that is safe",
	    take_nothing, NULL },
	{ "logprocs", '\0', required_argument, "N", "no process is needed to log who connects",
	    take_nothing, NULL },
	{ "shutdownprocs", '\0', required_argument, "N", "no process is needed to end a service",
	    take_nothing, NULL },
	{ "cc", '\0', required_argument, "SECONDS", "there is no state that needs a regular check",
	    take_nothing, NULL },
};

const struct option_set xinetd_options = { rows, ARRAY_LEN(rows) };
