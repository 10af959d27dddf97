/* SPDX-License-Identifier: MIT */
/* From files to a configuration. Loading changes nothing anywhere: it gives a value and a list of problems. */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "base/ip_set.h"
#include "base/prefix.h"
#include "conf/config.h"
#include "conf/source.h"

struct user_entry {
	char *name; /* heap; NULL if the id has no name */
	uid_t uid;
	gid_t gid;
};

/* Everything that loading asks the machine. Replaced in tests. Results are 0 (or a value) or -errno. */
struct lookup {
	int (*user)(const char *name,
	    struct user_entry *out); /* a name, or digits of an id that has an entry */
	int (*group)(const char *name, gid_t *gid); /* a name or digits */
	int (*groups)(
	    const char *user, gid_t gid, gid_t **list, size_t *count); /* getgrouplist(3); heap */
	int (*port)(
	    const char *name, const char *protocol); /* getservbyname(3): the port, or -ENOENT */
	int (*host)(const char *name, struct addr **list, size_t *count); /* getaddrinfo(3); heap */
	/* The following three may be NULL: no network has a name, every file is fine, every right is there. */
	int (*network)(const char *name, struct prefix *out); /* getnetbyname(3) */
	/* Of a regular file that may be read; -errno, -EISDIR. */
	int64_t (*file_size)(const char *path);
	bool (*may_send_raw)(void); /* raw sockets may be made */
	/* hosts.allow and hosts.deny, see conf/hosts_access.h; NULL: supported, and empty. */
	unsigned (*hosts_access)(void);
	/* A regular file that may be executed, seen from below root_dir if that is not NULL; for a script the interpreter
	 * of its #! line as well: *missing is then its path (heap). -ENOENT, -EACCES, -EISDIR, -ENOEXEC,
	 * -EILSEQ (its #! line ends in a carriage return) … */
	int (*program)(const char *path, const char *root_dir, char **missing);
	int (*directory)(const char *path, const char *root_dir);
	int (*longest_backlog)(
	    void); /* net.core.somaxconn, to which the kernel clamps; -errno if it does not say */
	bool (*is_builtin)(const char *name, int socket_type); /* NULL: none is */
	/* Sockets of this type for this id were handed over; NULL: none. */
	bool (*is_inherited)(const char *id, int socket_type);
};

extern const struct lookup lookup_system; /* is_builtin and is_inherited are NULL in it */

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

/* Loads the main file and all that it includes. Never NULL: what could not be read is in problems and missing from the
 * result. Services come in file order; each has its state. The caller owns one reference. */
struct config *config_load(
    const char *path, const struct load_options *options, struct problems *problems);

#endif
