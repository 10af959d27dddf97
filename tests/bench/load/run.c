/* SPDX-License-Identifier: MIT */
#include "load/run.h"

#include <math.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "load/clock.h"
#include "load/random.h"

#define PATIENCE_NS (20 * SECOND_NS) /* for an answer */
#define BEGIN_MOST  16 /* connections in a turn, so that answers are not left waiting meanwhile */
#define EVENTS_MOST 64

struct run {
	const struct load *load;
	struct result *result;
	int epoll;
	struct client *clients, **idle;
	unsigned idle_count;
	unsigned long begun;
	int64_t end_ns, looked_ns, last_right_ns;
	double next_ns; /* when the next connection of an open loop is to begin */
	uint64_t random;
};

static bool
has_more(const struct run *r, int64_t now)
{
	if (r->begun == r->load->connections)
		return false;
	return (r->load->rate > 0 ? (int64_t)r->next_ns : now) < r->end_ns;
}

static void
plan_next(struct run *r)
{
	const double mean_ns = (double)SECOND_NS / r->load->rate;

	r->next_ns += r->load->is_constant ? mean_ns : mean_ns * -log(random_share(&r->random));
}

static void
begin(struct run *r)
{
	const struct timespec pause = { .tv_nsec = r->load->pause_ns };
	struct client *c = r->idle[--r->idle_count];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (r->load->pause_ns != 0)
		nanosleep(&pause, NULL);
	c->begun_ns = c->intended_ns = now_ns();
	if (r->load->rate > 0) {
		c->intended_ns = (int64_t)r->next_ns;
		histogram_add(&r->result->late, c->begun_ns - c->intended_ns);
		plan_next(r);
	}
	client_begin(c, r->load->kind, &r->load->target, r->begun++);
	if (client_has_to_ask(c))
		event.events |= EPOLLOUT;
	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
		give_up("epoll_ctl");
}

static void
begin_those_due(struct run *r)
{
	for (unsigned i = 0; i < BEGIN_MOST && r->idle_count > 0; i++) {
		int64_t now = now_ns();

		if (!has_more(r, now) || (r->load->rate > 0 && r->next_ns > (double)now))
			break;
		begin(r);
	}
}

static void
note_right(struct run *r, struct client *c)
{
	struct result *result = r->result;
	int64_t now = now_ns();

	histogram_add(&result->waits, now - c->intended_ns);
	if (r->last_right_ns != 0 && now - r->last_right_ns > result->gap_ns)
		result->gap_ns = now - r->last_right_ns;
	r->last_right_ns = now;
}

static void
finish(struct run *r, struct client *c, enum outcome outcome)
{
	if (outcome == OUTCOME_RIGHT)
		note_right(r, c);
	if (outcome == OUTCOME_RIGHT && r->result->kept != NULL) {
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		r->result->kept[r->result->outcomes[outcome]] = c->fd;
	} else {
		close(c->fd);
	}
	r->result->outcomes[outcome]++;
	c->fd = -1;
	r->idle[r->idle_count++] = c;
}

static void
go_on(struct run *r, struct client *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	const bool had_to_ask = client_has_to_ask(c);
	enum outcome outcome = client_go_on(c, r->load->kind);

	if (outcome != OUTCOME_NONE)
		finish(r, c, outcome);
	else if (had_to_ask && !client_has_to_ask(c) &&
		 epoll_ctl(r->epoll, EPOLL_CTL_MOD, c->fd, &event) < 0)
		give_up("epoll_ctl");
}

/* Now and then. */
static void
give_up_waiting(struct run *r)
{
	int64_t now = now_ns();

	if (now - r->looked_ns < SECOND_NS)
		return;
	r->looked_ns = now;
	for (unsigned i = 0; i < r->load->clients; i++)
		if (r->clients[i].fd >= 0 && now - r->clients[i].begun_ns > PATIENCE_NS)
			finish(r, &r->clients[i], OUTCOME_UNANSWERED);
}

/* Until the next connection is to begin, but no longer than a second. */
static struct timespec
patience(const struct run *r, int64_t now)
{
	int64_t left_ns = SECOND_NS;

	if (r->idle_count > 0 && has_more(r, now))
		left_ns = r->load->rate > 0 ? (int64_t)r->next_ns - now : 0;
	if (left_ns < 0)
		left_ns = 0;
	return left_ns < SECOND_NS ? (struct timespec){ .tv_nsec = left_ns }
				   : (struct timespec){ .tv_sec = 1 };
}

static void
turn(struct run *r)
{
	struct epoll_event events[EVENTS_MOST];
	struct timespec timeout;
	int n;

	begin_those_due(r);
	timeout = patience(r, now_ns());
	n = epoll_pwait2(r->epoll, events, EVENTS_MOST, &timeout, NULL);
	for (int i = 0; i < n; i++)
		go_on(r, events[i].data.ptr);
	give_up_waiting(r);
}

static void *
array(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		give_up("calloc");
	return p;
}

void
load_run(const struct load *l, struct result *result)
{
	const int64_t start_ns = now_ns();
	struct run r = {
		.load = l,
		.result = result,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.clients = array(l->clients, sizeof(*r.clients)),
		.idle = array(l->clients, sizeof(*r.idle)),
		.end_ns = l->seconds > 0 ? start_ns + (int64_t)(l->seconds * SECOND_NS) : INT64_MAX,
		.looked_ns = start_ns,
		.next_ns = (double)start_ns,
		.random = 88172645463325252u,
	};

	if (r.epoll < 0)
		give_up("epoll_create1");
	/* The kernel otherwise lets a process sleep 50 microseconds too long. */
	prctl(PR_SET_TIMERSLACK, 1ul);
	if (kind_keeps(l->kind))
		result->kept = array(l->connections, sizeof(*result->kept));
	if (l->rate > 0)
		plan_next(&r);
	while (r.idle_count < l->clients) {
		r.clients[r.idle_count].fd = -1;
		r.idle[r.idle_count] = &r.clients[r.idle_count];
		r.idle_count++;
	}
	while (r.idle_count < l->clients || has_more(&r, now_ns()))
		turn(&r);
	result->took_ns = now_ns() - start_ns;
	close(r.epoll);
	free(r.clients);
	free(r.idle);
}
