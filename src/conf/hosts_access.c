/* SPDX-License-Identifier: MIT */
#include "conf/hosts_access.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static bool
is_rule(const char *line)
{
	if (*line == '#')
		return false;
	while (isspace((unsigned char)*line))
		line++;
	return *line != '\0';
}

bool
hosts_access_has_rules(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	char *line = NULL;
	size_t size = 0;
	bool has = false;

	if (f == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!has && getline(&line, &size, f) >= 0)
		has = is_rule(line);
	free(line);
	fclose(f);
	return has;
}

/* It is asked for each service of a configuration: a file that did not change is not read again. */
static bool
file_has_rules(const char *path, struct stat *known, bool *has)
{
	struct stat st = { 0 };

	if (stat(path, &st) < 0) {
		*known = (struct stat){ 0 };
		return false;
	}
	if (st.st_ino != known->st_ino || st.st_dev != known->st_dev ||
	    st.st_size != known->st_size || st.st_ctim.tv_sec != known->st_ctim.tv_sec ||
	    st.st_ctim.tv_nsec != known->st_ctim.tv_nsec)
		*has = hosts_access_has_rules(path);
	*known = st;
	return *has;
}

unsigned
hosts_access_system(void)
{
	static const char *const paths[] = { "/etc/hosts.allow", "/etc/hosts.deny" };
	static struct stat known[2];
	static bool has[2];
	unsigned found = WITH_LIBWRAP ? HOSTS_ACCESS_SUPPORTED : 0;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (file_has_rules(paths[i], &known[i], &has[i]))
			found |= HOSTS_ACCESS_RULES;
	return found;
}
