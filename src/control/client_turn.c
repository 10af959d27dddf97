/* SPDX-License-Identifier: MIT */
/* Whose turn it is. Clients are attended to one after the other. When that has taken a while, a rest follows that is as
 * long: whoever connects to a service waits for one answer at most, however many clients ask for long ones. Those who may
 * do everything do not wait for those who look. */
#include <sys/param.h>

#include "base/clock.h"
#include "control/client.h"
#include "control/daemon.h"

/* What is done without a rest. */
#define BRIEF_US     1000
/* Nobody is held up for longer by what one has asked for. */
#define MOST_REST_US 50000

static void
rest_then_go_on(struct control *control)
{
	int64_t now_ms = clock_now_ms(), due_ms = (control->free_us + 999) / 1000;

	if (!TAILQ_EMPTY(&control->turns))
		loop_timer_set(
		    control->daemon->loop, &control->turn_timer, MAX(due_ms, now_ms + 1));
}

static void
attend(struct client_conn *c)
{
	struct control *control = c->control;
	int64_t began_us = clock_now_us(), now_us;

	client_pump(c);
	client_read(c);
	now_us = clock_now_us();
	control->spent_us += now_us - began_us;
	if (control->spent_us < BRIEF_US)
		return;
	control->free_us = now_us + MIN(control->spent_us, MOST_REST_US);
	control->spent_us = 0;
}

static void
enqueue(struct client_conn *c)
{
	struct control *control = c->control;
	struct client_conn *before;

	c->is_queued = true;
	TAILQ_FOREACH(before, &control->turns, turn)
		if (before->role < c->role) {
			TAILQ_INSERT_BEFORE(before, c, turn);
			break;
		}
	if (before == NULL)
		TAILQ_INSERT_TAIL(&control->turns, c, turn);
	rest_then_go_on(control);
}

void
client_leave_queue(struct client_conn *c)
{
	if (c->is_queued)
		TAILQ_REMOVE(&c->control->turns, c, turn);
	c->is_queued = false;
}

void
client_take_turn(struct client_conn *c)
{
	if (c->is_gone || c->is_queued)
		return;
	if (TAILQ_EMPTY(&c->control->turns) && clock_now_us() >= c->control->free_us)
		attend(c);
	else
		enqueue(c);
}

void
control_on_turn(struct loop_timer *t, int64_t now_ms)
{
	struct control *control = t->arg;
	struct client_conn *c;

	(void)now_ms;
	while ((c = TAILQ_FIRST(&control->turns)) != NULL && clock_now_us() >= control->free_us) {
		client_leave_queue(c);
		attend(c);
		client_settle(c);
	}
	rest_then_go_on(control);
}
