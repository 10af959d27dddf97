/* SPDX-License-Identifier: MIT */
/* What the tests of files from other super-servers share: a machine that has everything, and texts as files. */
#ifndef UNIT_MIGRATING_H
#define UNIT_MIGRATING_H

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "stand_in.h"

static inline int
has_user(const char *name, struct user_entry *out)
{
	if (strncmp(name, "no_such", 7) == 0 || strcmp(name, "nobody.tty") == 0)
		return -ENOENT;
	*out = (struct user_entry){ .name = mem_dup(name), .uid = 1000, .gid = 1001 };
	return 0;
}

static inline int
has_group(const char *name, gid_t *gid)
{
	*gid = 50;
	return strncmp(name, "no_such", 7) == 0 ? -ENOENT : 0;
}

static inline int
has_port(const char *name, const char *protocol)
{
	unsigned sum = 0;

	(void)protocol;
	for (; *name != '\0'; name++)
		sum = sum * 31 + (unsigned char)*name;
	return 1024 + (int)(sum % 60000);
}

/* Programs without a path are found in /usr/bin. */
static inline int
has_program(const char *path, const char *root_dir, char **missing)
{
	(void)root_dir;
	(void)missing;
	if (strstr(path, "no_such") != NULL)
		return -ENOENT;
	return strncmp(path, "/usr/local/", 11) == 0 || strncmp(path, "/usr/sbin/", 10) == 0
		   ? -ENOENT
		   : 0;
}

static inline int
has_server(const char *path, const char *root_dir, char **missing)
{
	(void)missing;
	(void)root_dir;
	return strstr(path, "no_such") != NULL ? -ENOENT : 0;
}

static inline int
has_directory(const char *path, const char *root_dir)
{
	(void)path;
	(void)root_dir;
	return 0;
}

static inline struct lookup
has_everything(void)
{
	struct lookup lookup = stand_in_lookup;

	lookup.user = has_user;
	lookup.group = has_group;
	lookup.port = has_port;
	lookup.program = has_server;
	lookup.directory = has_directory;
	lookup.is_inherited = NULL;
	return lookup;
}

/* The path of a new file; the caller frees it. */
static inline char *
new_file(const char *bytes, size_t len)
{
	char path[] = "/tmp/porter-conf-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	fclose(f);
	return mem_dup(path);
}

/* The files of a folder of real ones; none without it. */
static inline void
list_real_files(struct strings *files, const char *kind)
{
	const char *folder = getenv("PORTER_CORPUS");
	struct dirent **entries;
	char *dir;
	int count;

	if (folder == NULL)
		return;
	dir = mem_format("%s/%s", folder, kind);
	count = scandir(dir, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			strings_take(files, mem_format("%s/%s", dir, entries[i]->d_name));
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	free(dir);
}

static inline char *
dump_of(const struct config *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	config_dump(c, f);
	fclose(f);
	return text;
}

#endif
