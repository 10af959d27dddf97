/* SPDX-License-Identifier: MIT */
/* Work that takes its time, done by a thread beside the loop, which goes on meanwhile. Whatever it works on is its own until
 * it has ended: the loop and what it serves know nothing of threads, and are touched by none. */
#ifndef LOOP_BESIDE_H
#define LOOP_BESIDE_H

#include "loop/loop.h"

struct beside;

/* work(arg) in a thread, which gets no signals; then done(arg) in the loop. Where no thread can be made it is worked here and now,
 * and done all the same in a later turn. */
struct beside *beside_start(
    struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg);
/* Waits for its end: done(arg) was called when this returns. */
void beside_finish(struct beside *b);

#endif
