/* SPDX-License-Identifier: MIT */
/* Where a redirect goes, and what clients are told beside what a program says. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "conf/resolve.h"
#include "conf/types.h"

/* A banner is text for people; it is kept in memory. */
#define MOST_BANNER_BYTES 65536

/* The host is looked up for each connection: its address may change. */
static void
resolve_redirect(struct draft *d)
{
	struct service_conf *s = d->conf;
	const char *blank = s->redirect != NULL ? strrchr(s->redirect, ' ') : NULL;

	if (blank == NULL)
		return;
	s->redirect_host = mem_dupn(s->redirect, (size_t)(blank - s->redirect));
	s->redirect_port = mem_dup(blank + 1);
	if (port_number(s->redirect_port) == -ENOENT &&
	    d->options->lookup->port(s->redirect_port, "tcp") <= 0)
		MISSING_ERROR(d, PLACE(d, redirect), "there is no port named %.60s for tcp",
		    s->redirect_port);
}

static void
check_banner(struct draft *d, const char *path, size_t offset)
{
	const struct place *place = draft_place(d, offset);
	int64_t size;

	if (path == NULL || d->options->lookup->file_size == NULL)
		return;
	size = d->options->lookup->file_size(path);
	if (size == -ENOENT)
		WARNING(d, place, "there is no file %.200s: clients are sent nothing", path);
	else if (size == -EISDIR)
		WARNING(d, place, "%.200s is no regular file: clients are sent nothing", path);
	else if (size < 0)
		WARNING(d, place, "%.200s cannot be read: %s: clients are sent nothing", path,
		    strerror((int)-size));
	else if (size > MOST_BANNER_BYTES)
		MISSING_ERROR(d, place,
		    "%.200s is too large for a banner: %" PRId64 " bytes, and it takes at most %d",
		    path, size, MOST_BANNER_BYTES);
}

void
resolve_serve(struct draft *d)
{
	const struct service_conf *s = d->conf;

	resolve_redirect(d);
	check_banner(d, s->banner, offsetof(struct service_conf, banner));
	check_banner(d, s->banner_success, offsetof(struct service_conf, banner_success));
	check_banner(d, s->banner_fail, offsetof(struct service_conf, banner_fail));
}
