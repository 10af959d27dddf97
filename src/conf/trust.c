/* SPDX-License-Identifier: MIT */
#include "conf/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"

/* As many symbolic links as Linux follows. */
#define MAX_LINKS 40

struct walk {
	const struct trust *trust;
	const struct place *from;
	struct problems *problems;
	char done[PATH_MAX]; /* absolute, without links, all of it trusted; "" is the root */
	char *rest;          /* still to be walked */
	unsigned links;
};

static bool
is_owner(const struct trust *trust, uid_t uid)
{
	for (size_t i = 0; i < trust->owner_count; i++)
		if (trust->owners[i] == uid)
			return true;
	return false;
}

static bool
refuse(const struct walk *w, const char *path, const char *why)
{
	problem_add(
	    w->problems, SEVERITY_ERROR, CAUSE_TEXT, w->from, "cannot trust %s: %s", path, why);
	return false;
}

/* Where there is an access list, the group's bits are its mask, and others than the group may write. */
static bool
has_access_list(const char *path)
{
	return lgetxattr(path, "system.posix_acl_access", NULL, 0) >= 0;
}

/* A directory of a user who has a group alone, as many systems make them: 0775, and nobody else is meant. */
static bool
is_private(const char *path, const struct stat *st)
{
	return S_ISDIR(st->st_mode) && (st->st_mode & S_IWOTH) == 0 && st->st_gid == st->st_uid &&
	       !has_access_list(path);
}

static bool
check_one(const struct walk *w, const char *path, const struct stat *st)
{
	bool is_open = (st->st_mode & (S_IWOTH | S_IWGRP)) != 0 && !is_private(path, st);
	/* There nobody can touch what others own. */
	bool is_sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;

	if (!is_owner(w->trust, st->st_uid)) {
		problem_add(w->problems, SEVERITY_ERROR, CAUSE_TEXT, w->from,
		    "cannot trust %s: it belongs to user %u, who could change it; chown root %s",
		    path, (unsigned)st->st_uid, path);
		return false;
	}
	if (S_ISLNK(st->st_mode) || !is_open || is_sticky)
		return true;
	problem_add(w->problems, SEVERITY_ERROR, CAUSE_TEXT, w->from,
	    "cannot trust %s: %s can write to it and change the configuration; chmod go-w %s", path,
	    (st->st_mode & S_IWOTH) != 0 ? "everybody" : "its group", path);
	return false;
}

/* Puts the target of the link that w->done ends in, behind len bytes, in front of what is still to
 * be walked. */
static bool
follow(struct walk *w, size_t len)
{
	char target[PATH_MAX];
	ssize_t target_len = readlink(w->done, target, sizeof(target) - 1);
	char *rest;

	if (target_len < 0)
		return refuse(w, w->done, strerror(errno));
	if (++w->links > MAX_LINKS)
		return refuse(w, w->done, strerror(ELOOP));
	target[target_len] = '\0';
	rest = mem_format("%s/%s", target, w->rest);
	free(w->rest);
	w->rest = rest;
	w->done[target[0] == '/' ? 0 : len] = '\0';
	return true;
}

/* One step down, or up for "..". */
static bool
enter(struct walk *w, const char *name)
{
	size_t len = strlen(w->done), left = sizeof(w->done) - len;
	struct stat st;

	if (strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(w->done, '/');

		if (slash != NULL)
			*slash = '\0';
		return true;
	}
	if ((size_t)snprintf(w->done + len, left, "/%s", name) >= left)
		return refuse(w, name, strerror(ENAMETOOLONG));
	if (lstat(w->done, &st) < 0)
		return refuse(w, w->done, strerror(errno));
	if (!check_one(w, w->done, &st))
		return false;
	return !S_ISLNK(st.st_mode) || follow(w, len);
}

static bool
walk_path(struct walk *w)
{
	struct stat st;

	if (lstat("/", &st) < 0 || !check_one(w, "/", &st))
		return false;
	for (;;) {
		size_t skipped = strspn(w->rest, "/");
		size_t len = strcspn(w->rest + skipped, "/");
		char *name;
		bool is_good;

		if (len == 0)
			return true;
		name = mem_dupn(w->rest + skipped, len);
		memmove(w->rest, w->rest + skipped + len, strlen(w->rest + skipped + len) + 1);
		is_good = enter(w, name);
		free(name);
		if (!is_good)
			return false;
	}
}

bool
trust_check(const char *path, const struct stat *st, const struct trust *trust,
    const struct place *from, struct problems *problems)
{
	struct walk w = { .trust = trust, .from = from, .problems = problems };
	char *here = NULL;
	struct stat end;
	bool is_good;

	if (!trust->is_checked)
		return true;
	if (path[0] != '/' && (here = getcwd(NULL, 0)) == NULL)
		return refuse(&w, path, strerror(errno));
	w.rest = mem_format("%s/%s", here == NULL ? "" : here, path);
	free(here);
	is_good = walk_path(&w);
	free(w.rest);
	if (!is_good)
		return false;
	if (lstat(w.done[0] == '\0' ? "/" : w.done, &end) < 0)
		return refuse(&w, path, strerror(errno));
	if (end.st_dev != st->st_dev || end.st_ino != st->st_ino)
		return refuse(&w, path, "it was replaced while it was being read; try again");
	return check_one(&w, path, st);
}
