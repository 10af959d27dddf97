/* SPDX-License-Identifier: MIT */
/* Programs and directories, as struct lookup wants them. */
#ifndef CONF_LOOKUP_FILE_H
#define CONF_LOOKUP_FILE_H

#include <stdint.h>

int lookup_program(const char *path, const char *root_dir, char **missing);
int lookup_directory(const char *path, const char *root_dir);
int64_t lookup_file_size(const char *path);

#endif
