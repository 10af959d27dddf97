/* SPDX-License-Identifier: MIT */
/* From files to a configuration. Loading changes nothing anywhere: it gives a value and a list of problems. */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

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

struct load_options {
	const struct lookup *lookup;
	struct trust trust;
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
