/* SPDX-License-Identifier: MIT */
#include "base/counters.h"

#include <sys/wait.h>

const uint64_t histogram_bounds_us[HISTOGRAM_BOUNDS] = { 100, 316, 1000, 3162, 10000, 31623, 100000,
	316228, 1000000, 10000000, 100000000, 1000000000 };

void
histogram_add(struct histogram *h, int64_t us)
{
	uint64_t value = us > 0 ? (uint64_t)us : 0;
	unsigned i = 0;

	while (i < HISTOGRAM_BOUNDS && value > histogram_bounds_us[i])
		i++;
	h->bucket[i]++;
	h->sum_us += value;
}

uint64_t
histogram_count(const struct histogram *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
		n += h->bucket[i];
	return n;
}

void
ends_add(struct ends *e, int wait_status)
{
	int code = WIFSIGNALED(wait_status) ? ENDS_SIGNAL + WTERMSIG(wait_status)
					    : WEXITSTATUS(wait_status);

	for (unsigned i = 0; i < COUNTERS_ENDS; i++) {
		if (e->each[i].count != 0 && e->each[i].code != code)
			continue;
		e->each[i].code = (uint16_t)code;
		e->each[i].count++;
		return;
	}
	e->others++;
}

uint64_t
counters_refused(const struct counters *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < COUNTERS_REASONS; i++)
		n += c->refused[i];
	return n;
}

void
counters_add(struct counters *to, const struct counters *c)
{
	to->accepted += c->accepted;
	to->started += c->started;
	to->answered += c->answered;
	for (unsigned i = 0; i < COUNTERS_REASONS; i++)
		to->refused[i] += c->refused[i];
	to->failed += c->failed;
	to->aborted += c->aborted;
	to->ended += c->ended;
	to->bytes_in += c->bytes_in;
	to->bytes_out += c->bytes_out;
}
