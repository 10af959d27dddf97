/* SPDX-License-Identifier: MIT */
/* May one more server be started for a connection? Pure: everything it depends on is an
 * argument. */
#ifndef POLICY_ADMIT_H
#define POLICY_ADMIT_H

#include <stdbool.h>

enum verdict {
	VERDICT_OK,
	VERDICT_SERVICE_LIMIT,
	VERDICT_PROCESS_LIMIT,
	VERDICT_EXEC,
	VERDICT_LATER,  /* no worker is free at this moment, but one will be started */
	VERDICT_BANNED, /* nobody from there is served */
	VERDICT_ADDRESS,
	VERDICT_TIME,
	VERDICT_LOAD,
	VERDICT_CPS,
	VERDICT_RATE,
	VERDICT_SOURCE_RATE,
	VERDICT_SOURCE_LIMIT,
	VERDICT_LIBWRAP, /* said by the child */
	VERDICT_SENSOR,  /* whoever comes to this service is not wanted anywhere */
	VERDICT_MAX
};

struct admit_limits {
	unsigned instances;   /* servers of this service at a time; UINT_MAX: no limit */
	unsigned max_servers; /* servers of all services at a time; UINT_MAX: no limit */
};

struct admit_load {
	unsigned running;     /* servers of this service */
	unsigned running_all; /* servers of all services */
	bool is_failing;      /* its program cannot be started at present */
};

enum verdict admit(const struct admit_limits *limits, const struct admit_load *load);
/* There is no place for a server, of this service or of any. */
bool verdict_is_full(enum verdict v);
/* The word behind FAIL in the activity log: "service_limit"; "ok" for VERDICT_OK. */
const char *verdict_reason(enum verdict v);

#endif
