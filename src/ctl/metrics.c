/* SPDX-License-Identifier: MIT */
/* What monitors read: on standard output, or as the answer to their HTTP request. */
#include <stdio.h>

#include "ctl/command_row.h"
#include "ctl/http.h"
#include "ctl/openmetrics.h"
#include "ctl/show.h"

static void
show_metrics(struct call *c, const json_t *result)
{
	openmetrics_print(result, METRICS_OPEN, c->screen.out);
}

int
ctl_metrics(struct call *c)
{
	if (call_has(c, CTL_OPTION_HTTP))
		return http_serve(c);
	return show_answer(c, link_request("metrics"), "services", show_metrics);
}
