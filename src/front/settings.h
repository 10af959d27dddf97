/* SPDX-License-Identifier: MIT */
/* What the command line asks for. */
#ifndef FRONT_SETTINGS_H
#define FRONT_SETTINGS_H

#include "base/strings.h"
#include "control/self.h"
#include "load/load.h"

struct arrival;
struct personality;

enum { EXIT_OK = 0, EXIT_ERRORS = 1, EXIT_USAGE = 2 };

enum mode { MODE_SERVE, MODE_CHECK, MODE_DUMP, MODE_CONVERT };

struct settings {
	const struct personality *personality;
	enum mode mode;
	bool is_foreground;
	bool needs_services; /* without any the daemon ends */
	bool reads_inetd;    /* operands are inetd.conf; without operands the usual files */
	bool adds_inetd;     /* the usual inetd.conf after the main file */
	/* NULL: not given. */
	const char *config, *pidfile, *rundir, *control, *output;
	char *const *operands;
	size_t operand_count;
	struct strings preset; /* lines of defaults */
	char *preset_text;     /* all of them, as load reads them */
	struct strings notes;  /* on options that have no effect */
	struct load_options load;
	struct load_input *inputs; /* what load reads, if it is not the main file alone */
	struct strings paths; /* of the inputs; absolute, but for those that are only checked */
	struct self self;
	unsigned inherited;      /* sockets that came with it */
	struct arrival *arrival; /* in place of another daemon; NULL: it starts anew */
};

/* Reads the command line by the personality. Ends the program over what is wrong there, and after --help and the like. */
void settings_read(struct settings *s, int argc, char **argv);
void settings_done(struct settings *s);

/* The main file, or the first one of those that are read. Absolute; the caller frees it. */
char *settings_config_path(const struct settings *s);

/* For options. */

/* A line of the defaults: words go into quotes. */
void settings_preset(struct settings *s, const char *attribute, const char *const *words);
_Noreturn void settings_refuse(const struct settings *s, const char *text, const char *arg);

#endif
