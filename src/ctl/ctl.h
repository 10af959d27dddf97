/* SPDX-License-Identifier: MIT */
/* The command line of porterctl. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

/* Exit statuses of porterctl(8). */
enum ctl_status {
	CTL_OK = 0,
	CTL_REFUSED = 1, /* the daemon says no, or it did not work */
	CTL_USAGE = 2,
	CTL_NO_DAEMON = 3, /* no socket, or nobody listens */
	CTL_NO_RIGHT = 4,
	CTL_VERSION = 5, /* the daemon speaks another version of the protocol */
};

int ctl_main(int argc, char **argv); /* an exit status */

#endif
