/* SPDX-License-Identifier: MIT */
#include "control/self.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

char *
self_absolute(const struct self *self, const char *path)
{
	if (*path == '/' || self->directory == NULL)
		return mem_dup(path);
	return mem_format("%s/%s", self->directory, path);
}

/* In the directories of PATH; heap, NULL if it is in none. */
static char *
search(const struct self *self, const char *name)
{
	const char *path = getenv("PATH");
	char *list = mem_dup(path != NULL ? path : ""), *rest = list, *found = NULL;
	const char *directory;

	while (found == NULL && (directory = strsep(&rest, ":")) != NULL) {
		char *file = mem_format("%s/%s", *directory != '\0' ? directory : ".", name);

		if (access(file, X_OK) == 0)
			found = self_absolute(self, file);
		free(file);
	}
	free(list);
	return found;
}

/* Whoever started us said nothing of use about where we are. */
static char *
from_proc(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	return n > 0 ? mem_dupn(path, (size_t)n) : mem_dup("/proc/self/exe");
}

void
self_take(struct self *self, char **argv)
{
	char directory[PATH_MAX];
	const char *name = argv[0] != NULL ? argv[0] : "";

	*self = (struct self){ .argv = argv };
	if (getcwd(directory, sizeof(directory)) != NULL && directory[0] == '/')
		self->directory = mem_dup(directory);
	if (strchr(name, '/') != NULL && access(name, X_OK) == 0)
		self->binary = self_absolute(self, name);
	else if (*name != '\0')
		self->binary = search(self, name);
	if (self->binary == NULL)
		self->binary = from_proc();
}

void
self_done(struct self *self)
{
	free(self->binary);
	free(self->directory);
}
