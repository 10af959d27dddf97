/* SPDX-License-Identifier: MIT */
#include "control/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quote.h"
#include "conf/names.h"
#include "control/daemon.h"
#include "launch/start.h"
#include "run/address_files.h"
#include "run/services.h"

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

void
daemon_say_problems(struct daemon *d, const struct problems *problems, bool is_start)
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

void
daemon_open_logs(struct daemon *d, const struct config *config)
{
	struct sink *old_log = d->log_sink, *old_activity = d->runtime.activity;

	d->log_sink = open_sink(d, &config->global.daemon_log);
	d->runtime.activity = open_sink(d, &config->defaults.log_type);
	log_set_sinks(d->log_sink, d->terminal);
	log_set_format(config->global.daemon_log_format);
	sink_close(old_log);
	sink_close(old_activity);
}

void
daemon_take_config(struct daemon *d, struct config *config)
{
	config_unref(d->config);
	d->config = config;
	d->loaded = clock_wall();
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

const char *
reload_refusal(const struct problems *problems)
{
	if (problems->text_errors > 0)
		return "the text has errors";
	return is_part_missing(problems) ? "a part of it is missing" : NULL;
}

struct config *
daemon_load(struct daemon *d, struct problems *problems)
{
	struct load_options options = d->options.load;

	struct lookup lookup = *options.lookup;
	struct names *names = names_start_here(&lookup);
	struct address_snapshot *known = address_snapshot_new(d->runtime.files);
	struct config *config;

	options.lookup = &lookup;
	options.forced = &d->forced;
	options.known_set = address_snapshot_find;
	options.known_arg = known;
	config = config_load(d->options.config_path, &options, problems);
	address_snapshot_free(known);
	names_end(names);
	return config;
}

static void
set_refusal(struct daemon *d, const char *why)
{
	free(d->reload_refusal);
	d->reload_refusal = why != NULL ? mem_dup(why) : NULL;
}

static void
refuse_reload(struct daemon *d, const struct reload_result *result)
{
	d->refused_reloads++;
	set_refusal(d, result->refusal);
	log_error("event=reload-refused errors=%zu reason=\"%s; nothing was changed\"",
	    result->problems.by_severity[SEVERITY_ERROR], result->refusal);
}

/* What was set by hand ends with the configuration that it was set in. */
static void
forget_set_limit(struct daemon *d)
{
	if (!d->has_set_limit)
		return;
	d->has_set_limit = false;
	log_info(
	    "event=set-ended attribute=max_servers reason=\"the configuration says it again\"");
}

/* A person's word for a service that the configuration has no more does not wait for another one of this id. */
static void
forget_forced(struct daemon *d, const struct config *config)
{
	struct strings kept = { 0 };

	for (size_t i = 0; i < d->forced.count; i++)
		for (size_t k = 0; k < config->count; k++)
			if (strcasecmp(d->forced.item[i], config->services[k]->id) == 0) {
				strings_add(&kept, d->forced.item[i]);
				break;
			}
	strings_done(&d->forced);
	d->forced = kept;
}

static void
take_reload(struct daemon *d, struct reload_result *result, const struct same *same)
{
	const struct apply_result *r = &result->applied;
	struct config *config = result->config;

	d->reloads++;
	set_refusal(d, NULL);
	daemon_open_logs(d, config);
	forget_set_limit(d);
	forget_forced(d, config);
	runtime_set_max_servers(&d->runtime, config->global.max_servers);
	starts_look(d->runtime.starts);
	result->applied = apply_config(&d->runtime, config, same);
	services_release_full(&d->runtime);
	daemon_take_config(d, config_ref(config));
	daemon_open_control(d);
	log_info("event=reload-done services=%u listeners=%u unbound=%u kept=%u", r->services,
	    r->listening, r->unbound, r->kept);
}

void
daemon_finish_reload(struct daemon *d, struct reload_result *result, const struct same *same)
{
	daemon_say_problems(d, &result->problems, false);
	if (result->refusal == NULL)
		result->refusal = reload_refusal(&result->problems);
	result->is_done = result->refusal == NULL;
	if (result->is_done)
		take_reload(d, result, same);
	else
		refuse_reload(d, result);
}

void
reload_result_done(struct reload_result *result)
{
	problems_done(&result->problems);
	if (result->config != NULL)
		config_forget_texts(result->config);
	config_unref(result->config);
}
