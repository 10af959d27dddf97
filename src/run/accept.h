/* SPDX-License-Identifier: MIT */
/* The road of a connection from a ready listener to a started program. */
#ifndef RUN_ACCEPT_H
#define RUN_ACCEPT_H

#include "run/listener.h"

extern const struct listener_handler accept_handler;

#endif
