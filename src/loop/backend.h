/* SPDX-License-Identifier: MIT */
/* What a way of waiting for descriptors has to do for the loop. */
#ifndef LOOP_BACKEND_H
#define LOOP_BACKEND_H

#include "loop/loop.h"

/* The slot of a watcher that is added, but that the backend does not watch at present. */
#define LOOP_SLOT_IDLE UINT32_MAX

struct loop_ready {
	struct loop_io *io; /* NULL: called already, or removed since */
	short got;
};

struct loop_backend {
	const char *name;
	void *(*open)(void);
	/* Watches io for want; 0 stops watching. Keeps io->slot: LOOP_SLOT_IDLE while not
	 * watched. */
	void (*update)(void *state, struct loop_io *io, short want);
	/* Fills ready, which has room for every watcher. The count, or -errno. */
	int (*wait)(void *state, struct loop_ready *ready, int timeout_ms);
	void (*close)(void *state);
};

extern const struct loop_backend loop_poll_backend;

#endif
