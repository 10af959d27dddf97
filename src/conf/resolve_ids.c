/* SPDX-License-Identifier: MIT */
/* Whom a service runs as, and which files it needs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/resolve.h"

/* Builtins and redirects need no rights at all. */
#define BUILTIN_USER "nobody"

static bool
is_number(const char *text)
{
	return strspn(text, "0123456789") == strlen(text);
}

static bool
find_group(struct draft *d, const char *group, const struct place *place, gid_t *gid)
{
	if (d->options->lookup->group(group, gid) == 0)
		return true;
	MISSING_ERROR(d, place, "there is no group %.60s", group);
	return false;
}

/* Someone who is in no list of users runs with his number alone, in the group that is given. */
static void
use_number(struct draft *d, const char *user)
{
	struct service_conf *s = d->conf;

	if (s->group == NULL)
		MISSING_ERROR(
		    d, PLACE(d, user), "user %s is in no list of users: give group =, too", user);
	s->uid = (uid_t)strtoul(user, NULL, 10);
}

static bool
find_user(struct draft *d, const char *user)
{
	struct service_conf *s = d->conf;
	struct user_entry entry = { 0 };

	if (d->options->lookup->user(user, &entry) == 0) {
		s->uid = entry.uid;
		s->gid = entry.gid;
		s->user_name = entry.name;
		return true;
	}
	if (is_number(user)) {
		use_number(d, user);
		return true;
	}
	MISSING_ERROR(d, PLACE(d, user), "there is no user %.60s", user);
	return false;
}

/* Not root: whoever runs porterd, and nobody else. */
static void
use_own_ids(struct draft *d)
{
	struct service_conf *s = d->conf;
	struct user_entry entry = { 0 };
	char number[24];
	gid_t gid;

	snprintf(number, sizeof(number), "%u", (unsigned)d->options->uid);
	bool is_known = d->options->lookup->user(number, &entry) == 0;
	s->user_name = entry.name;
	s->uid = d->options->uid;
	s->gid = entry.gid;
	if (s->group == NULL || !find_group(d, s->group, PLACE(d, group), &gid))
		return;
	if (!is_known || gid != entry.gid)
		TEXT_ERROR(d, PLACE(d, group),
		    "only root can start programs in another group: porterd does not run as root");
}

static void
find_groups(struct draft *d)
{
	struct service_conf *s = d->conf;
	gid_t user_gid = s->gid;

	if (s->group != NULL && !find_group(d, s->group, PLACE(d, group), &s->gid))
		return;
	if (!s->groups || s->user_name == NULL)
		return;
	if (d->options->lookup->groups(s->user_name, user_gid, &s->group_list, &s->group_count) < 0)
		MISSING_ERROR(
		    d, PLACE(d, groups), "the groups of user %.60s cannot be read", s->user_name);
}

static void
resolve_root(struct draft *d)
{
	struct service_conf *s = d->conf;
	const char *user = s->user;

	if (user == NULL && (conf_is_internal(s) || conf_is_redirect(s)) && !IS_GIVEN(d, user))
		user = BUILTIN_USER;
	if (user == NULL || !find_user(d, user))
		return;
	s->changes_ids = true;
	find_groups(d);
}

static void
resolve_other(struct draft *d)
{
	struct service_conf *s = d->conf;

	if (s->user != NULL && !find_user(d, s->user))
		return;
	if (s->user != NULL && s->uid != d->options->uid)
		TEXT_ERROR(d, PLACE(d, user),
		    "only root can start programs as user %.60s: porterd does not run as root",
		    s->user);
	free(s->user_name);
	s->user_name = NULL;
	use_own_ids(d);
}

static void
find_owner(struct draft *d, const char *user, const struct place *place, uid_t *uid)
{
	struct user_entry entry = { 0 };

	if (d->options->lookup->user(user, &entry) == 0)
		*uid = entry.uid;
	else if (is_number(user))
		*uid = (uid_t)strtoul(user, NULL, 10);
	else
		MISSING_ERROR(d, place, "there is no user %.60s", user);
	free(entry.name);
}

static void
resolve_socket_owner(struct draft *d)
{
	struct service_conf *s = d->conf;

	if (s->listen_owner != NULL)
		find_owner(d, s->listen_owner, PLACE(d, listen_owner), &s->listen_uid);
	if (s->listen_group != NULL)
		find_group(d, s->listen_group, PLACE(d, listen_group), &s->listen_gid);
}

/* The place of an attribute of the daemon. */
static const struct place *
global_place(const struct draft *d, const char *name)
{
	return places_at(&d->conf->places, (size_t)(attr_find(name) - attrs));
}

void
resolve_control(struct draft *d)
{
	struct global_conf *g = d->global;

	if (!g->has_control_mode)
		g->control_mode = g->control_group != NULL ? 0660 : 0600;
	if (g->control_owner != NULL)
		find_owner(d, g->control_owner, global_place(d, "control_owner"), &g->control_uid);
	if (g->control_group != NULL)
		find_group(d, g->control_group, global_place(d, "control_group"), &g->control_gid);
}

void
resolve_ids(struct draft *d)
{
	if (d->options->is_root)
		resolve_root(d);
	else
		resolve_other(d);
	resolve_socket_owner(d);
}

static bool
text_equal(const char *x, const char *y)
{
	return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

/* Many services in a row have one program. */
static bool
is_known(const struct draft *d)
{
	return d->served != NULL && strcmp(d->served->server, d->conf->server) == 0 &&
	       text_equal(d->served->chroot, d->conf->chroot);
}

static void
resolve_program(struct draft *d)
{
	const struct service_conf *s = d->conf;
	const struct place *place = PLACE(d, server);
	char *missing = NULL;
	int r = d->options->lookup->program(s->server, s->chroot, &missing);

	if (r == 0)
		d->served = s;
	if (missing != NULL)
		MISSING_ERROR(d, place, "%.200s needs the interpreter %.200s: %s", s->server,
		    missing, strerror(-r));
	else if (r == -ENOENT)
		MISSING_ERROR(d, place, "there is no program %.200s", s->server);
	else if (r == -EACCES)
		MISSING_ERROR(d, place,
		    "%.200s is no program that may be executed; chmod +x it if it should be",
		    s->server);
	else if (r == -EILSEQ)
		MISSING_ERROR(d, place,
		    "the lines of %.200s end in carriage returns: convert it to Unix line ends",
		    s->server);
	else if (r == -EISDIR)
		MISSING_ERROR(d, place, "%.200s is a directory, no program", s->server);
	else if (r == -ENOEXEC)
		MISSING_ERROR(d, place,
		    "%.200s is text that names no interpreter: a script begins with #! and its path",
		    s->server);
	else if (r < 0)
		MISSING_ERROR(d, place, "%.200s cannot be executed: %s", s->server, strerror(-r));
	free(missing);
}

void
resolve_files(struct draft *d)
{
	const struct lookup *lookup = d->options->lookup;
	const struct service_conf *s = d->conf;
	int r;

	if (s->chroot != NULL && (r = lookup->directory(s->chroot, NULL)) < 0) {
		MISSING_ERROR(d, PLACE(d, chroot), "%.200s is no directory to go into: %s",
		    s->chroot, strerror(-r));
		return;
	}
	if (s->directory != NULL && (r = lookup->directory(s->directory, s->chroot)) < 0)
		MISSING_ERROR(d, PLACE(d, directory), "%.200s is no directory to go into: %s",
		    s->directory, strerror(-r));
	if (s->server != NULL && !conf_is_internal(s) && !conf_is_redirect(s) && !is_known(d))
		resolve_program(d);
}
