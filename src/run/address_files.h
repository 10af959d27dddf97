/* SPDX-License-Identifier: MIT */
/* The files of addresses that lists of the running services name: each is read again by itself when it changes. What replaces it must be
 * good, or the addresses of before go on to count; so they do while the file is not there. */
#ifndef RUN_ADDRESS_FILES_H
#define RUN_ADDRESS_FILES_H

#include "base/ip_set.h"
#include "conf/trust.h"
#include "loop/loop.h"

struct address_file;
struct address_files;

/* trust is borrowed: who may have written them. */
struct address_files *address_files_new(struct loop *loop, const struct trust *trust);
void address_files_free(struct address_files *f); /* nobody uses any more; NULL is allowed */

/* One more user of the file at this path. loaded: what it was just read to be, of which a reference is taken if nobody has used it
 * before; NULL: nothing is known of it. */
struct address_file *address_files_use(
    struct address_files *f, const char *path, struct ip_set *loaded);
void address_files_leave(struct address_files *f, struct address_file *file);

/* Its addresses at present; they may be others after the next turn of the loop. */
const struct ip_set *address_file_set(const struct address_file *file);
/* Tells of each file whose latest change cannot be used. */
void address_files_tell_refused(
    const struct address_files *f, void (*tell)(void *arg, const char *path), void *arg);

/* What they hold at present, for somebody who loads a configuration meanwhile. */
struct address_snapshot;
struct address_snapshot *address_snapshot_new(const struct address_files *f);
void address_snapshot_free(struct address_snapshot *s); /* NULL is allowed */
/* A reference to the set of the file at this path, if it is one of those and the same as when it was read; NULL: it is to be read. arg:
 * the snapshot. */
struct ip_set *address_snapshot_find(void *arg, const char *path);

#endif
