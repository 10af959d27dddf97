/* SPDX-License-Identifier: MIT */
#include "launch/program_file.h"

#include <stdlib.h>

#include "base/mem.h"

struct stat
program_file(const struct service_conf *conf)
{
	struct stat st = { 0 };
	char *path;

	if (conf->server == NULL)
		return st;
	path = mem_format("%s%s", conf->chroot != NULL ? conf->chroot : "", conf->server);
	if (stat(path, &st) < 0)
		st = (struct stat){ 0 };
	free(path);
	return st;
}

bool
program_file_equal(const struct stat *x, const struct stat *y)
{
	return x->st_dev == y->st_dev && x->st_ino == y->st_ino && x->st_size == y->st_size &&
	       x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec;
}
