/* SPDX-License-Identifier: MIT */
/* The old binary's side of an upgrade: its state, and the step into the new one. */
#ifndef CONTROL_DEPARTURE_H
#define CONTROL_DEPARTURE_H

#include <jansson.h>
#include <stdint.h>

struct daemon;

/* A sealed file with the state of this moment, close-on-exec; or -errno. *state, if it is not NULL, is a new reference to what
 * is in there. */
int departure_state(struct daemon *d, uint64_t asker, json_t **state);
/* Our environment, and the variable that tells the new binary of the state; heap, as its last string. mode: "take", "trial". */
char **departure_environment(const char *mode, int state_fd);
/* Becomes the new binary. Returns only if that fails: -errno, and the daemon goes on as if nothing had been. */
int departure_exec(struct daemon *d, uint64_t asker);

#endif
