/* SPDX-License-Identifier: MIT */
/*
 * What the thread works on is its own: the settings that decide about a load are not changed as long as the daemon runs, what may change
 * meanwhile is copied before, and of the configuration before, which is only looked at, a reference is held. What is looked up
 * by name is asked of a process (conf/names.h), so that the thread hangs nowhere but in a file system.
 *
 * The thread says nothing in the log. It shares these with the loop: counts of references to sets of addresses, the numbers
 * of configurations, the names of sockets that were handed over, and the heap, each of them made for that.
 */
#include "control/loading.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/mem.h"
#include "conf/names.h"
#include "control/command.h"
#include "control/daemon.h"
#include "control/live.h"
#include "control/notify.h"
#include "control/reload.h"
#include "control/self.h"
#include "control/side.h"
#include "loop/beside.h"
#include "reload/same.h"
#include "run/address_files.h"

struct load_ask {
	enum load_kind kind;
	uint64_t client;
	char *service;
	char *
	    forced; /* the id that is on from now on for his sake; NULL: it was before, or it is none */
	TAILQ_ENTRY(load_ask) link;
};

/* A load that goes on. */
struct loading {
	struct daemon *daemon;
	struct beside *beside;
	struct load_asks asks; /* whom it is for */
	bool is_given_up;
	/* For the thread. */
	struct load_options options;
	struct lookup lookup;
	struct strings forced;
	struct address_snapshot *known;
	struct config *before;
	int wire[2];
	/* From the thread. */
	struct config *config;
	struct problems problems;
	struct same *same;
	bool lacks_names, is_backlog_same;
};

/* net.core.somaxconn at the latest load: what the queues of our sockets were made with. */
static int longest_backlog;

static void begin(struct daemon *d);

/* ---- beside the loop ---- */

/* Sockets get their queues anew where the kernel allows others now, be their settings the same or not. */
static void
compare(struct loading *l)
{
	int longest = l->lookup.longest_backlog();

	if (longest == longest_backlog)
		l->same = same_find(l->before, l->config);
	longest_backlog = longest;
}

static void
load(void *arg)
{
	struct loading *l = arg;
	const struct daemon *d = l->daemon;
	struct names *names = names_start(l->wire, d->options.self->binary, &l->lookup);

	l->config = config_load(d->options.config_path, &l->options, &l->problems);
	l->lacks_names = names_have_failed(names);
	names_end(names);
	if (!l->lacks_names)
		compare(l);
}

/* ---- who has asked ---- */

static void
free_ask(struct load_ask *a)
{
	free(a->service);
	free(a->forced);
	free(a);
}

static bool
has_reload(const struct load_asks *asks)
{
	const struct load_ask *a;

	TAILQ_FOREACH(a, asks, link)
		if (a->kind == LOAD_RELOAD)
			return true;
	return false;
}

static bool
refuse_all(struct daemon *d, struct load_asks *asks, const char *code, const char *why)
{
	bool has = has_reload(asks);
	struct load_ask *a;

	while ((a = TAILQ_FIRST(asks)) != NULL) {
		struct client_conn *c = a->client != 0 ? client_find(d, a->client) : NULL;

		TAILQ_REMOVE(asks, a, link);
		if (a->forced != NULL)
			live_unforce(d, a->forced);
		if (c != NULL)
			client_fail(c, code, NULL, why);
		free_ask(a);
	}
	return has;
}

static void
answer(struct daemon *d, struct load_ask *a, struct reload_result *result)
{
	static json_t *(*const answers[])(struct request *, const struct reload_result *) = {
		[LOAD_RELOAD] = live_reloaded, [LOAD_SERVE] = live_served
	};
	struct request r = { .daemon = d, .client = client_find(d, a->client), .fds = { -1, -1 } };
	json_t *args, *said;

	if (a->kind == LOAD_RELOAD && r.client == NULL)
		return;
	args = json_object();
	if (a->service != NULL)
		json_object_set_new(args, "service", json_string(a->service));
	r.args = args;
	said = answers[a->kind](&r, result);
	if (said == NULL && a->forced != NULL && !live_is_served(d, a->forced))
		live_unforce(d, a->forced);
	if (said != NULL && r.client != NULL)
		client_answer(r.client, said);
	else
		json_decref(said);
	json_decref(args);
}

/* Kind by kind. */
static void
answer_all(struct loading *l, struct reload_result *result)
{
	struct load_ask *a;

	for (enum load_kind kind = 0; kind < LOAD_KIND_MAX; kind++)
		TAILQ_FOREACH(a, &l->asks, link)
			if (a->kind == kind)
				answer(l->daemon, a, result);
	while ((a = TAILQ_FIRST(&l->asks)) != NULL) {
		TAILQ_REMOVE(&l->asks, a, link);
		free_ask(a);
	}
}

/* ---- in the loop ---- */

static void
free_loading(struct loading *l)
{
	close(l->wire[0]);
	address_snapshot_free(l->known);
	strings_done(&l->forced);
	same_free(l->same);
	config_unref(l->before);
	free(l);
}

