/* SPDX-License-Identifier: MIT */
#include "policy/admit.h"

#include "base/mem.h"

static const char *const reasons[] = {
	[VERDICT_OK] = "ok",
	[VERDICT_SERVICE_LIMIT] = "service_limit",
	[VERDICT_PROCESS_LIMIT] = "process_limit",
	[VERDICT_EXEC] = "exec",
	[VERDICT_LATER] = "worker",
	[VERDICT_BANNED] = "banned",
	[VERDICT_ADDRESS] = "address",
	[VERDICT_TIME] = "time",
	[VERDICT_LOAD] = "load",
	[VERDICT_CPS] = "connections per second",
	[VERDICT_RATE] = "rate",
	[VERDICT_SOURCE_RATE] = "rate_per_source",
	[VERDICT_SOURCE_LIMIT] = "per_source_limit",
	[VERDICT_LIBWRAP] = "libwrap",
	[VERDICT_SENSOR] = "sensor",
};
_Static_assert(ARRAY_LEN(reasons) == VERDICT_MAX, "every verdict has its word");

enum verdict
admit(const struct admit_limits *limits, const struct admit_load *load)
{
	if (load->running >= limits->instances)
		return VERDICT_SERVICE_LIMIT;
	if (load->running_all >= limits->max_servers)
		return VERDICT_PROCESS_LIMIT;
	return load->is_failing ? VERDICT_EXEC : VERDICT_OK;
}

bool
verdict_is_full(enum verdict v)
{
	return v == VERDICT_SERVICE_LIMIT || v == VERDICT_PROCESS_LIMIT;
}

const char *
verdict_reason(enum verdict v)
{
	return reasons[v];
}
