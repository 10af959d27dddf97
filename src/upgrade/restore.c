/* SPDX-License-Identifier: MIT */
#include "upgrade/restore.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "net/drain.h"
#include "net/handed.h"
#include "net/inherit.h"
#include "net/linger.h"
#include "policy/ban.h"
#include "run/adopt.h"
#include "run/dialog.h"
#include "run/door.h"
#include "run/leftover.h"
#include "run/lobby.h"
#include "run/mux.h"
#include "run/pool.h"
#include "run/services.h"
#include "run/stderr_log.h"

struct restore {
	struct runtime *rt;
	const struct kept_runtime *kept;
	struct handed_socket *handed;
	struct handed_off *off; /* services that were switched off */
	struct service **found; /* of each that was kept, the one that goes on for it; NULL: none */
	struct map *services;   /* by id, those that nobody has matched */
	struct map *places;     /* services by the keys of their endpoints */
	/* By number of descriptor or slot; NULL: none. */
	struct listener **listeners;
	struct stderr_log **pipes;
	struct server **servers;
	size_t fd_count;
};

void
restore_origin(const struct kept_origin *kept, struct origin *origin)
{
	origin_take(origin);
	origin->nofile = (struct rlimit){ kept->files_soft, kept->files_hard };
	origin->umask = (mode_t)kept->umask;
}

void
restore_inherited(const struct kept_runtime *kept)
{
	KEPT_EACH(kept_inherited, i, &kept->inherited)
	{
		const struct inherited_socket socket = {
			.fd = i->fd, .name = i->name, .type = i->type, .addr = i->addr
		};

		inherit_restore(&socket);
	}
}

/* ---- before ---- */

static bool
is_inherited(const struct kept_runtime *kept, int fd)
{
	KEPT_EACH(kept_inherited, i, &kept->inherited)
	if (i->fd == fd)
		return true;
	return false;
}

static bool
is_served(const struct kept_runtime *kept, const char *id)
{
	KEPT_EACH(kept_service, s, &kept->services)
	if (!s->is_gone && !s->is_off && strcasecmp(s->id, id) == 0)
		return true;
	return false;
}

static void
hand_off(struct restore *r, size_t most)
{
	unsigned count = 0;

	r->off = mem_array(most + r->kept->services.count + 1, sizeof(*r->off));
	KEPT_EACH(kept_service, s, &r->kept->services)
	{
		if (s->is_gone || !s->is_off)
			continue;
		if (!is_served(r->kept, s->id)) {
			r->off[count++] = (struct handed_off){ .id = s->id };
			continue;
		}
		KEPT_EACH(kept_listener, l, &s->listeners)
		r->off[count++] = (struct handed_off){ .id = s->id, .key = l->key };
	}
	handed_set_off(r->off, count);
}

static void
hand_listeners(struct restore *r)
{
	size_t most = 0;
	unsigned count = 0;

	KEPT_EACH(kept_service, s, &r->kept->services)
	most += s->listeners.count;
	hand_off(r, most);
	r->handed = mem_array(most + 1, sizeof(*r->handed));
	KEPT_EACH(kept_service, s, &r->kept->services)
	{
		KEPT_EACH(kept_listener, l, &s->listeners)
		if (l->fd >= 0 && !is_inherited(r->kept, l->fd))
			r->handed[count++] = (struct handed_socket){
				.id = s->id,
				.key = l->key,
				.fd = l->fd,
				.file = { (dev_t)l->dev, (ino_t)l->ino },
				.bound = &l->bound,
			};
	}
	handed_set(r->handed, count);
}

static void
restore_bans(struct restore *r)
{
	struct runtime *rt = r->rt;

	if (r->kept->bans.count > 0 && rt->bans == NULL)
		rt->bans = bans_new();
	KEPT_EACH(kept_ban, b, &r->kept->bans)
	{
		struct ban ban;

		if (ban_parse(b->address, &ban) < 0)
			continue;
		ban.until_ms = b->until_ms;
		ban.hits = b->hits;
		bans_add(rt->bans, &ban);
	}
}

struct restore *
restore_begin(struct runtime *rt, const struct kept_runtime *kept)
{
	struct restore *r = mem_alloc(sizeof(*r));
	int error = kept->faults.fd < 0
			? 0
			: servers_take_faults(rt->servers, kept->faults.fd, kept->faults.most);

	if (error < 0)
		log_warn("event=restore-incomplete what=\"table of programs\" error=\"%s\"",
		    strerror(-error));
	r->rt = rt;
	r->kept = kept;
	rt->is_restoring = true;
	rt->connections = kept->connections;
	rt->serials = kept->serials;
	rt->past = kept->past;
	hand_listeners(r);
	restore_bans(r);
	return r;
}

