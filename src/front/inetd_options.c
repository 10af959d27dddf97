/* SPDX-License-Identifier: MIT */
/* The options of inetd, as FreeBSD, OpenBSD, Debian and busybox have them: those that mean something here. */
#include <getopt.h>
#include <stdlib.h>

#include "base/mem.h"
#include "front/take.h"

static void
take_debugging(struct settings *s, const struct option_row *row, const char *value)
{
	take_debug(s, row, value);
	s->is_foreground = true;
}

/* Who comes too much waits, as with FreeBSD's. */
static void
take_most(struct settings *s, const struct option_row *row, const char *value)
{
	const char *const queue[] = { "queue", NULL };

	take_number(s, row, value);
	if (strtoul(value, NULL, 10) > 0)
		settings_preset(s, "on_limit", queue);
}

static void
take_wrappers(struct settings *s, const struct option_row *row, const char *value)
{
	(void)row;
	(void)value;
	s->load.has_wrappers = true;
}

static const struct option_row rows[] = {
	{ NULL, 'd', no_argument, NULL, "stay in the foreground, log debug messages, too",
	    take_debugging, NULL },
	{ NULL, 'i', no_argument, NULL, "stay in the foreground", take_foreground, NULL },
	{ NULL, 'f', no_argument, NULL, "the same", take_foreground, NULL },
	{ NULL, 'c', required_argument, "N", "most programs of a service at a time", take_most,
	    "instances" },
	{ NULL, 's', required_argument, "N", "most programs of a service for one address",
	    take_number, "per_source" },
	{ NULL, 'C', required_argument, "N", "most starts of a service in a minute for one address",
	    take_per_minute, "rate_per_source" },
	{ NULL, 'R', required_argument, "N", "most starts of a service in a minute",
	    take_per_minute, "rate" },
	{ NULL, 'a', required_argument, "ADDRESS", "where services listen that name no address",
	    take_word, "bind" },
	{ NULL, 'q', required_argument, "N", "how many connections the kernel keeps waiting",
	    take_number, "backlog" },
	{ NULL, 'p', required_argument, "FILE", "default: /var/run/inetd.pid", take_pidfile, NULL },
	{ NULL, 'l', no_argument, NULL, "mind /etc/hosts.allow and /etc/hosts.deny", take_wrappers,
	    NULL },
	{ NULL, 'w', no_argument, NULL, "the same", take_wrappers, NULL },
	{ NULL, 'W', no_argument, NULL, "builtins are for whom only_from and no_access let in",
	    take_nothing, NULL },
	{ NULL, 'E', no_argument, NULL,
	    "programs get PATH, TZ, LANG and LC_* and what passenv names", take_nothing, NULL },
};

const struct option_set inetd_options = { rows, ARRAY_LEN(rows) };
