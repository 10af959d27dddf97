/* SPDX-License-Identifier: MIT */
/* Services off and on while the daemon runs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control/client.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/describe.h"
#include "control/json_text.h"
#include "control/live.h"
#include "control/problem_json.h"
#include "control/reload.h"
#include "reload/apply.h"
#include "run/service.h"

static json_t *
result_of(json_t *services)
{
	return json_pack("{s:o}", "services", services);
}

static void
add_state(json_t *services, const char *id, const char *state)
{
	json_array_append_new(
	    services, json_pack("{s:o, s:s}", "id", json_text(id), "state", state));
}

/* "ID" or "ID@ADDRESS": the length of the id. */
static size_t
id_length(const char *selector, const char *id)
{
	size_t len = strlen(id);

	if (strncmp(selector, id, len) != 0)
		return 0;
	return selector[len] == '\0' || selector[len] == '@' ? len : 0;
}

static bool
has_endpoint(const struct service_conf *conf, const char *address)
{
	for (size_t i = 0; i < conf->endpoint_count; i++) {
		const char *key = conf->endpoints[i].key;

		if (strcmp(key, address) == 0 || strcmp(strchr(key, ':') + 1, address) == 0)
			return true;
	}
	return false;
}

/* True if the selector means a service with these settings, which does not run. Of one that is disabled the addresses may not
 * be known. */
static bool
is_selected(const char *selector, const struct service_conf *conf)
{
	size_t len = id_length(selector, conf->id);

	if (len == 0)
		return false;
	return selector[len] == '\0' || conf->state == CONF_DISABLED ||
	       has_endpoint(conf, selector + len + 1);
}

/* Ids that differ in case alone are one. */
void
live_unforce(struct daemon *d, const char *id)
{
	struct strings kept = { 0 };

	for (size_t i = 0; i < d->forced.count; i++)
		if (strcasecmp(d->forced.item[i], id) != 0)
			strings_add(&kept, d->forced.item[i]);
	strings_done(&d->forced);
	d->forced = kept;
}

/* Those that the configuration disables are off already. */
static json_t *
add_disabled(struct request *r, json_t *services)
{
	const struct config *config = r->daemon->config;

	for (size_t i = 0; i < config->count; i++) {
		const struct service_conf *conf = config->services[i];

		if (!is_selected(request_text(r, "service"), conf))
			continue;
		live_unforce(r->daemon, conf->id);
		add_state(services, conf->id, service_state_word(unserved_state(conf)));
	}
	if (json_array_size(services) > 0)
		return result_of(services);
	json_decref(services);
	return live_unknown(r);
}

static void
turn_off(struct daemon *d, struct service *s)
{
	live_unforce(d, s->conf->id);
	if (s->is_off)
		return;
	service_turn_off(s);
	log_info("event=service-off service=%s running=%u", s->conf->id, service_connections(s));
}

json_t *
cmd_disable(struct request *r)
{
	struct live_list list;
	json_t *services;

	if (!live_is_running(r))
		return NULL;
	live_find(r, &list);
	services = json_array();
	if (list.count == 0)
		return add_disabled(r, services);
	for (size_t i = 0; i < list.count; i++) {
		turn_off(r->daemon, list.item[i]);
		add_state(services, list.item[i]->conf->id, service_state_word(SERVICE_OFF));
	}
	free(list.item);
	return result_of(services);
}

json_t *
cmd_drain(struct request *r)
{
	struct live_list list;
	json_t *services;

	if (!live_is_running(r))
		return NULL;
	live_find(r, &list);
	if (list.count == 0)
		return live_unknown(r);
	services = json_array();
	for (size_t i = 0; i < list.count; i++) {
		const struct service *s = list.item[i];

		turn_off(r->daemon, list.item[i]);
		json_array_append_new(
		    services, json_pack("{s:o, s:i}", "id", json_text(s->conf->id), "running",
				  (int)service_connections(s)));
	}
	free(list.item);
	return result_of(services);
}

/* False, and the request has failed, if it stays off. */
static bool
turn_on(struct request *r, struct service *s)
{
	char *why;

	if (!s->is_off)
		return true;
	why = apply_service(&r->daemon->runtime, s, s->config, s->conf);
	if (why == NULL) {
		log_info("event=service-on service=%s", s->conf->id);
		return true;
	}
	request_fail(r, "failed", "service %.200s stays off: %.400s", s->conf->id, why);
	free(why);
	return false;
}

