/* SPDX-License-Identifier: MIT */
/* What programs write to standard error, line by line into the daemon's log (stderr = log). */
#ifndef RUN_STDERR_LOG_H
#define RUN_STDERR_LOG_H

#include <stdint.h>
#include <sys/types.h>

struct loop;
struct stderr_log;

/* Before all others. */
void stderr_log_init(struct loop *l);
/* The most pipes at a time, whatever is open already. A process that a program left behind keeps its pipe for as long as
 * it likes: beyond this the descriptors are for other things. Unlimited at first. */
void stderr_log_set_most(unsigned pipes);
/* A pipe whose lines are logged with the service's id and the connection. *write_fd is for the program and is closed by
 * the caller. Ends and frees itself when the last writer has closed it. NULL with errno set if there is no pipe: EMFILE beyond the most. */
struct stderr_log *stderr_log_open(const char *id, uint64_t connection, int *write_fd);
void stderr_log_set_pid(struct stderr_log *e, pid_t pid);
/* Lines from now on are of this connection. */
void stderr_log_set_connection(struct stderr_log *e, uint64_t connection);
/* *owner becomes NULL when it ends by itself; NULL: there is no owner any more. */
void stderr_log_set_owner(struct stderr_log *e, struct stderr_log **owner);
void stderr_log_drop(struct stderr_log *e); /* the program was not started */
void stderr_log_close_all(void);            /* at the end of the daemon */

/* Across an exec of the daemon. */

struct stderr_log_state {
	int fd;
	const char *id;
	uint64_t connection;
	pid_t pid;
	const char *line; /* the beginning of one */
	size_t len;
};

/* Each pipe that is open; strings are borrowed. */
void stderr_log_each(void (*fn)(const struct stderr_log_state *state, void *arg), void *arg);
int stderr_log_fd(const struct stderr_log *e);
/* A pipe of the daemon of before, however many there are. NULL with errno set; the descriptor is then the caller's. */
struct stderr_log *stderr_log_adopt(const struct stderr_log_state *state);

#endif
