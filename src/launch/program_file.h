/* SPDX-License-Identifier: MIT */
/* The file of a service's program as it was at some time: one that was replaced in place is another program. */
#ifndef LAUNCH_PROGRAM_FILE_H
#define LAUNCH_PROGRAM_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "conf/config.h"

/* Whatever the path leads to now; st_ino 0: nothing, or it is a builtin. */
struct stat program_file(const struct service_conf *conf);
bool program_file_equal(const struct stat *x, const struct stat *y);

#endif