/* ---- afterwards ---- */

static size_t
count_fds(const struct kept_runtime *kept)
{
	int most = 0;

	KEPT_EACH(kept_pipe, p, &kept->pipes)
	most = p->fd > most ? p->fd : most;
	KEPT_EACH(kept_service, s, &kept->services)
	KEPT_EACH(kept_listener, l, &s->listeners)
	most = l->fd > most ? l->fd : most;
	return (size_t)most + 1;
}

static void
map_services(struct restore *r)
{
	size_t count = 0, places = 0;
	struct service *s;

	TAILQ_FOREACH(s, &r->rt->services, link) {
		count++;
		places += s->conf->endpoint_count;
	}
	r->services = map_new(count);
	r->places = map_new(places);
	TAILQ_FOREACH(s, &r->rt->services, link) {
		s->is_matched = false;
		map_put(r->services, s->conf->id, s);
		for (size_t i = 0; i < s->conf->endpoint_count; i++)
			map_put(r->places, s->conf->endpoints[i].key, s);
	}
}

static void
make_tables(struct restore *r)
{
	struct service *s;
	struct listener *l;

	r->fd_count = count_fds(r->kept);
	r->listeners = mem_array(r->fd_count, sizeof(struct listener *));
	r->pipes = mem_array(r->fd_count, sizeof(struct stderr_log *));
	r->servers = mem_array(r->kept->faults.most, sizeof(struct server *));
	r->found = mem_array(r->kept->services.count + 1, sizeof(struct service *));
	map_services(r);
	TAILQ_FOREACH(s, &r->rt->services, link)
		TAILQ_FOREACH(l, &s->listeners, link)
			if (listener_is_bound(l) && (size_t)l->io.fd < r->fd_count)
				r->listeners[l->io.fd] = l;
}

static void
restore_pipes(struct restore *r)
{
	KEPT_EACH(kept_pipe, p, &r->kept->pipes)
	{
		const struct stderr_log_state state = {
			.fd = p->fd,
			.id = p->id,
			.connection = p->connection,
			.pid = p->pid,
			.line = p->line.data,
			.len = p->line.len,
		};

		r->pipes[p->fd] = stderr_log_adopt(&state);
		if (r->pipes[p->fd] == NULL)
			close(p->fd);
	}
}

static struct listener *
listener_of(const struct restore *r, const struct kept_listener *kept)
{
	return kept->fd >= 0 ? r->listeners[kept->fd] : NULL;
}

static struct service *
find_by_address(const struct restore *r, const struct kept_service *kept)
{
	KEPT_EACH(kept_listener, l, &kept->listeners)
	{
		const struct listener *now = listener_of(r, l);
		struct service *s = now != NULL ? now->role.service : map_get(r->places, l->key);

		if (s != NULL && !s->is_matched && strcmp(s->conf->id, kept->id) == 0)
			return s;
	}
	return NULL;
}

static struct service *
find_by_id(const struct restore *r, const struct kept_service *kept)
{
	struct service *s;

	while ((s = map_take(r->services, kept->id)) != NULL && s->is_matched)
		continue;
	return s;
}

static void
match_by(struct restore *r,
    struct service *(*find)(const struct restore *r, const struct kept_service *kept))
{
	struct service **found = r->found;

	KEPT_EACH(kept_service, kept, &r->kept->services)
	{
		if (*found == NULL && !kept->is_gone)
			*found = find(r, kept);
		if (*found != NULL)
			(*found)->is_matched = true;
		found++;
	}
}

/* Of several with one id, first those that have the address of an old one. */
static void
match(struct restore *r)
{
	match_by(r, find_by_address);
	match_by(r, find_by_id);
}

