/* SPDX-License-Identifier: MIT */
/* What a way of waiting for descriptors has to do for the loop. */
#ifndef LOOP_BACKEND_H
#define LOOP_BACKEND_H

#include "loop/loop.h"

/* The slot of a watcher that is added, but has no place in the backend's table at present. */
#define LOOP_SLOT_IDLE UINT32_MAX

struct loop_ready {
	struct loop_io *io; /* NULL: called already, or removed since */
	short got;
};

struct loop_backend {
	const char *name;
	void *(*open)(void); /* NULL with errno set if there is none */
	/* A new watcher, whose slot is LOOP_SLOT_IDLE; for io->want, which may be 0. -errno: it is not watched at present,
	 * which is tried again before each wait. */
	int (*add)(void *state, struct loop_io *io);
	/* io->want may have changed; 0 stops watching, at the latest before the next wait. */
	void (*update)(void *state, struct loop_io *io);
	/* At once: its descriptor may be closed afterwards. */
	void (*remove)(void *state, struct loop_io *io);
	/* Fills ready, which has room for every watcher. The count, or -errno. */
	int (*wait)(void *state, struct loop_ready *ready, int timeout_ms);
	void (*close)(void *state);
};

extern const struct loop_backend loop_epoll_backend; /* the one that is used */
extern const struct loop_backend loop_poll_backend;  /* the reference */

#endif
