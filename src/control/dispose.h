/* SPDX-License-Identifier: MIT */
/* Configurations that nobody needs any more are freed beside the loop: one of thousands of services takes some time. */
#ifndef CONTROL_DISPOSE_H
#define CONTROL_DISPOSE_H

struct loop;

/* From now on. One loop in a process. */
void dispose_begin(struct loop *loop);
/* Waits until all are freed; what is let go afterwards is freed at once. */
void dispose_end(void);

#endif
