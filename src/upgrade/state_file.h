/* SPDX-License-Identifier: MIT */
/* A state as a file without a name, which nobody can change any more (memfd_create(2), fcntl(2): file sealing). */
#ifndef UPGRADE_STATE_FILE_H
#define UPGRADE_STATE_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Its descriptor, close-on-exec; or -errno. */
int state_file_new(const json_t *state);
/* The state; NULL if the descriptor is no such file, belongs to another user or holds no JSON: *why then says so. */
json_t *state_file_read(int fd, const char **why);

/* Descriptors that are named in a state, as members "fd", "…_fd" or in arrays "fds": sorted, each once. Heap. */
int *state_fds(json_t *state, size_t *count);
/* 0; or -EBADF if one of them is not open, when some may have been changed. */
int state_fds_set_cloexec(const int *fds, size_t count, bool closes);

#endif
