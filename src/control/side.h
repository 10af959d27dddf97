/* SPDX-License-Identifier: MIT */
/* What takes its time, such as loading a configuration with names to look up, is worked out by a child: on a copy of the
 * daemon, which goes on meanwhile. One at a time; and while a thread loads the configuration none is begun, since the copy would be
 * one of a load half done. */
#ifndef CONTROL_SIDE_H
#define CONTROL_SIDE_H

#include <jansson.h>

#include "control/command.h"

/* In the child: an object with "result", or with "code" and "message" of an error, and with "extra" if the error has more. What it
 * does to the daemon's memory is seen by nobody; it must not touch what lies outside, and has no log. */
typedef json_t *side_fn(struct daemon *d);

/* The client gets what the function says, or an error. For the command to return. */
json_t *side_start(struct request *r, side_fn *fn);
/* The configuration is not being loaded any more: who waits for that goes on. */
void side_go_on(struct daemon *d);
/* Some child has ended, and all that have may have been reaped. */
void side_reap(struct daemon *d);
/* At the end of the daemon: ends the child, if there is one. */
void side_end(struct daemon *d);

#endif
