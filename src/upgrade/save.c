/* SPDX-License-Identifier: MIT */
#include "upgrade/save.h"

#include <unistd.h>

#include "base/array.h"
#include "net/drain.h"
#include "net/inherit.h"
#include "policy/ban.h"
#include "run/dialog.h"
#include "run/door.h"
#include "run/fingerprint.h"
#include "run/leftover.h"
#include "run/lobby.h"
#include "run/mux.h"
#include "run/pool.h"
#include "run/service.h"
#include "run/stderr_log.h"
#include "upgrade/kept.h"

static struct kept_client
client_of(const struct connection *c, unsigned tries)
{
	return (struct kept_client){
		.fd = c->fd, .peer = c->peer, .local = c->local, .id = c->id, .tries = tries
	};
}

static json_t *
save_listener(const struct servers *servers, const struct listener *l)
{
	struct kept_client pending = { .fd = -1 };
	const struct kept_listener kept = {
		.key = l->key,
		.fd = l->io.fd,
		.owner = l->owner != NULL ? (int)servers_slot(servers, l->owner) : -1,
		.is_shared = l->is_shared,
		.dev = l->file.dev,
		.ino = l->file.ino,
		.bound = *listener_bound(l),
		.pending = l->pending != NULL ? &pending : NULL,
		.tries = l->tries,
	};

	if (l->pending != NULL)
		pending = client_of(l->pending, l->tries);
	return record_write(&kept_listener_record, &kept);
}

/* Where one that is switched off would listen: that tells it from others of its name. */
static json_t *
save_place(const struct endpoint *e)
{
	const struct kept_listener kept = { .key = e->key, .fd = -1, .owner = -1 };

	return record_write(&kept_listener_record, &kept);
}

static json_t *
save_listeners(const struct service *s)
{
	json_t *j = json_array();
	const struct listener *l;

	TAILQ_FOREACH(l, &s->listeners, link)
		json_array_append_new(j, save_listener(s->runtime->servers, l));
	for (size_t i = 0; s->is_off && i < s->conf->endpoint_count; i++)
		json_array_append_new(j, save_place(&s->conf->endpoints[i]));
	return j;
}

static json_t *
save_servers(const struct service *s)
{
	json_t *j = json_array();
	const struct server *server;

	LIST_FOREACH(server, &s->servers, in_service) {
		struct addr local = { 0 };
		const int dialog_fd = dialog_of(server, &local);
		const struct kept_server kept = {
			.slot = (int)servers_slot(s->runtime->servers, server),
			.pid = server->pid,
			.peer = server->peer,
			.connection = server->connection,
			.queue_mark = server->queue_mark,
			.started_ms = server->started_ms,
			.deadline_ms = server->deadline_ms,
			.linger_ms = server->linger_ms,
			.is_timed_out = server->is_timed_out,
			.kept_fd = server->kept_fd != 0 ? server->kept_fd : -1,
			.dialog_fd = dialog_fd,
			.dialog_local = local,
			.asker = server->asker,
		};

		/* Each is put in front of the others when it comes back. */
		json_array_insert_new(j, 0, record_write(&kept_server_record, &kept));
	}
	return j;
}

static json_t *
save_worker(const struct worker *w)
{
	const struct servers *servers = w->server->service->runtime->servers;
	const struct kept_worker kept = {
		.slot = (int)servers_slot(servers, w->server),
		.channel_fd = w->channel.fd,
		.pipe = w->log != NULL ? stderr_log_fd(w->log) : -1,
		.left_unread = w->channel.left_unread,
		.looks_first = w->channel.looks_first,
		.brought_descriptors = w->channel.brought_descriptors,
		.kind = (int)w->kind,
		.protocol = (int)w->protocol,
		.state = (int)w->state,
		.end = (int)w->end,
		.accepts = w->accepts,
		.is_outdated = w->is_outdated,
		.is_dismissed = w->is_dismissed,
		.has_taken = w->has_taken,
		.served = w->served,
		.most = w->most,
		.strays = w->strays,
		.client = client_of(&w->client.c, w->client.tries),
		.next = client_of(&w->next.c, w->next.tries),
		.late_ms = w->late_ms,
		.since_ms = w->since_ms,
		.busy_ms = w->busy_ms,
		.end_ms = w->end_ms,
	};

	return record_write(&kept_worker_record, &kept);
}

static json_t *
save_workers(const struct pool *p)
{
	json_t *j = json_array();
	const struct worker *w;

	for (size_t i = 0; i < ARRAY_LEN(p->workers); i++)
		TAILQ_FOREACH(w, &p->workers[i], link)
			json_array_append_new(j, save_worker(w));
	TAILQ_FOREACH(w, &p->leaving, link)
		json_array_append_new(j, save_worker(w));
	return j;
}

static json_t *
save_waiting(const struct pool *p)
{
	json_t *j = json_array();
	const struct client *waiting;

	TAILQ_FOREACH(waiting, &p->waiting, link) {
		struct kept_client kept = client_of(&waiting->c, waiting->tries);

		json_array_append_new(j, record_write(&kept_client_record, &kept));
	}
	return j;
}

static json_t *
save_shared(const struct pool *p)
{
	json_t *j = json_array();

	for (size_t i = 0; i < p->shared_count; i++) {
		const struct kept_number inode = { p->shared[i] };

		json_array_append_new(j, record_write(&kept_number_record, &inode));
	}
	return j;
}

static void
save_asker(const struct mux_waiting *w, void *arg)
{
	const struct kept_muxed kept = {
		.client = client_of(&w->c, 0),
		.line = { w->line, w->len },
		.due_ms = w->due_ms,
	};

	json_array_append_new(arg, record_write(&kept_muxed_record, &kept));
}

