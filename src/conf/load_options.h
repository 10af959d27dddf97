/* SPDX-License-Identifier: MIT */
/* What a configuration is loaded from, and as whom. */
#ifndef CONF_LOAD_OPTIONS_H
#define CONF_LOAD_OPTIONS_H

#include "base/ip_set.h"
#include "base/strings.h"
#include "conf/lookup.h"
#include "conf/source.h"

/* What a file of a configuration is written in. */
enum input_kind {
	INPUT_AUTO, /* as its first word says: service, defaults, include, includedir; else inetd.conf */
	INPUT_BLOCKS, /* porterd's own or xinetd's blocks */
	INPUT_INETD,  /* inetd.conf */
};

/* A file, or a directory of files, that a configuration is read from. */
struct load_input {
	const char *path;
	enum input_kind kind;
	bool may_lack; /* that it is not there is no error */
	bool is_part;  /* what cannot be read in it holds back no service of other files */
};

struct migration;

/* What stands for a path in places of the preset. */
#define LOAD_PRESET_PATH "command line"

struct load_options {
	const struct lookup *lookup;
	/* Read in this order in place of the main file; NULL: the main file alone. */
	const struct load_input *inputs;
	size_t input_count;
	/* A block of defaults from the command line, read before all files; NULL: none. */
	const char *preset;
	bool has_wrappers; /* lines of inetd.conf are subject to hosts.allow and hosts.deny */
	/* Not NULL: what xinetd and other inetds would have done otherwise is noted, too, and summed up there. */
	struct migration *migration;
	struct trust trust;
	/* A reference to the set that this address file holds, if it was read before and is still the same; NULL: it is to be read. May be
	 * NULL itself. */
	struct ip_set *(*known_set)(void *arg, const char *path);
	void *known_arg;
	bool is_root; /* judge as if porterd ran as root */
	uid_t uid;    /* who runs it otherwise */
	/* Ids of services that are on whatever disable, enabled and disabled say; borrowed, NULL: none. */
	const struct strings *forced;
};

#endif
