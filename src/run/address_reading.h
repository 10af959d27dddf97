/* SPDX-License-Identifier: MIT */
/* A file of addresses is read, and its set made, by a child: of a million lines that takes seconds, in which the daemon goes on. */
#ifndef RUN_ADDRESS_READING_H
#define RUN_ADDRESS_READING_H

#include "base/ip_set.h"
#include "conf/trust.h"
#include "loop/loop.h"

struct address_reading;

/* What came of it: one reference that is the callee's, or NULL, -errno and why. */
typedef void address_read_fn(void *arg, struct ip_set *set, int error, const char *why);

/* fn is called once, in a later turn of the loop. 0, or -errno and it is not called. */
int address_reading_start(
    struct address_reading **out, struct loop *loop, const char *path, const struct trust *trust);
/* Before the next turn of the loop: who hears of it. */
void address_reading_tell(struct address_reading *r, address_read_fn *fn, void *arg);
/* fn is not called any more. NULL is allowed. */
void address_reading_stop(struct address_reading *r);

#endif
