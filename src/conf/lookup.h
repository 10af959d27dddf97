/* SPDX-License-Identifier: MIT */
/* What loading asks the machine. */
#ifndef CONF_LOOKUP_H
#define CONF_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/prefix.h"

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

#endif
