/* SPDX-License-Identifier: MIT */
/* The orderly end: listeners are closed, programs are asked, then killed. */
#ifndef CONTROL_STOP_H
#define CONTROL_STOP_H

#include <sys/queue.h>

struct daemon;
struct stop_group;

LIST_HEAD(stop_groups, stop_group);

/* Closes all listeners and sends each program's process group its stop_signal; the loop is stopped when the last program
 * has ended and its process group with it, by itself or killed after its stop_grace. */
void stop_begin(struct daemon *d);
void stop_kill_all(struct daemon *d);

#endif
