/* SPDX-License-Identifier: MIT */
#include "run/services.h"

#include <string.h>

#include "base/clock.h"
#include "base/rate.h"
#include "run/lobby.h"
#include "run/mux.h"
#include "run/service.h"

#define REST_MS         1000
#define REST_MESSAGE_MS 5000

static void
change_holds(struct runtime *rt, void (*change)(struct listener *, enum listener_hold),
    enum listener_hold why)
{
	struct service *s;
	struct listener *l;

	TAILQ_FOREACH(s, &rt->services, link)
		TAILQ_FOREACH(l, &s->listeners, link)
			change(l, why);
}

static void
wake(struct runtime *rt)
{
	if (!rt->is_resting)
		return;
	rt->is_resting = false;
	loop_timer_stop(rt->loop, &rt->rest_timer);
	change_holds(rt, listener_release, HOLD_REST);
}

static void
on_rested(struct loop_timer *t, int64_t now_ms)
{
	(void)now_ms;
	wake(t->arg);
}

void
services_rest(struct runtime *rt, int error)
{
	int64_t now = clock_now_ms();
	unsigned left_out;

	if (rate_allows(&rt->rest_rate, now, REST_MESSAGE_MS, &left_out))
		log_error(
		    "event=resting error=\"%s\" left-out=%u reason=\"clients wait until a program ends\"",
		    strerror(error), left_out);
	rt->is_resting = true;
	rt->rest_timer.fn = on_rested;
	rt->rest_timer.arg = rt;
	loop_timer_set(rt->loop, &rt->rest_timer, now + REST_MS);
	change_holds(rt, listener_hold, HOLD_REST);
}

void
services_release_full(struct runtime *rt)
{
	rt->has_waiting = false;
	change_holds(rt, listener_release, HOLD_FULL);
}

void
services_have_room(struct runtime *rt)
{
	wake(rt);
	if (rt->has_waiting)
		services_release_full(rt);
}

bool
services_have_port(const struct addr *peer, void *arg)
{
	const struct runtime *rt = arg;
	const struct service *s;
	const struct listener *l;

	TAILQ_FOREACH(s, &rt->services, link)
		TAILQ_FOREACH(l, &s->listeners, link)
			if (s->conf->socket_type == SOCK_DGRAM &&
			    addr_port(listener_bound(l)) == addr_port(peer))
				return true;
	return false;
}

void
services_close_listeners(struct runtime *rt)
{
	struct service *s;

	TAILQ_FOREACH(s, &rt->services, link) {
		service_close_listeners(s);
		mux_clear(s);
		lobby_clear(s);
	}
}

void
services_free(struct runtime *rt)
{
	while (!TAILQ_EMPTY(&rt->services))
		service_free(TAILQ_FIRST(&rt->services));
	loop_timer_stop(rt->loop, &rt->rest_timer);
}
