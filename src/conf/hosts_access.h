/* SPDX-License-Identifier: MIT */
/* Whether this machine keeps clients away by hosts.allow and hosts.deny, see hosts_access(5). */
#ifndef CONF_HOSTS_ACCESS_H
#define CONF_HOSTS_ACCESS_H

#include <stdbool.h>

enum hosts_access {
	HOSTS_ACCESS_SUPPORTED = 1, /* porter-gate was built with libwrap */
	HOSTS_ACCESS_RULES = 2,     /* one of the files holds a rule */
};

/* True if the file holds a line that is neither empty nor a comment; a file that is not there, or cannot be read, holds none. */
bool hosts_access_has_rules(const char *path);
/* Of this machine, at this moment: enum hosts_access. */
unsigned hosts_access_system(void);

#endif