/* As much of a service as programs need that are nobody's any more. */
static struct service *
service_of_before(struct runtime *rt, const struct service_conf *kept)
{
	struct config *config = config_new("");
	struct service_conf *conf = service_conf_new(NULL);
	struct service *s;

	config->services = mem_array(1, sizeof(*config->services));
	config->services[config->count++] = conf;
	conf->name = mem_dup(kept->name);
	conf->id = mem_dup(kept->id);
	conf->type = kept->server != NULL ? kept->type : kept->type | CONF_TYPE_INTERNAL;
	conf->server = kept->server != NULL ? mem_dup(kept->server) : NULL;
	conf->user_name = kept->user_name != NULL ? mem_dup(kept->user_name) : NULL;
	conf->socket_type = kept->socket_type;
	conf->protocol = kept->protocol;
	conf->wait = kept->wait;
	conf->stderr_to = kept->stderr_to;
	conf->pool_protocol = kept->pool_protocol;
	conf->pool_request_timeout_ms = kept->pool_request_timeout_ms;
	conf->log_format = kept->log_format;
	conf->log_on_success = kept->log_on_success;
	conf->log_on_failure = kept->log_on_failure;
	conf->stop_signal = kept->stop_signal;
	conf->stop_grace_ms = kept->stop_grace_ms;
	sink_target_done(&conf->log_type);
	sink_target_copy(&conf->log_type, &kept->log_type);
	s = service_new(rt, config, conf);
	config_unref(config);
	return s;
}

static void
restore_servers(struct restore *r, struct service *s, const struct kept_service *kept)
{
	KEPT_EACH(kept_server, k, &kept->servers)
	{
		const struct server as = {
			.pid = k->pid,
			.peer = k->peer,
			.connection = k->connection,
			.queue_mark = k->queue_mark,
			.started_ms = k->started_ms,
			.deadline_ms = k->deadline_ms,
			.linger_ms = k->linger_ms,
			.is_timed_out = k->is_timed_out,
			.kept_fd = k->kept_fd > 0 ? k->kept_fd : 0,
			.asker = k->asker,
		};

		struct server *server = adopt_server(s, (unsigned)k->slot, &as);

		r->servers[k->slot] = server;
		if (server != NULL && k->dialog_fd >= 0)
			dialog_adopt(server, k->dialog_fd, &k->dialog_local);
	}
}

static struct client
client_of(const struct kept_client *k)
{
	return (struct client){
		.c = { .fd = k->fd, .peer = k->peer, .local = k->local, .id = k->id },
		.tries = k->tries,
	};
}

static void
restore_worker(struct restore *r, struct pool *p, const struct kept_worker *k)
{
	struct worker as = {
		.channel = { .fd = k->channel_fd,
		    .left_unread = k->left_unread,
		    .looks_first = k->looks_first,
		    .brought_descriptors = k->brought_descriptors },
		.kind = (enum launch_kind)k->kind,
		.protocol = (enum channel_protocol)k->protocol,
		.state = (enum worker_state)k->state,
		.end = (enum worker_end)k->end,
		.accepts = k->accepts,
		.is_outdated = k->is_outdated,
		.is_dismissed = k->is_dismissed,
		.has_taken = k->has_taken,
		.served = k->served,
		.most = k->most,
		.strays = k->strays,
		.client = client_of(&k->client),
		.next = client_of(&k->next),
		.late_ms = k->late_ms,
		.since_ms = k->since_ms,
		.busy_ms = k->busy_ms,
		.end_ms = k->end_ms,
	};

	adopt_worker(p, r->servers[k->slot], &as, k->pipe >= 0 ? r->pipes[k->pipe] : NULL);
}

static void
restore_pool(struct restore *r, struct service *s, const struct kept_pool *kept)
{
	struct pool *p = adopt_pool(s);

	p->counters = kept->counters;
	p->pace = kept->pace;
	p->sends_bytes = kept->sends_bytes;
	KEPT_EACH(kept_number, inode, &kept->shared)
	if (p->shared_count < ARRAY_LEN(p->shared))
		p->shared[p->shared_count++] = (ino_t)inode->value;
	KEPT_EACH(kept_worker, w, &kept->workers)
	restore_worker(r, p, w);
	KEPT_EACH(kept_client, c, &kept->waiting)
	{
		const struct client client = client_of(c);

		adopt_waiting(p, &client);
	}
	adopt_pool_done(p, kept->fingerprint);
}

static void
restore_listeners(struct restore *r, const struct kept_service *kept)
{
	KEPT_EACH(kept_listener, k, &kept->listeners)
	{
		struct listener *l = listener_of(r, k);

		if (l == NULL) {
			if (k->pending != NULL)
				linger_close(k->pending->fd);
			continue;
		}
		l->is_shared |= k->is_shared;
		if (k->bound.len > 0)
			listener_set_bound(l, &k->bound);
		if (k->owner >= 0 && r->servers[k->owner] != NULL)
			listener_lend(l, r->servers[k->owner]);
		if (k->pending != NULL) {
			const struct client client = client_of(k->pending);

			listener_wait_for_fork(l, &client.c, k->pending->tries, clock_now_ms());
		}
	}
}

