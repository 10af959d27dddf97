/* SPDX-License-Identifier: MIT */
#include "control/daemon.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/mem.h"
#include "control/arrival.h"
#include "control/control.h"
#include "control/dispose.h"
#include "control/notify.h"
#include "control/pidfile.h"
#include "control/reload.h"
#include "control/side.h"
#include "control/state.h"
#include "control/stop.h"
#include "control/upgrade.h"
#include "net/inherit.h"
#include "reload/apply.h"
#include "run/accept.h"
#include "run/address_files.h"
#include "run/services.h"
#include "upgrade/restore.h"

/* The latest log lines, for whoever asks for them. */
#define JOURNAL_BYTES (128u << 10)

static void on_hup(
    void *arg, pid_t from); /* reload, all or nothing: a text with errors changes nothing */
static void on_term(void *arg,
    pid_t from); /* no new clients, programs are asked to end; a second one kills at once */
static void on_quit(void *arg, pid_t from); /* ends the daemon and leaves its programs */

static void
on_usr1(void *arg, pid_t from)
{
	struct daemon *d = arg;

	(void)from;
	state_write(d, d->options.dump_path);
}

static void
on_usr2(void *arg, pid_t from)
{
	(void)from;
	upgrade_begin(arg, 0);
}

static void
on_child(void *arg, pid_t from)
{
	struct daemon *d = arg;

	reap(&d->runtime, from);
	side_reap(d);
}

/* xinetd's check of its own data. */
static void
on_check(void *arg, pid_t from)
{
	(void)from;
	(void)arg;
	log_info("event=signal-ignored signal=IOT reason=\"there is nothing to check\"");
}

static const struct signal_row porterd_rows[] = {
	{ SIGHUP, on_hup },
	{ SIGTERM, on_term },
	{ SIGINT, on_term },
	{ SIGQUIT, on_quit },
	{ SIGUSR1, on_usr1 },
	{ SIGUSR2, on_usr2 },
	{ SIGCHLD, on_child },
};

/* As its manual says; an upgrade is asked for by porterctl. */
static const struct signal_row xinetd_rows[] = {
	{ SIGHUP, on_hup },
	{ SIGUSR2, on_hup },
	{ SIGUSR1, on_usr1 },
	{ SIGTERM, on_term },
	{ SIGINT, on_term },
	{ SIGQUIT, on_quit },
	{ SIGIOT, on_check },
	{ SIGCHLD, on_child },
};

/* An inetd that ends leaves its programs, which is how it is started anew without cutting anybody off. */
static const struct signal_row inetd_rows[] = {
	{ SIGHUP, on_hup },
	{ SIGTERM, on_quit },
	{ SIGINT, on_term },
	{ SIGQUIT, on_quit },
	{ SIGUSR1, on_usr1 },
	{ SIGUSR2, on_usr2 },
	{ SIGCHLD, on_child },
};

static const struct {
	const struct signal_row *rows;
	size_t count;
} manners[] = {
	[DAEMON_PORTERD] = { porterd_rows, ARRAY_LEN(porterd_rows) },
	[DAEMON_XINETD] = { xinetd_rows, ARRAY_LEN(xinetd_rows) },
	[DAEMON_INETD] = { inetd_rows, ARRAY_LEN(inetd_rows) },
};

_Static_assert(ARRAY_LEN(manners) == DAEMON_MANNER_MAX, "every manner has its signals");

static unsigned
count_enabled(const struct config *config)
{
	unsigned n = 0;

	for (size_t i = 0; i < config->count; i++)
		n += config->services[i]->state != CONF_DISABLED;
	return n;
}

/* True if the daemon may go on with what could be started. */
static bool
is_worth_starting(
    const struct daemon *d, const struct apply_result *r, const struct problems *problems)
{
	const struct config *config = d->config;

	/* An address or device may appear yet. */
	if (r->listening > 0 || d->runtime.network != NULL)
		return true;
	if (count_enabled(config) == 0 && d->options.needs_services) {
		log_error("event=start-refused reason=\"no services; -stayalive goes on without\"");
		return false;
	}
	if (count_enabled(config) > 0) {
		log_error("event=start-refused services=%u reason=\"none of them can be served\"",
		    count_enabled(config));
		return false;
	}
	if (problems->text_errors > 0)
		log_error(
		    "event=start-refused reason=\"no service is left after the errors above\"");
	return problems->text_errors == 0;
}

void
daemon_open_control(struct daemon *d)
{
	const struct global_conf *g = &d->config->global;
	const struct control_access access = {
		.mode = g->control_mode, .owner = g->control_uid, .group = g->control_gid
	};

	const struct arrival *a = d->options.arrival;

	if (d->control != NULL)
		control_set_access(d->control, &access);
	else if (a != NULL && a->kept.control != NULL)
		d->control = control_restore(d, a->kept.control, &access);
	else if (d->options.control_path != NULL)
		d->control = control_open(d, d->options.control_path, &access);
}