static void
finish(struct loading *l)
{
	struct daemon *d = l->daemon;
	struct reload_result result = { .config = l->config, .problems = l->problems };

	if (l->lacks_names)
		result.refusal =
		    "the process that looks up users and hosts could not be started, or has ended";
	if (has_reload(&l->asks))
		daemon_finish_reload(d, &result, l->same);
	else if (result.refusal == NULL)
		result.refusal = reload_refusal(&result.problems);
	answer_all(l, &result);
	reload_result_done(&result);
}

/* Somebody has switched off meanwhile what was loaded as switched on. */
static bool
is_outdated(const struct loading *l)
{
	return !strings_equal(&l->forced, &l->daemon->forced);
}

/* For the next load: nobody else has asked as early. */
static void
ask_again(struct loading *l)
{
	struct load_ask *a;

	while ((a = TAILQ_LAST(&l->asks, load_asks)) != NULL) {
		TAILQ_REMOVE(&l->asks, a, link);
		TAILQ_INSERT_HEAD(&l->daemon->load_asks, a, link);
	}
	config_unref(l->config);
	problems_done(&l->problems);
}

static void
on_loaded(void *arg)
{
	struct loading *l = arg;
	struct daemon *d = l->daemon;

	d->loading = NULL;
	if (l->is_given_up || is_outdated(l))
		ask_again(l);
	else
		finish(l);
	free_loading(l);
	if (!TAILQ_EMPTY(&d->load_asks))
		begin(d);
	if (d->is_reloading && d->loading == NULL)
		notify_send("READY=1");
	d->is_reloading = d->is_reloading && d->loading != NULL;
	if (d->loading == NULL)
		side_go_on(d);
}

/* What it is to find switched on: the service is named by its id, or by its id and an address. */
static void
force(struct daemon *d, struct load_ask *a)
{
	const char *id = a->kind == LOAD_SERVE ? live_disabled_id(d, a->service) : NULL;

	if (id == NULL || a->forced != NULL)
		return;
	strings_add(&d->forced, id);
	a->forced = mem_dup(id);
}

/* The end that is kept lies above those that programs get. -1: there is none to be had, and whoever asks fails. */
static void
open_wire(int wire[2])
{
	int high;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wire) < 0) {
		wire[0] = wire[1] = -1;
		return;
	}
	high = descriptor_high(wire[0]);
	if (high >= 0)
		wire[0] = high;
}

static void
begin(struct daemon *d)
{
	struct loading *l = mem_alloc(sizeof(*l));
	struct load_ask *a;

	l->daemon = d;
	TAILQ_INIT(&l->asks);
	while ((a = TAILQ_FIRST(&d->load_asks)) != NULL) {
		force(d, a);
		TAILQ_REMOVE(&d->load_asks, a, link);
		TAILQ_INSERT_TAIL(&l->asks, a, link);
	}
	strings_copy(&l->forced, &d->forced);
	l->known = address_snapshot_new(d->runtime.files);
	l->before = config_ref(d->config);
	l->lookup = *d->options.load.lookup;
	l->options = d->options.load;
	l->options.lookup = &l->lookup;
	l->options.forced = &l->forced;
	l->options.known_set = address_snapshot_find;
	l->options.known_arg = l->known;
	open_wire(l->wire);
	d->loading = l;
	l->beside = beside_start(d->loop, load, on_loaded, l);
}

void
loading_init(struct daemon *d)
{
	TAILQ_INIT(&d->load_asks);
	longest_backlog = d->options.load.lookup->longest_backlog();
}

void
loading_ask(struct daemon *d, enum load_kind kind, uint64_t client, const char *service)
{
	struct load_ask *a = mem_alloc(sizeof(*a));

	a->kind = kind;
	a->client = client;
	a->service = service != NULL ? mem_dup(service) : NULL;
	TAILQ_INSERT_TAIL(&d->load_asks, a, link);
	if (kind == LOAD_RELOAD) {
		notify_reloading();
		d->is_reloading = true;
		/* Who has renamed a log wants another file now, whatever the load takes. */
		sink_reopen_all();
	}
	if (d->loading == NULL)
		begin(d);
}

bool
loading_give_up(struct daemon *d, const char *code, const char *why)
{
	bool has = refuse_all(d, &d->load_asks, code, why);

	if (d->loading != NULL) {
		has = refuse_all(d, &d->loading->asks, code, why) || has;
		d->loading->is_given_up = true;
		/* Whatever it waits for to be looked up. */
		shutdown(d->loading->wire[0], SHUT_RDWR);
	}
	if (has)
		log_warn("event=reload-given-up reason=\"%s\"", why);
	d->is_reloading = false;
	return has;
}

void
loading_end(struct daemon *d)
{
	loading_give_up(d, "stopping", "the daemon is stopping");
	if (d->loading != NULL)
		beside_finish(d->loading->beside);
}

bool
loading_runs(const struct daemon *d)
{
	return d->loading != NULL;
}
