/* SPDX-License-Identifier: MIT */
/* What the activity log says, as a value, and the forms in which it says it. */
#ifndef RUN_ACTIVITY_FORMAT_H
#define RUN_ACTIVITY_FORMAT_H

#include <stdint.h>

#include "base/addr.h"
#include "base/line.h"
#include "conf/config.h"

enum activity_kind { ACTIVITY_START, ACTIVITY_EXIT, ACTIVITY_FAIL, ACTIVITY_TRAFFIC };

/* In the order in which they stand in a line. */
enum activity_field {
	FIELD_REASON, /* text: why nobody was served */
	FIELD_STATUS,
	FIELD_SIGNAL,
	FIELD_PID,
	FIELD_FROM,
	FIELD_DURATION, /* milliseconds, as are the next */
	FIELD_CPU,
	FIELD_RSS,  /* kilobytes at the most */
	FIELD_READ, /* bytes from and to disks */
	FIELD_WRITTEN,
	FIELD_BYTES_IN, /* from the client, and to it */
	FIELD_BYTES_OUT,
	FIELD_TRAFFIC_IN, /* the same, in xinetd's line of its own */
	FIELD_TRAFFIC_OUT,
	FIELD_RESULT, /* text: what a worker says */
	FIELD_CONN,
	FIELD_MAX
};

struct activity_event {
	enum activity_kind kind;
	unsigned fields; /* bits by enum activity_field: these are shown */
	const char *service;
	const struct addr *peer; /* for FIELD_FROM */
	int64_t wall_ms;

	union {
		uint64_t number;
		const char *text;
	} value[FIELD_MAX];
};

/* Longer lines are cut; one of JSON stays an object. */
#define ACTIVITY_LINE_SIZE 4096

/* Written into the line, which is empty. Only the xinetd form has no time within. */
void activity_format(struct line *out, enum conf_log_format format, const struct activity_event *e);

static inline void
activity_number(struct activity_event *e, enum activity_field field, uint64_t n)
{
	e->fields |= 1u << field;
	e->value[field].number = n;
}

static inline void
activity_text(struct activity_event *e, enum activity_field field, const char *text)
{
	e->fields |= 1u << field;
	e->value[field].text = text;
}

#endif
