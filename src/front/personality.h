/* SPDX-License-Identifier: MIT */
/* The names under which the daemon is started, and what each of them changes: options, files, signals. */
#ifndef FRONT_PERSONALITY_H
#define FRONT_PERSONALITY_H

#include <stddef.h>

#include "control/daemon.h"

struct settings;

struct option_row {
	const char *name; /* without its dashes; NULL: it has a letter alone */
	char letter;      /* '\0': none */
	int has_arg;      /* as in getopt_long(3) */
	const char *arg;
	const char *text;
	/* value: NULL if there is none. */
	void (*take)(struct settings *s, const struct option_row *row, const char *value);
	const char *attribute; /* of defaults, which the value goes into; NULL: none */
};

struct option_set {
	const struct option_row *rows;
	size_t count;
};

/* How options stand on the command line. */
enum option_style {
	OPTIONS_LETTERS, /* -f FILE -Fd; words have two dashes */
	OPTIONS_WORDS,   /* -filelog FILE */
};

struct personality {
	const char *name; /* last part of argv[0] */
	const char *usage;
	const struct option_set *options;
	enum option_style style;
	int usage_status; /* after options that are not understood */
	const char *config;
	bool reads_inetd;
	bool needs_services;
	const char *rundir,
	    *control; /* of --rundir, if that is not given; where the control socket is then */
	const char *pid_name, *dump_name; /* in the run directory */
	enum daemon_manner manner;
};

/* porterd's, if no other has the name that argv[0] ends in. */
const struct personality *personality_find(const char *argv0);

/* Options that every name takes, with two dashes. */
extern const struct option_set porterd_options, xinetd_options, inetd_options;

/* The usual files of inetd. */
#define INETD_CONFIG    "/etc/inetd.conf"
#define INETD_DIRECTORY "/etc/inetd.d"

#endif
