/* SPDX-License-Identifier: MIT */
#include "control/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quote.h"
#include "control/apply.h"
#include "control/notify.h"
#include "control/pidfile.h"
#include "control/state.h"
#include "control/stop.h"
#include "run/accept.h"
#include "run/inherit.h"
#include "run/services.h"

static void on_hup(void *arg); /* reload, all or nothing: a text with errors changes nothing */
static void on_term(
    void *arg); /* no new clients, programs are asked to end; a second one kills at once */
static void on_quit(void *arg); /* ends the daemon and leaves its programs */

static void
on_usr1(void *arg)
{
	struct daemon *d = arg;

	state_write(d, d->options.dump_path);
}

static void
on_child(void *arg)
{
	struct daemon *d = arg;

	services_reap(&d->runtime);
}

static const struct signal_row signal_rows[] = {
	{ SIGHUP, on_hup },
	{ SIGTERM, on_term },
	{ SIGINT, on_term },
	{ SIGQUIT, on_quit },
	{ SIGUSR1, on_usr1 },
	{ SIGCHLD, on_child },
};

static void
log_problem(const struct problem *p)
{
	static const struct {
		const char *word;
		void (*log)(const char *format, ...) __attribute__((format(printf, 1, 2)));
	} severities[] = {
		[SEVERITY_NOTE] = { "note", log_info },
		[SEVERITY_WARNING] = { "warning", log_warn },
		[SEVERITY_ERROR] = { "error", log_error },
	};

	char place[512], text[2048];

	place_format(&p->place, place, sizeof(place));
	severities[p->severity].log("event=config severity=%s place=\"%s\" text=%s",
	    severities[p->severity].word, place, quote_text(p->text, text, sizeof(text)));
}

/* A person who starts the daemon gets lines with carets, the log one line a problem. */
static void
say_problems(struct daemon *d, const struct problems *problems, bool is_start)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *p = &problems->item[i];
		bool is_shown = is_start && d->terminal != NULL && p->severity != SEVERITY_NOTE;

		if (is_shown)
			problem_print(p, stderr);
		if (is_shown && d->log_sink == NULL)
			continue;
		log_set_sinks(d->log_sink, is_shown ? NULL : d->terminal);
		log_problem(p);
	}
	log_set_sinks(d->log_sink, d->terminal);
}

/* Where nothing else is said, messages of a daemon in the background go to the system log. */
static struct sink *
open_sink(const struct daemon *d, const struct sink_target *target)
{
	static const struct sink_target fallback = {
		.kind = SINK_SYSLOG, .is_set = true, .facility = LOG_DAEMON, .level = LOG_INFO
	};

	if (target->is_set)
		return target->kind == SINK_NONE ? NULL : sink_open(target);
	return d->options.is_foreground ? NULL : sink_open(&fallback);
}

static void
open_logs(struct daemon *d, const struct config *config)
{
	struct sink *old_log = d->log_sink, *old_activity = d->runtime.activity;

	d->log_sink = open_sink(d, &config->global.daemon_log);
	d->runtime.activity = open_sink(d, &config->defaults.log_type);
	log_set_sinks(d->log_sink, d->terminal);
	sink_close(old_log);
	sink_close(old_activity);
}

static void
take_config(struct daemon *d, struct config *config)
{
	config_unref(d->config);
	d->config = config;
	d->loaded = clock_wall();
}

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
    const struct config *config, const struct apply_result *r, const struct problems *problems)
{
	if (r->listening > 0)
		return true;
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
	d->loop = loop_new();
	runtime_init(&d->runtime, d->loop, &accept_handler, origin);
	d->terminal = sink_open(&terminal);
	d->runtime.terminal = options->is_foreground ? d->terminal : NULL;
	if (!options->is_foreground)
		log_set_second_level(
		    LOG_LEVEL_WARN); /* who starts it wants to know what is wrong */
	d->signals = signals_open(d->loop, signal_rows, ARRAY_LEN(signal_rows), d);
	if (d->signals == NULL)
		log_fatal("event=start-refused reason=\"no signal descriptor\"");
	take_config(d, config_load(options->config_path, &options->load, &problems));
	open_logs(d, d->config);
	say_problems(d, &problems, true);
	runtime_set_max_servers(&d->runtime, d->config->global.max_servers);
	r = apply_config(&d->runtime, d->config);
	inherit_close_unclaimed();
	is_worth = is_worth_starting(d->config, &r, &problems);
	problems_done(&problems);
	if (!is_worth)
		return -1;
	log_info("event=ready services=%u listeners=%u unbound=%u config=%s", r.services,
	    r.listening, r.unbound, options->config_path);
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
	services_free(&d->runtime);
	runtime_done(&d->runtime);
	log_info("event=stopped");
	pidfile_remove(d->options.pidfile);
	signals_close(d->signals); /* until here no signal could end what was half undone */
	loop_free(d->loop);
	config_unref(d->config);
	log_set_sinks(NULL, NULL);
	sink_close(d->runtime.activity);
	sink_close(d->log_sink);
	sink_close(d->terminal);
}

/* A directory of services that is missing is a warning at the start, as in xinetd; at a reload it would close them all. */
static bool
is_part_missing(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		if (problems->item[i].severity == SEVERITY_WARNING &&
		    problems->item[i].cause == CAUSE_SURROUNDINGS)
			return true;
	return false;
}

static void
refuse_reload(struct daemon *d, struct config *config, const struct problems *problems)
{
	d->refused_reloads++;
	log_error("event=reload-refused errors=%zu reason=\"%s; nothing was changed\"",
	    problems->by_severity[SEVERITY_ERROR],
	    problems->text_errors > 0 ? "the text has errors" : "a part of it is missing");
	config_unref(config);
}

static void
on_hup(void *arg)
{
	struct daemon *d = arg;
	struct problems problems = { 0 };
	struct config *config;
	struct apply_result r;

	if (d->runtime.is_stopping)
		return;
	notify_reloading();
	sink_reopen_all();
	config = config_load(d->options.config_path, &d->options.load, &problems);
	say_problems(d, &problems, false);
	if (problems.text_errors > 0 || is_part_missing(&problems))
		refuse_reload(d, config, &problems);
	else {
		d->reloads++;
		open_logs(d, config);
		runtime_set_max_servers(&d->runtime, config->global.max_servers);
		r = apply_config(&d->runtime, config);
		services_release_full(&d->runtime);
		take_config(d, config);
		log_info("event=reload-done services=%u listeners=%u unbound=%u kept=%u",
		    r.services, r.listening, r.unbound, r.kept);
	}
	problems_done(&problems);
	notify_send("READY=1");
}

static void
on_term(void *arg)
{
	struct daemon *d = arg;

	if (d->runtime.is_stopping) {
		stop_kill_all(d);
		return;
	}
	notify_send("STOPPING=1");
	stop_begin(d);
}

static void
on_quit(void *arg)
{
	struct daemon *d = arg;

	notify_send("STOPPING=1");
	log_info(
	    "event=quit programs=%u reason=\"they go on without the daemon\"", d->runtime.running);
	loop_stop(d->loop);
}