static json_t *
turn_all_on(struct request *r, const struct live_list *list)
{
	json_t *services = json_array();
	int64_t now_ms = clock_now_ms();

	for (size_t i = 0; i < list->count; i++) {
		if (!turn_on(r, list->item[i])) {
			json_decref(services);
			return NULL;
		}
		add_state(services, list->item[i]->conf->id,
		    service_state_word(service_state(list->item[i], now_ms)));
	}
	return result_of(services);
}

static void
refuse(struct request *r, const struct problems *problems, const char *id, const char *why)
{
	request_fail_with(r, "refused", json_pack("{s:o}", "problems", problems_json(problems)),
	    "service %.200s stays off: %.400s", id, why);
}

/* A service that did not run. False, and the request has failed, if it stays off. */
static bool
serve_one(struct request *r, struct config *config, const struct service_conf *conf,
    const struct problems *problems)
{
	char *why;

	if (conf->state != CONF_OK) {
		refuse(r, problems, conf->id,
		    conf->trouble != NULL ? conf->trouble : "it is switched off");
		return false;
	}
	why = apply_service(&r->daemon->runtime, NULL, config, conf);
	if (why == NULL) {
		control_count_watchers(r->daemon->control); /* of one that was there before */
		log_info("event=service-on service=%s reason=\"whatever the configuration says\"",
		    conf->id);
		return true;
	}
	request_fail(r, "failed", "service %.200s stays off: %.400s", conf->id, why);
	free(why);
	return false;
}

/* Of a configuration those that the request names. */
static json_t *
serve_selected(struct request *r, const struct reload_result *result)
{
	const char *selector = request_text(r, "service");
	json_t *services = json_array();

	for (size_t i = 0; result->refusal == NULL && i < result->config->count; i++) {
		const struct service_conf *conf = result->config->services[i];

		if (!is_selected(selector, conf))
			continue;
		if (!serve_one(r, result->config, conf, &result->problems)) {
			json_decref(services);
			return NULL;
		}
		add_state(services, conf->id, service_state_word(SERVICE_SERVING));
	}
	if (json_array_size(services) > 0)
		return result_of(services);
	json_decref(services);
	refuse(r, &result->problems, selector,
	    result->refusal != NULL ? result->refusal
				    : "the configuration has it no more, or not at this address");
	return NULL;
}

bool
live_is_served(const struct daemon *d, const char *id)
{
	const struct service *s;

	TAILQ_FOREACH(s, &d->runtime.services, link)
		if (!s->is_gone && strcasecmp(s->conf->id, id) == 0)
			return true;
	return false;
}

static const struct service_conf *
find_selected(const struct config *config, const char *selector)
{
	for (size_t i = 0; i < config->count; i++)
		if (is_selected(selector, config->services[i]))
			return config->services[i];
	return NULL;
}

const char *
live_disabled_id(const struct daemon *d, const char *selector)
{
	const struct service_conf *conf = find_selected(d->config, selector);

	return conf != NULL && conf->state == CONF_DISABLED ? conf->id : NULL;
}

/* Those that are there. False: there is none. */
static bool
turn_found_on(struct request *r, json_t **answer)
{
	struct live_list list;

	live_find(r, &list);
	if (list.count > 0)
		*answer = turn_all_on(r, &list);
	free(list.item);
	return list.count > 0;
}

json_t *
cmd_enable(struct request *r)
{
	const char *selector = request_text(r, "service");
	json_t *answer;

	if (!live_is_running(r))
		return NULL;
	if (turn_found_on(r, &answer))
		return answer;
	if (find_selected(r->daemon->config, selector) == NULL)
		return live_unknown(r);
	loading_ask(r->daemon, LOAD_SERVE, client_number(r->client), selector);
	return REQUEST_LATER;
}

/* The configuration was loaded as at a reload, and with the same strictness; if it was for one, too, the service is there already. */
json_t *
live_served(struct request *r, const struct reload_result *result)
{
	json_t *answer;

	return turn_found_on(r, &answer) ? answer : serve_selected(r, result);
}