static json_t *
save_muxed(const struct service *s)
{
	json_t *j = json_array();

	mux_each(s, save_asker, j);
	return j;
}

static void
save_guest(const struct lobby_guest *g, void *arg)
{
	const struct kept_guest kept = {
		.client = client_of(&g->c, 0),
		.text = { g->text, g->len },
		.due_ms = g->due_ms,
	};

	json_array_append_new(arg, record_write(&kept_guest_record, &kept));
}

static json_t *
save_guests(const struct service *s)
{
	json_t *j = json_array();

	lobby_each(s, save_guest, j);
	return j;
}

static struct kept_door
save_door(const struct door *d)
{
	return (struct kept_door){
		.cps_per_second = d->cps_rule.per_second,
		.cps_pause_s = d->cps_rule.pause_s,
		.cps_count = d->cps.count,
		.cps_window_ms = d->cps.window_ms,
		.cps_until_ms = d->cps.until_ms,
		.rate_count = d->rate_rule.count,
		.rate_burst = d->rate_rule.burst,
		.rate_period_ms = d->rate_rule.period_ms,
		.rate_full_ns = d->rate.full_ns,
	};
}

static json_t *
save_service(const struct service *s)
{
	const struct pool *p = s->pool;
	struct kept_pool pool;
	struct kept_door door;
	struct kept_service kept = {
		.id = s->conf->id,
		.is_off = s->is_off,
		.is_gone = s->is_gone,
		.counters = s->counters,
		.conf = s->running > 0 ? s->conf : NULL,
		.listeners.json = save_listeners(s),
		.servers.json = save_servers(s),
		.muxed.json = save_muxed(s),
		.guests.json = save_guests(s),
	};

	if (s->door != NULL) {
		door = save_door(s->door);
		kept.door = &door;
	}
	if (p != NULL) {
		pool = (struct kept_pool){
			.counters = p->counters,
			.pace = p->pace,
			.sends_bytes = p->sends_bytes,
			.fingerprint = fingerprint(s),
			.shared.json = save_shared(p),
			.workers.json = save_workers(p),
			.waiting.json = save_waiting(p),
		};
		kept.pool = &pool;
	}
	return record_write(&kept_service_record, &kept);
}

static json_t *
save_services(const struct runtime *rt)
{
	json_t *j = json_array();
	const struct service *s;

	TAILQ_FOREACH(s, &rt->services, link)
		json_array_append_new(j, save_service(s));
	return j;
}

static void
save_pipe(const struct stderr_log_state *state, void *arg)
{
	const struct kept_pipe kept = {
		.fd = state->fd,
		.id = state->id,
		.connection = state->connection,
		.pid = state->pid,
		.line = { state->line, state->len },
	};

	json_array_append_new(arg, record_write(&kept_pipe_record, &kept));
}

static void
save_inherited(const struct inherited_socket *socket, void *arg)
{
	const struct kept_inherited kept = {
		.fd = socket->fd,
		.name = socket->name,
		.type = socket->type,
		.addr = socket->addr,
	};

	json_array_append_new(arg, record_write(&kept_inherited_record, &kept));
}

static json_t *
save_bans(const struct bans *bans)
{
	json_t *j = json_array();
	struct ban ban;
	unsigned at = 0;

	while (bans != NULL && bans_next(bans, &at, &ban)) {
		char text[ADDR_TEXT_SIZE + 4];
		const struct kept_ban kept = {
			.address = ban_format(&ban, text),
			.until_ms = ban.until_ms,
			.hits = ban.hits,
		};

		json_array_append_new(j, record_write(&kept_ban_record, &kept));
	}
	return j;
}

static void
save_leftover(const struct leftover *rest, void *arg)
{
	const struct kept_leftover kept = {
		.pgid = rest->pgid,
		.fd = rest->fd != 0 ? rest->fd : -1,
		.linger_ms = rest->linger_ms,
		.kill_ms = rest->kill_ms,
	};

	json_array_append_new(arg, record_write(&kept_leftover_record, &kept));
}

static void
save_drain(const struct drain_state *state, void *arg)
{
	const struct kept_drain kept = {
		.fd = state->fd,
		.text = { state->text, state->len },
		.due_ms = state->due_ms,
	};

	json_array_append_new(arg, record_write(&kept_drain_record, &kept));
}

static struct kept_runtime
save_runtime(const struct runtime *rt)
{
	struct kept_runtime kept = {
		.connections = rt->connections,
		.serials = rt->serials,
		.past = rt->past,
		.services.json = save_services(rt),
		.pipes.json = json_array(),
		.inherited.json = json_array(),
		.bans.json = save_bans(rt->bans),
		.leftovers.json = json_array(),
		.drains.json = json_array(),
	};

	kept.faults.fd = servers_faults_fd(rt->servers, &kept.faults.most);
	stderr_log_each(save_pipe, kept.pipes.json);
	inherit_each(save_inherited, kept.inherited.json);
	leftovers_each(rt->leftovers, save_leftover, kept.leftovers.json);
	drains_each(rt->drains, save_drain, kept.drains.json);
	return kept;
}

json_t *
save_state(const struct runtime *rt, const struct save_parts *parts)
{
	const struct kept kept = {
		.format = KEPT_FORMAT,
		.pid = getpid(),
		.version = VERSION,
		.origin = { .files_soft = rt->origin.nofile.rlim_cur,
		    .files_hard = rt->origin.nofile.rlim_max,
		    .umask = (int)rt->origin.umask },
		.runtime = save_runtime(rt),
		.daemon = parts->daemon,
		.control = parts->control,
		.journal = parts->journal,
	};
	json_t *state = record_write(&kept_record, &kept);

	json_decref(parts->daemon);
	json_decref(parts->control);
	json_decref(parts->journal);
	return state;
}