/* Those of the configuration; in place of another daemon, with what it has left. */
static struct apply_result
open_services(struct daemon *d)
{
	const struct arrival *a = d->options.arrival;
	struct restore *restore = a != NULL ? restore_begin(&d->runtime, &a->kept.runtime) : NULL;
	struct apply_result r = apply_config(&d->runtime, d->config, NULL);

	inherit_close_unclaimed();
	if (restore != NULL)
		restore_finish(restore);
	return r;
}

/* It serves. */
static void
say_ready(struct daemon *d, const struct apply_result *r)
{
	if (d->options.arrival != NULL)
		arrival_finish(d->options.arrival, d);
	else
		log_info("event=ready services=%u listeners=%u unbound=%u config=%s", r->services,
		    r->listening, r->unbound, d->options.config_path);
	d->options.arrival = NULL;
}

int
daemon_start(struct daemon *d, const struct daemon_options *options, const struct origin *origin)
{
	static const struct sink_target terminal = { .kind = SINK_STDERR, .is_set = true };
	struct problems problems = { 0 };
	struct apply_result r;
	bool is_worth;

	*d = (struct daemon){
		.options = *options, .started_ms = clock_now_ms(), .started = clock_wall()
	};
	loading_init(d);
	journal_open(JOURNAL_BYTES);
	if (options->arrival != NULL)
		arrival_restore_daemon(options->arrival, d);
	d->loop = loop_new();
	runtime_init(&d->runtime, d->loop, &accept_handler, origin);
	d->runtime.files = address_files_new(d->loop, &d->options.load.trust);
	d->terminal = sink_open(&terminal);
	d->runtime.terminal = options->is_foreground ? d->terminal : NULL;
	if (!options->is_foreground)
		log_set_second_level(
		    LOG_LEVEL_WARN); /* who starts it wants to know what is wrong */
	d->signals =
	    signals_open(d->loop, manners[options->manner].rows, manners[options->manner].count, d);
	if (d->signals == NULL)
		log_fatal("event=start-refused reason=\"no signal descriptor\"");
	dispose_begin(d->loop);
	daemon_take_config(d, daemon_load(d, &problems));
	daemon_open_logs(d, d->config);
	daemon_say_problems(d, &problems, options->arrival == NULL);
	runtime_set_max_servers(&d->runtime, d->config->global.max_servers);
	r = open_services(d);
	is_worth = options->arrival != NULL || is_worth_starting(d, &r, &problems);
	problems_done(&problems);
	if (!is_worth)
		return -1;
	config_forget_texts(d->config);
	mem_trim();
	daemon_open_control(d);
	say_ready(d, &r);
	return 0;
}

void
daemon_leave_terminal(struct daemon *d)
{
	log_set_sinks(d->log_sink, NULL);
	sink_close(d->terminal);
	d->terminal = NULL;
}

void
daemon_run(struct daemon *d)
{
	notify_send("READY=1");
	loop_run(d->loop);
}

void
daemon_done(struct daemon *d)
{
	upgrade_give_up(d);
	loading_end(d);
	side_end(d);
	dispose_end();
	services_free(&d->runtime);
	runtime_done(&d->runtime);
	log_info("event=stopped");
	control_leave(d->control); /* another daemon may take both places now */
	pidfile_remove(d->options.pidfile);
	control_close(d->control);
	journal_close();
	signals_close(d->signals); /* until here no signal could end what was half undone */
	loop_free(d->loop);
	config_unref(d->config);
	free(d->reload_refusal);
	strings_done(&d->forced);
	log_set_sinks(NULL, NULL);
	sink_close(d->runtime.activity);
	sink_close(d->log_sink);
	sink_close(d->terminal);
}

static void
on_hup(void *arg, pid_t from)
{
	struct daemon *d = arg;

	(void)from;
	if (!d->runtime.is_stopping)
		loading_ask(d, LOAD_RELOAD, 0, NULL);
}

static void
on_term(void *arg, pid_t from)
{
	struct daemon *d = arg;

	(void)from;
	if (d->runtime.is_stopping) {
		stop_kill_all(d);
		return;
	}
	notify_send("STOPPING=1");
	stop_begin(d);
}

static void
on_quit(void *arg, pid_t from)
{
	struct daemon *d = arg;

	(void)from;
	notify_send("STOPPING=1");
	log_info(
	    "event=quit programs=%u reason=\"they go on without the daemon\"", d->runtime.running);
	loop_stop(d->loop);
}
