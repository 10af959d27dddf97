/* SPDX-License-Identifier: MIT */
#include "reload/same.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

/* By its first address, which no other service of one configuration has. Those without an address are few. */
static struct map *
by_address(const struct config *c)
{
	struct map *m = map_new(c->count);

	for (size_t i = 0; i < c->count; i++)
		if (c->services[i]->state == CONF_OK && c->services[i]->endpoint_count > 0)
			map_put(m, c->services[i]->endpoints[0].key, c->services[i]);
	return m;
}

struct same *
same_find(const struct config *before, const struct config *after)
{
	struct same *s = mem_alloc(sizeof(*s));
	struct map *m = by_address(before);

	s->before = before;
	s->number = mem_array(after->count, sizeof(*s->number));
	for (size_t i = 0; i < after->count; i++) {
		const struct service_conf *conf = after->services[i], *was = NULL;

		if (conf->state == CONF_OK && conf->endpoint_count > 0)
			was = map_take(m, conf->endpoints[0].key);
		if (was != NULL && service_conf_same(was, conf))
			s->number[i] = was->number + 1;
	}
	map_free(m);
	return s;
}

void
same_free(struct same *s)
{
	if (s != NULL)
		free(s->number);
	free(s);
}

const struct service_conf *
same_as(const struct same *s, const struct service_conf *conf)
{
	size_t number = s != NULL ? s->number[conf->number] : 0;

	return number > 0 ? s->before->services[number - 1] : NULL;
}
