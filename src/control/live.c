/* SPDX-License-Identifier: MIT */
#include "control/live.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/quote.h"
#include "conf/attr.h"
#include "control/daemon.h"
#include "control/describe.h"
#include "control/json_text.h"

bool
live_is_running(struct request *r)
{
	if (!r->daemon->runtime.is_stopping)
		return true;
	request_fail(r, "stopping", "the daemon is stopping");
	return false;
}

static void
add(struct service *s, void *arg)
{
	struct live_list *list = arg;

	list->item = mem_grow(list->item, list->count + 1, sizeof(struct service *));
	list->item[list->count++] = s;
}

void
live_find(struct request *r, struct live_list *list)
{
	*list = (struct live_list){ 0 };
	services_named(r->daemon, request_text(r, "service"), add, list);
}

json_t *
live_unknown(struct request *r)
{
	const char *name = request_text(r, "service");
	char shown[160];

	return request_fail(r, "unknown-service",
	    is_configured(r->daemon->config, name)
		? "service %s is not served now: \"show\" says why"
		: "there is no service %s: \"services\" lists them",
	    quote_text(name, shown, sizeof(shown)));
}

json_t *
live_value(const void *base, const struct attr *a)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *json;

	if (out == NULL)
		return json_null();
	a->type->print(attr_field_const(base, a), a, out);
	fclose(out);
	json = json_text(text);
	free(text);
	return json;
}
