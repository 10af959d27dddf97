/* SPDX-License-Identifier: MIT */
/* The answer of the command "metrics" as the text that monitors read. */
#ifndef CTL_OPENMETRICS_H
#define CTL_OPENMETRICS_H

#include <jansson.h>
#include <stdio.h>

enum metrics_format {
	METRICS_OPEN, /* OpenMetrics 1.0 */
	METRICS_CLASSIC, /* text/plain; version=0.0.4, which knows neither units nor infos nor an end */
};

/* Families in the order of the table of figures; those without a value are left out. */
void openmetrics_print(const json_t *metrics, enum metrics_format format, FILE *out);

#endif
