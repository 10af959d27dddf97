/* SPDX-License-Identifier: MIT */
/* Into the background, while the starting command waits for the outcome (daemon(7), "SysV Daemons"). */
#ifndef CONTROL_BACKGROUND_H
#define CONTROL_BACKGROUND_H

/* Returns in the daemon: own session, no terminal to get back, directory /. The command that was typed waits; its exit
 * status is what background_release says, or 1 if the daemon ends before. Standard descriptors are still the terminal's. */
void background_start(void);
/* Lets the command return with this status, and puts descriptors 0, 1 and 2 on /dev/null. */
void background_release(int status);

#endif
