/* SPDX-License-Identifier: MIT */
#include "ctl/top_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "ctl/get.h"
#include "ctl/process.h"

static void
read_row(const json_t *service, struct top_row *row)
{
	const json_t *counters = json_object_get(service, "counters");
	const json_t *listener = json_array_get(json_object_get(service, "listeners"), 0);

	*row = (struct top_row){
		.id = mem_dup(get_text(service, "id")),
		.key = mem_format("%s@%s", get_text(service, "id"), get_text(listener, "address")),
		.state = mem_dup(get_text(service, "state")),
		.running = get_number(service, "running"),
		.processes = get_number(service, "processes"),
		.queued = get_number(service, "queued"),
		.accepted = get_number(counters, "accepted"),
		.refused = get_number(counters, "refused"),
		.failed = get_number(counters, "failed"),
	};
}

/* Counters that went back are those of a daemon that was started anew. */
static double
rate(long long now, long long before, double seconds)
{
	return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

static void
set_rates(const struct top *before, struct top *now)
{
	struct map *rows = map_new(before->rows);
	double seconds = (double)(now->at_ms - before->at_ms) / 1000;

	for (size_t i = 0; i < before->rows; i++)
		map_put(rows, before->row[i].key, &before->row[i]);
	for (size_t i = 0; i < now->rows; i++) {
		struct top_row *row = &now->row[i];
		const struct top_row *last = map_take(rows, row->key);

		if (last == NULL)
			continue;
		row->accepted_rate = rate(row->accepted, last->accepted, seconds);
		row->refused_rate = rate(row->refused, last->refused, seconds);
		row->failed_rate = rate(row->failed, last->failed, seconds);
	}
	map_free(rows);
}

static int
compare_pids(const void *a, const void *b)
{
	const struct top_process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* CPU time that the process had at the look before; all of it was used since then by one that is younger. */
static int64_t
cpu_before(const struct top *before, long long pid, int64_t age_ms, int64_t cpu_ms, int64_t gap_ms)
{
	const struct top_process wanted = { .pid = pid };
	const struct top_process *last =
	    before->processes > 0
		? bsearch(&wanted, before->process, before->processes, sizeof(wanted), compare_pids)
		: NULL;

	if (last != NULL && last->cpu_ms <= cpu_ms)
		return last->cpu_ms;
	return age_ms <= gap_ms ? 0 : cpu_ms;
}

/* Adds what the process of a connection uses to its service. */
static void
add_process(
    const struct top *before, struct top *now, struct top_row *row, const json_t *connection)
{
	long long pid = get_number(connection, "pid"), age = get_number(connection, "age");
	int64_t gap = before->at_ms > 0 ? now->at_ms - before->at_ms : 0;
	struct process_use use;

	if (pid <= 0 || !process_read((pid_t)pid, &use))
		return;
	now->process[now->processes++] = (struct top_process){ .pid = pid, .cpu_ms = use.cpu_ms };
	row->rss_kb += use.rss_kb;
	if (gap > 0)
		row->cpu += (double)(use.cpu_ms - cpu_before(before, pid, age, use.cpu_ms, gap)) /
			    (double)gap;
}

/* A worker may have several connections, and each is a row. Services of one id share a row of theirs: the first. */
static void
add_processes(const struct top *before, struct top *now, const json_t *connections)
{
	struct map *ids = map_new(now->rows);
	const json_t *connection;
	long long last = 0;
	size_t i;

	for (i = 0; i < now->rows; i++)
		map_put(ids, now->row[i].id, &now->row[i]);
	now->process = mem_array(json_array_size(connections) + 1, sizeof(*now->process));
	json_array_foreach(connections, i, connection) {
		struct top_row *row = map_get(ids, get_text(connection, "service"));

		if (row != NULL && get_number(connection, "pid") != last)
			add_process(before, now, row, connection);
		last = get_number(connection, "pid");
	}
	map_free(ids);
	qsort(now->process, now->processes, sizeof(*now->process), compare_pids);
}

static void
read_rows(struct top *t, const json_t *services)
{
	const json_t *service;
	size_t i;

	t->row = mem_array(json_array_size(services) + 1, sizeof(*t->row));
	json_array_foreach(services, i, service)
		if (strcmp(get_text(service, "state"), "disabled") != 0)
			read_row(service, &t->row[t->rows++]);
}

int
top_look(struct call *c, const struct top *before, struct top *now)
{
	json_t *services, *connections;
	int status;

	*now = (struct top){ .at_ms = clock_now_ms() };
	status = link_ask(c, link_request("status"), &now->status);
	if (status != CTL_OK)
		return status;
	status = link_ask_all(c, link_request("services"), "services", &services);
	if (status != CTL_OK) {
		top_done(now);
		return status;
	}
	read_rows(now, json_object_get(services, "services"));
	json_decref(services);
	set_rates(before, now);
	status = link_ask_all(c, link_request("connections"), "connections", &connections);
	if (status != CTL_OK) {
		top_done(now);
		return status;
	}
	add_processes(before, now, json_object_get(connections, "connections"));
	json_decref(connections);
	return CTL_OK;
}

void
top_done(struct top *t)
{
	json_decref(t->status);
	for (size_t i = 0; i < t->rows; i++) {
		free(t->row[i].id);
		free(t->row[i].key);
		free(t->row[i].state);
	}
	free(t->row);
	free(t->process);
	*t = (struct top){ 0 };
}

/* What is sorted by; names are compared apart. */
static double
weight(const struct top_row *row, enum top_sort by)
{
	const double weights[TOP_SORTS] = {
		[TOP_BY_RUNNING] = (double)row->running,
		[TOP_BY_ACCEPTED] = row->accepted_rate,
		[TOP_BY_REFUSED] = row->refused_rate,
		[TOP_BY_CPU] = row->cpu,
		[TOP_BY_MEMORY] = (double)row->rss_kb,
	};

	return weights[by];
}

/* Of those that are equal in that: where rates are compared, all that came so far. */
static long long
second_weight(const struct top_row *row, enum top_sort by)
{
	if (by == TOP_BY_ACCEPTED)
		return row->accepted;
	return by == TOP_BY_REFUSED ? row->refused : 0;
}

static int
compare_rows(const void *a, const void *b, void *arg)
{
	const struct top_row *x = a, *y = b;
	const enum top_sort *by = arg;
	double x_weight = weight(x, *by), y_weight = weight(y, *by);

	if (x_weight != y_weight)
		return x_weight > y_weight ? -1 : 1;
	if (second_weight(x, *by) != second_weight(y, *by))
		return second_weight(x, *by) > second_weight(y, *by) ? -1 : 1;
	return strcmp(x->key, y->key);
}

void
top_sort(struct top *t, enum top_sort by)
{
	qsort_r(t->row, t->rows, sizeof(*t->row), compare_rows, &by);
}
