/* SPDX-License-Identifier: MIT */
/* One HTTP request for the metrics, on standard input, answered on standard output: for use as the program of a service. */
#ifndef CTL_HTTP_H
#define CTL_HTTP_H

#include "ctl/call.h"

/* The connection to the daemon is made, and all rights are given up, before a byte of the peer is read. Returns the exit
 * status; 0 for every request that was answered as it should be, whatever the answer says. */
int http_serve(struct call *c);

#endif
