/* SPDX-License-Identifier: MIT */
/* The file of a unix socket. It may lie in a directory of another user, who can replace it by anything at any time: it
 * is known by its inode, and never changed by its path. */
#ifndef NET_SOCKET_FILE_H
#define NET_SOCKET_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/addr.h"

/* Which file a socket made when it was bound. While the socket is open, no other file gets this number. */
struct socket_file {
	dev_t dev;
	ino_t ino; /* 0: none of ours */
};

/* Binds a unix socket that is not bound yet; its file has the mode from the first moment on. A socket file that nobody
 * answers on is removed first. 0; -EADDRINUSE if something else is there; or -errno. */
int socket_file_bind(int fd, const struct addr *a, mode_t mode, struct socket_file *file);
/* Owner ((uid_t)-1: unchanged), group and mode. 0; -ESTALE if this file is not at the path any more, and what is there
 * is left alone; or -errno. */
int socket_file_configure(
    const struct socket_file *file, const struct addr *a, mode_t mode, uid_t uid, gid_t gid);
/* True if a socket of this network namespace that was bound to the path listens. Nobody is connected to. */
bool socket_file_is_served(const struct addr *a);
/* Connects, and removes the file if that is refused: whoever left it has ended. A datagram socket takes no connection
 * and does not notice. True if the file is gone. */
bool socket_file_remove_stale(const struct addr *a);

#endif
