/* SPDX-License-Identifier: MIT */
/* The two halves of porter_accept(3), for those who call it again and again. Not part of the library's interface. */
#ifndef LIB_PORTER_ACCEPT_H
#define LIB_PORTER_ACCEPT_H

#include <porter/worker.h>
#include <stdbool.h>

/* 0 if it is a channel; -errno as of porter_accept. */
int porter_check(int channel);
/* As porter_accept, of what is known to be a channel. has_room: a number below the limit of open files is free, and will be. */
int porter_accept_next(int channel, struct porter_connection *c, bool has_room);

#endif
