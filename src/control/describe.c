/* SPDX-License-Identifier: MIT */
#include "control/describe.h"

#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "net/socket.h"
#include "run/pool.h"
#include "run/service.h"

static const char *const state_words[] = {
	[SERVICE_SERVING] = "serving",
	[SERVICE_FAILING] = "failing",
	[SERVICE_OFF] = "off",
	[SERVICE_DISABLED] = "disabled",
	[SERVICE_BROKEN] = "broken",
	[SERVICE_LEAVING] = "leaving",
};
_Static_assert(ARRAY_LEN(state_words) == SERVICE_STATE_MAX, "every state has its word");

const char *
service_state_word(enum service_state state)
{
	return state_words[state];
}

/* A worker of its pool could not be started, and not because there are as many programs as there may be. */
static bool
pool_pauses(const struct service *s, int64_t now_ms)
{
	return s->pool != NULL && !s->pool->is_closed && s->pool->start_ms > now_ms &&
	       s->runtime->running < s->runtime->max_servers;
}

enum service_state
service_state(const struct service *s, int64_t now_ms)
{
	if (s->is_gone)
		return SERVICE_LEAVING;
	if (s->is_off)
		return SERVICE_OFF;
	if (throttle_pauses(&s->start_failures, now_ms) || pool_pauses(s, now_ms))
		return SERVICE_FAILING;
	return SERVICE_SERVING;
}

enum service_state
unserved_state(const struct service_conf *conf)
{
	return conf->state == CONF_DISABLED ? SERVICE_DISABLED : SERVICE_BROKEN;
}

static char *
failing_reason(const struct service *s, int64_t now_ms)
{
	int64_t until = s->start_failures.until_ms;
	const char *what = "its program cannot be started";

	if (!throttle_pauses(&s->start_failures, now_ms)) {
		until = s->pool->start_ms;
		what = "its workers cannot be started";
	}
	return mem_format(
	    "%s; tried again in %lld seconds", what, (long long)(until - now_ms + 999) / 1000);
}

char *
service_reason(const struct service *s, int64_t now_ms)
{
	switch (service_state(s, now_ms)) {
	case SERVICE_FAILING:
		return failing_reason(s, now_ms);
	case SERVICE_OFF:
		return mem_dup("by a command; enable it to serve again");
	case SERVICE_LEAVING:
		return mem_dup("no longer in the configuration; its programs end");
	default:
		return NULL;
	}
}

char *
unserved_reason(const struct service_conf *conf)
{
	if (conf->state == CONF_DISABLED)
		return mem_dup(conf->disable
				   ? "disable = yes"
				   : "by the list of enabled or disabled services in the defaults");
	return mem_dup(conf->trouble != NULL ? conf->trouble : conf_state_text(conf->state));
}

const char *
pool_mode_word(const struct pool *p)
{
	static const char *const words[] = {
		[POOL_STATIC] = "static",
		[POOL_DYNAMIC] = "dynamic",
		[POOL_ONDEMAND] = "ondemand",
	};

	return p->is_closed ? "closed" : words[p->rule.mode];
}

const char *
service_program(const struct service_conf *conf)
{
	if (conf_is_redirect(conf))
		return "redirect";
	if (conf_is_internal(conf))
		return "builtin";
	return conf->server != NULL ? conf->server : "-"; /* of one that is not served */
}

const char *
service_protocol(const struct service_conf *conf)
{
	if (conf->protocol == IPPROTO_TCP)
		return "tcp";
	return conf->protocol == IPPROTO_UDP ? "udp" : "unix";
}

const char *
peer_text(const struct addr *peer, char text[ADDR_TEXT_SIZE])
{
	if (peer->len == 0)
		return NULL;
	return addr_family(peer) == AF_UNIX ? "unix" : addr_format(peer, text);
}

const char *
conf_state_text(enum conf_state state)
{
	static const char *const texts[] = {
		[CONF_OK] = NULL,
		[CONF_DISABLED] = "disabled",
		[CONF_BROKEN_TEXT] = "has an error",
		[CONF_BROKEN_SURROUNDINGS] = "names something that is missing",
	};

	return texts[state];
}

bool
is_configured(const struct config *config, const char *id)
{
	for (size_t i = 0; i < config->count; i++)
		if (strcmp(config->services[i]->id, id) == 0)
			return true;
	return false;
}

uint64_t
service_queued(const struct service *s)
{
	uint64_t n = s->pool != NULL ? s->pool->waiting_count : 0;
	const struct listener *l;

	TAILQ_FOREACH(l, &s->listeners, link)
		if (listener_is_bound(l))
			n += socket_queued(l->io.fd) + (l->pending != NULL ? 1 : 0);
	return n;
}

const char *
service_address(const struct service *s)
{
	const struct listener *first = TAILQ_FIRST(&s->listeners);

	if (first != NULL)
		return first->key;
	return s->conf->endpoint_count > 0 ? s->conf->endpoints[0].key : "";
}
