/* SPDX-License-Identifier: MIT */
/* What the settings say of a program's session as a whole: how long it may take (timeout), and that its client is said good-bye to
 * (linger). The settings at its start count. */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include <stdbool.h>

#include "launch/traffic.h"
#include "run/server.h"

/* The program has started. fd: the connection that is its own, of which a copy is kept if it is to linger; -1: none. */
void session_begin(struct server *s, int fd);
/* A program of the daemon before an exec: its deadline is that of before. */
void session_resume(struct server *s);
/* Its time is over now, whatever the settings say: it is asked to end, and killed after stop_grace. */
void session_expire(struct server *s);
/* What went over the connection, where a copy is kept. */
bool session_traffic(const struct server *s, struct traffic *t);
/* The program has ended, and its client is said good-bye to as soon as nothing of its process group is left. */
void session_end(struct server *s);
/* Nobody looks after it any more, whether it runs or not. */
void session_drop(struct server *s);

#endif