/* Those who asked a tcpmux that there is no more have nobody to wait for. */
static void
restore_muxed(struct service *s, const struct kept_service *kept)
{
	KEPT_EACH(kept_muxed, k, &kept->muxed)
	{
		const struct client client = client_of(&k->client);
		const struct mux_waiting w = {
			.c = client.c, .due_ms = k->due_ms, .line = k->line.data, .len = k->line.len
		};

		if (s != NULL)
			mux_adopt(s, &w);
		else
			linger_close(k->client.fd);
	}
}

/* The banner of a service that there is no more is not sent to its end. */
static void
restore_guests(struct service *s, const struct kept_service *kept)
{
	KEPT_EACH(kept_guest, k, &kept->guests)
	{
		const struct client client = client_of(&k->client);
		const struct lobby_guest g = {
			.c = client.c, .text = k->text.data, .len = k->text.len, .due_ms = k->due_ms
		};

		if (s != NULL)
			lobby_adopt(s, &g);
		else
			linger_close(k->client.fd);
	}
}

static void
restore_door(struct service *s, const struct kept_door *kept)
{
	const struct door state = {
		.cps_rule = { kept->cps_per_second, kept->cps_pause_s },
		.cps = { .window_ms = kept->cps_window_ms,
		    .count = kept->cps_count,
		    .until_ms = kept->cps_until_ms },
		.rate_rule = { .count = kept->rate_count,
		    .period_ms = kept->rate_period_ms,
		    .burst = kept->rate_burst },
		.rate = { .full_ns = kept->rate_full_ns },
	};

	if (s->door != NULL)
		door_go_on(s->door, &state, clock_now_ms());
}

/* Who is served by a service that there is no more goes on until he leaves. */
static void
restore_service(struct restore *r, struct service *s, const struct kept_service *kept)
{
	bool is_gone = s == NULL;

	restore_muxed(s, kept);
	restore_guests(s, kept);
	if (!is_gone && kept->door != NULL)
		restore_door(s, kept->door);
	if (is_gone && kept->servers.count == 0) {
		counters_add(&r->rt->past, &kept->counters);
		return;
	}
	if (is_gone)
		s = service_of_before(r->rt, kept->conf);
	s->counters = kept->counters;
	restore_servers(r, s, kept);
	if (kept->pool != NULL)
		restore_pool(r, s, kept->pool);
	if (is_gone)
		service_remove(s);
}

static void
restore_services(struct restore *r)
{
	struct service **found = r->found;

	KEPT_EACH(kept_service, s, &r->kept->services)
	restore_service(r, *found++, s);
	KEPT_EACH(kept_service, s, &r->kept->services)
	restore_listeners(r, s);
	found = r->found;
	KEPT_EACH(kept_service, s, &r->kept->services)
	{
		if (*found != NULL && s->is_off)
			service_turn_off(*found);
		found++;
	}
}

static void
restore_partings(struct restore *r)
{
	const int64_t now_ms = clock_now_ms();

	KEPT_EACH(kept_leftover, k, &r->kept->leftovers)
	{
		const struct leftover rest = {
			.pgid = k->pgid,
			.fd = k->fd > 0 ? k->fd : 0,
			.linger_ms = k->linger_ms,
			.kill_ms = k->kill_ms,
		};

		leftovers_add(r->rt->leftovers, &rest);
	}
	KEPT_EACH(kept_drain, k, &r->kept->drains)
	drains_add(r->rt->drains, k->fd, k->text.data, k->text.len, k->due_ms - now_ms);
}

/* What could not be opened before: a socket of the daemon that was may have stood in the way. */
static void
open_missing(struct runtime *rt)
{
	struct service *s;
	struct listener *l;

	TAILQ_FOREACH(s, &rt->services, link)
		TAILQ_FOREACH(l, &s->listeners, link)
			if (!listener_is_bound(l) && l->role.endpoint != NULL)
				listener_open_or_retry(l);
}

static void
settle(struct runtime *rt)
{
	struct service *s;

	rt->is_restoring = false;
	TAILQ_FOREACH(s, &rt->services, link) {
		door_recount(s);
		if (!s->is_gone)
			service_settle(s);
	}
	reap(rt, 0);
	services_release_full(rt);
}

void
restore_finish(struct restore *r)
{
	make_tables(r);
	restore_pipes(r);
	match(r);
	restore_services(r);
	restore_partings(r);
	handed_close_unclaimed();
	open_missing(r->rt);
	settle(r->rt);
	map_free(r->services);
	map_free(r->places);
	free(r->found);
	free(r->listeners);
	free(r->pipes);
	free(r->servers);
	free(r->handed);
	free(r->off);
	free(r);
}
