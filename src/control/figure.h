/* SPDX-License-Identifier: MIT */
/* The figures that the daemon gives of itself and of its services: one row each. The command "metrics" makes its answer of
 * these rows, and porterctl the text that monitors read. */
#ifndef CONTROL_FIGURE_H
#define CONTROL_FIGURE_H

#include <stddef.h>
#include <stdint.h>

#include "control/measure.h"

/* Before each name in the text for monitors. */
#define FIGURE_PREFIX "porterd_"
/* For labels whose values are counted together from some number on. */
#define FIGURE_OTHER  "other"

enum figure_type {
	FIGURE_COUNTER, /* only grows; "_total" follows the name in the text for monitors */
	FIGURE_GAUGE,
	FIGURE_HISTOGRAM, /* struct histogram, in seconds, of the bounds histogram_bounds_us */
	FIGURE_INFO,      /* has labels and no value; "_info" follows the name in that text */
};

enum figure_scope {
	FIGURE_OF_DAEMON,
	FIGURE_OF_SERVICE, /* with the labels service (its id) and address */
	FIGURE_OF_POOL,    /* the same, of services that have a pool alone */
};

/* What the offset of a row is in. */
enum figure_source {
	FIGURE_IN_DAEMON,        /* struct daemon_figures */
	FIGURE_IN_SERVICE,       /* struct service_figures */
	FIGURE_IN_COUNTERS,      /* struct counters */
	FIGURE_IN_POOL,          /* struct pool_figures */
	FIGURE_IN_POOL_COUNTERS, /* struct pool_counters */
	FIGURE_SOURCE_MAX
};

/* How a figure with a label is laid out; its value is then one number for each value of the label. */
enum figure_split {
	FIGURE_ONE,
	FIGURE_BY_REASON, /* uint64_t[COUNTERS_REASONS], by enum verdict; only those that are not 0 */
	FIGURE_BY_STATUS,  /* struct ends: exit statuses, and FIGURE_OTHER */
	FIGURE_BY_SIGNAL,  /* struct ends: signals, "TERM" */
	FIGURE_BY_STATE,   /* uint64_t[SERVICE_STATE_MAX], by enum service_state */
	FIGURE_BY_VERSION, /* of FIGURE_INFO: that of the daemon */
};

struct figure {
	const char
	    *name; /* with its unit, without prefix and "_total"; also its key in "metrics" */
	enum figure_type type;
	enum figure_scope scope;
	const char *unit;  /* the last word of the name; NULL: it counts something */
	const char *label; /* name of the label; NULL: none */
	enum figure_split split;
	enum figure_source source;
	size_t offset;    /* of a uint64_t, of a histogram, or of what split says */
	unsigned divisor; /* of the number to get the unit: 1000000 for microseconds; 0: none */
	const char *text; /* one sentence */
};

extern const struct figure figures[];
extern const size_t figure_count;

/* By name; NULL if there is none. */
const struct figure *figure_find(const char *name);

#endif
