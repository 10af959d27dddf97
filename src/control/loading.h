/* SPDX-License-Identifier: MIT */
/*
 * The configuration, loaded while the daemon serves: a thread reads the files and works out what they come to, and the loop takes
 * what has come of it in one go. One load at a time. Whoever asks while one goes on gets what a later one has found, which begins
 * when the first is over; so there is one more at most, and nobody gets what was read before he asked.
 */
#ifndef CONTROL_LOADING_H
#define CONTROL_LOADING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct daemon;
struct load_ask;

TAILQ_HEAD(load_asks, load_ask);

/* What the configuration is loaded for. Of all that one load is for, those of the first kind are served first. */
enum load_kind {
	LOAD_RELOAD, /* it takes the place of the one that runs */
	LOAD_SERVE,  /* services that it disables are served from it */
	LOAD_KIND_MAX
};

void loading_init(struct daemon *d);
/* client: number of the control client who is told what has come of it; 0: nobody is. service: for LOAD_SERVE, what he has named. Not
 * to be called while stopping. */
void loading_ask(struct daemon *d, enum load_kind kind, uint64_t client, const char *service);
/* Nothing comes of what was asked for, and those who have asked are told why, with this code. True if a reload was among it. */
bool loading_give_up(struct daemon *d, const char *code, const char *why);
/* The same at the end of the daemon, and no thread is left. */
void loading_end(struct daemon *d);
/* A thread loads it now. */
bool loading_runs(const struct daemon *d);

#endif
