/* SPDX-License-Identifier: MIT */
/* The state dump: what the daemon is doing, as text for a person. */
#ifndef CONTROL_STATE_H
#define CONTROL_STATE_H

struct daemon;

/* Writes the dump beside path and renames it there, mode 0600; no symbolic link is followed. Says in the log how it went. */
void state_write(const struct daemon *d, const char *path);

#endif
