/* SPDX-License-Identifier: MIT */
#include "helpers/libwrap.h"

#include <errno.h>
#include <syslog.h>
#include <tcpd.h>
#include <unistd.h>

/* The library's own messages, and those of rules that have a severity, go to the system's log. */
int allow_severity = LOG_INFO;
int deny_severity = LOG_WARNING;

static int
readable(const char *path)
{
	return access(path, R_OK) == 0 || errno == ENOENT ? 0 : -errno;
}

int
libwrap_ready(void)
{
	int r = readable(hosts_allow_table);

	return r == 0 ? readable(hosts_deny_table) : r;
}

bool
libwrap_admits(const char *daemon, struct addr *peer, struct addr *local)
{
	struct request_info request;
	struct sockaddr *server = local->len != 0 ? &local->u.sa : NULL;

	request_init(&request, RQ_DAEMON, daemon, RQ_FILE, STDIN_FILENO, RQ_CLIENT_SIN, &peer->u.sa,
	    RQ_SERVER_SIN, server, 0);
	sock_methods(&request);
	return hosts_access(&request) != 0;
}
