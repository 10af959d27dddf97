/* SPDX-License-Identifier: MIT */
/* The table of figures, filled in. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/figure.h"
#include "control/json_text.h"
#include "control/page.h"
#include "policy/admit.h"
#include "run/pool.h"
#include "run/service.h"

/* With its figures an item is large. */
#define MEASURED_A_PAGE 64

/* Where the offsets of the rows lead, by enum figure_source; NULL: not there. */
struct sources {
	const void *base[FIGURE_SOURCE_MAX];
};

static json_t *
number_json(uint64_t n, unsigned divisor)
{
	if (divisor == 0)
		return json_integer((json_int_t)n);
	return json_real((double)n / divisor);
}

static json_t *
histogram_json(const struct histogram *h, unsigned divisor)
{
	json_t *buckets = json_array();

	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
		json_array_append_new(buckets, json_integer((json_int_t)h->bucket[i]));
	return json_pack("{s:o, s:o, s:I}", "buckets", buckets, "sum",
	    number_json(h->sum_us, divisor), "count", (json_int_t)histogram_count(h));
}

static json_t *
reasons_json(const void *at)
{
	const uint64_t *refused = at;
	json_t *parts = json_object();

	for (unsigned i = 0; i < VERDICT_MAX && i < COUNTERS_REASONS; i++)
		if (refused[i] > 0)
			json_object_set_new(parts, verdict_reason((enum verdict)i),
			    json_integer((json_int_t)refused[i]));
	return parts;
}

static json_t *
statuses_json(const void *at)
{
	const struct ends *ends = at;
	json_t *parts = json_object();
	char label[16];

	for (unsigned i = 0; i < COUNTERS_ENDS; i++) {
		snprintf(label, sizeof(label), "%u", ends->each[i].code);
		if (ends->each[i].count > 0 && ends->each[i].code < ENDS_SIGNAL)
			json_object_set_new(
			    parts, label, json_integer((json_int_t)ends->each[i].count));
	}
	if (ends->others > 0)
		json_object_set_new(parts, FIGURE_OTHER, json_integer((json_int_t)ends->others));
	return parts;
}

static json_t *
signals_json(const void *at)
{
	const struct ends *ends = at;
	json_t *parts = json_object();
	char label[16];

	for (unsigned i = 0; i < COUNTERS_ENDS; i++) {
		int signo = ends->each[i].code - ENDS_SIGNAL;
		const char *name = signo > 0 ? sigabbrev_np(signo) : NULL;

		if (ends->each[i].count == 0 || signo <= 0)
			continue;
		snprintf(label, sizeof(label), "%d", signo);
		json_object_set_new(parts, name != NULL ? name : label,
		    json_integer((json_int_t)ends->each[i].count));
	}
	return parts;
}

static json_t *
states_json(const void *at)
{
	const uint64_t *services = at;
	json_t *parts = json_object();

	for (unsigned i = 0; i < SERVICE_STATE_MAX; i++)
		json_object_set_new(parts, service_state_word((enum service_state)i),
		    json_integer((json_int_t)services[i]));
	return parts;
}

static json_t *
version_json(const void *at)
{
	(void)at;
	return json_pack("{s:i}", VERSION, 1);
}

static json_t *
value_of(const struct figure *f, const char *base)
{
	static json_t *(*const splits[])(const void *at) = {
		[FIGURE_BY_REASON] = reasons_json,
		[FIGURE_BY_STATUS] = statuses_json,
		[FIGURE_BY_SIGNAL] = signals_json,
		[FIGURE_BY_STATE] = states_json,
		[FIGURE_BY_VERSION] = version_json,
	};
	const void *at = base + f->offset;
	uint64_t number;

	if (f->type == FIGURE_HISTOGRAM)
		return histogram_json(at, f->divisor);
	if (f->split != FIGURE_ONE)
		return splits[f->split](at);
	number = *(const uint64_t *)at;
	return number == FIGURE_NONE ? NULL : number_json(number, f->divisor);
}

/* All rows whose values are there. */
static json_t *
figures_json(const struct sources *sources)
{
	json_t *all = json_object();

	for (size_t i = 0; i < figure_count; i++) {
		const void *base = sources->base[figures[i].source];
		json_t *value = base != NULL ? value_of(&figures[i], base) : NULL;

		if (value != NULL)
			json_object_set_new(all, figures[i].name, value);
	}
	return all;
}

static json_t *
daemon_json(const struct daemon *d)
{
	struct daemon_figures own = measure_daemon(d);
	const struct sources sources = { .base[FIGURE_IN_DAEMON] = &own };

	measure_process(&own);
	return figures_json(&sources);
}

static json_t *
service_json(const struct service *s, int64_t now_ms)
{
	const struct service_figures own = measure_service(s, now_ms);
	struct pool_figures pool;
	struct sources sources = {
		.base[FIGURE_IN_SERVICE] = &own,
		.base[FIGURE_IN_COUNTERS] = &s->counters,
	};

	if (measure_pool(s, &pool)) {
		sources.base[FIGURE_IN_POOL] = &pool;
		sources.base[FIGURE_IN_POOL_COUNTERS] = &s->pool->counters;
	}
	return json_pack("{s:o, s:o, s:o}", "id", json_text(s->conf->id), "address",
	    json_text(service_address(s)), "figures", figures_json(&sources));
}

/* Services that were removed are left out: another one may have their names already. The daemon's own figures come with the
 * first page alone. */
json_t *
cmd_metrics(struct request *r)
{
	int64_t now_ms = clock_now_ms();
	json_t *services, *result;
	struct page p;

	if (!page_begin(&p, r, MEASURED_A_PAGE) || !page_fill(&p, r, false))
		return NULL;
	services = json_array();
	for (unsigned i = 0; i < p.count; i++)
		if (!p.services[i]->is_gone)
			json_array_append_new(services, service_json(p.services[i], now_ms));
	result = json_pack("{s:o}", "services", services);
	json_object_set_new(
	    result, "daemon", p.is_further ? json_object() : daemon_json(r->daemon));
	page_end(&p, result);
	return result;
}
