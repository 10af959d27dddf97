/* SPDX-License-Identifier: MIT */
/* What the members of a state say of each other. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "policy/ban.h"
#include "run/runtime.h"
#include "upgrade/kept.h"

/* Numbers of which none may come twice. */
struct numbers {
	int *item;
	size_t count, room;
};

static void
add_number(struct numbers *n, int number)
{
	if (n->count == n->room) {
		n->room = n->room == 0 ? 64 : 2 * n->room;
		n->item = mem_grow(n->item, n->room, sizeof(*n->item));
	}
	n->item[n->count++] = number;
}

static int
compare(const void *x, const void *y)
{
	const int *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

/* Sorts them; true if one is there twice. -1 is none. */
static bool
has_double(struct numbers *n)
{
	if (n->count > 0)
		qsort(n->item, n->count, sizeof(*n->item), compare);
	for (size_t i = 1; i < n->count; i++)
		if (n->item[i] == n->item[i - 1] && n->item[i] >= 0)
			return true;
	return false;
}

static bool
has_number(const struct numbers *n, int number)
{
	return n->count > 0 && bsearch(&number, n->item, n->count, sizeof(number), compare) != NULL;
}

struct check {
	struct record_reader *reader;
	struct numbers pids, slots, fds, pipes;
};

static int __attribute__((format(printf, 2, 3))) refuse(struct check *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->reader->why, sizeof(c->reader->why), format, ap);
	va_end(ap);
	return -EINVAL;
}

static void
collect_pool(struct check *c, const struct kept_pool *p)
{
	KEPT_EACH(kept_worker, w, &p->workers)
	{
		add_number(&c->fds, w->channel_fd);
		add_number(&c->fds, w->client.fd);
		add_number(&c->fds, w->next.fd);
	}
	KEPT_EACH(kept_client, client, &p->waiting)
	add_number(&c->fds, client->fd);
}

static void
collect_service(struct check *c, const struct kept_service *s)
{
	KEPT_EACH(kept_server, server, &s->servers)
	{
		add_number(&c->pids, server->pid);
		add_number(&c->slots, server->slot);
		add_number(&c->fds, server->kept_fd);
		add_number(&c->fds, server->dialog_fd);
	}
	KEPT_EACH(kept_listener, l, &s->listeners)
	if (l->pending != NULL)
		add_number(&c->fds, l->pending->fd);
	KEPT_EACH(kept_muxed, m, &s->muxed)
	add_number(&c->fds, m->client.fd);
	KEPT_EACH(kept_guest, g, &s->guests)
	add_number(&c->fds, g->client.fd);
	if (s->pool != NULL)
		collect_pool(c, s->pool);
}

static void
collect(struct check *c, const struct kept_runtime *r)
{
	KEPT_EACH(kept_service, s, &r->services)
	collect_service(c, s);
	KEPT_EACH(kept_pipe, p, &r->pipes)
	{
		add_number(&c->fds, p->fd);
		add_number(&c->pipes, p->fd);
	}
	KEPT_EACH(kept_leftover, rest, &r->leftovers)
	add_number(&c->fds, rest->fd);
	KEPT_EACH(kept_drain, d, &r->drains)
	add_number(&c->fds, d->fd);
	add_number(&c->fds, r->faults.fd);
}

/* A socket that was handed over is there twice: in its own list, and as somebody's listener. */
static int
check_listeners(struct check *c, const struct kept_runtime *r)
{
	struct numbers fds = { 0 };
	bool is_double;

	KEPT_EACH(kept_service, s, &r->services)
	KEPT_EACH(kept_listener, l, &s->listeners)
	{
		add_number(&fds, l->fd);
		add_number(&c->fds, l->fd);
	}
	is_double = has_double(&fds);
	KEPT_EACH(kept_inherited, i, &r->inherited)
	if (!has_number(&fds, i->fd))
		add_number(&c->fds, i->fd);
	free(fds.item);
	return is_double ? refuse(c, "two listeners have one descriptor") : 0;
}

/* Each worker is one of its service's programs, and no other worker's. */
static int
check_workers(struct check *c, const struct kept_service *s)
{
	struct numbers own = { 0 }, used = { 0 };
	int r = 0;

	KEPT_EACH(kept_server, server, &s->servers)
	add_number(&own, server->slot);
	(void)has_double(&own);
	KEPT_EACH(kept_worker, w, &s->pool->workers)
	{
		add_number(&used, w->slot);
		if (!has_number(&own, w->slot) || (w->pipe >= 0 && !has_number(&c->pipes, w->pipe)))
			r = -EINVAL;
	}
	if (has_double(&used))
		r = -EINVAL;
	free(own.item);
	free(used.item);
	return r < 0 ? refuse(c, "a worker of %s has no program of its own", s->id) : 0;
}

static int
check_owners(struct check *c, const struct kept_service *s)
{
	struct numbers used = { 0 };
	bool is_bad = false;

	KEPT_EACH(kept_listener, l, &s->listeners)
	{
		is_bad |= l->owner >= 0 && !has_number(&c->slots, l->owner);
		is_bad |= l->pending != NULL && l->pending->fd < 0;
		add_number(&used, l->owner);
	}
	is_bad |= has_double(&used);
	free(used.item);
	return is_bad ? refuse(c, "a listener of %s is held by nobody", s->id) : 0;
}

static int
check_service(struct check *c, const struct kept_service *s)
{
	int r = check_owners(c, s);

	KEPT_EACH(kept_muxed, m, &s->muxed)
	if (r == 0 && m->client.fd < 0)
		r = refuse(c, "a client of %s has no connection", s->id);
	KEPT_EACH(kept_guest, g, &s->guests)
	if (r == 0 && g->client.fd < 0)
		r = refuse(c, "a guest of %s has no connection", s->id);
	if (r == 0 && s->servers.count > 0 && s->conf == NULL)
		r = refuse(c, "the programs of %s have no settings", s->id);
	if (r == 0 && s->pool != NULL)
		r = check_workers(c, s);
	return r;
}

static int
check_bans(struct check *c, const struct kept_runtime *r)
{
	struct ban ban;

	KEPT_EACH(kept_ban, b, &r->bans)
	if (ban_parse(b->address, &ban) < 0)
		return refuse(c, "no address: %.100s", b->address);
	return 0;
}

static int
check(struct check *c, const struct kept_runtime *r)
{
	int error = check_listeners(c, r);
	int most =
	    r->faults.most < RUNTIME_MOST_SERVERS ? (int)r->faults.most : RUNTIME_MOST_SERVERS;

	collect(c, r);
	if (error == 0 && has_double(&c->pids))
		error = refuse(c, "two programs have one pid");
	if (error == 0 && has_double(&c->slots))
		error = refuse(c, "two programs have one slot");
	if (error == 0 && c->slots.count > 0 && c->slots.item[c->slots.count - 1] >= most)
		error = refuse(c, "a slot beyond the table");
	if (error == 0 && (has_double(&c->fds) || has_double(&c->pipes)))
		error = refuse(c, "a descriptor has two owners");
	KEPT_EACH(kept_service, s, &r->services)
	if (error == 0)
		error = check_service(c, s);
	return error == 0 ? check_bans(c, r) : error;
}

int
kept_check(struct record_reader *reader, const struct kept *k)
{
	struct check c = { .reader = reader };
	int r = check(&c, &k->runtime);

	free(c.pids.item);
	free(c.slots.item);
	free(c.fds.item);
	free(c.pipes.item);
	return r;
}
