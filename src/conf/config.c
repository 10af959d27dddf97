/* SPDX-License-Identifier: MIT */
#include "conf/config.h"

#include <stdlib.h>

#include "base/mem.h"
#include "conf/attr.h"
#include "conf/source.h"

static void
reset_all(void *base, bool is_global)
{
	for (size_t i = 0; i < attr_count; i++)
		if (attr_is_global(&attrs[i]) == is_global)
			attr_reset(base, &attrs[i]);
}

static void
clear_all(void *base, bool is_global)
{
	for (size_t i = 0; i < attr_count; i++)
		if (attr_is_global(&attrs[i]) == is_global)
			attr_clear(base, &attrs[i]);
}

static void
service_init(struct service_conf *s)
{
	*s = (struct service_conf){ .listen_uid = (uid_t)-1, .listen_gid = (gid_t)-1 };
	s->places = mem_array(attr_count, sizeof(*s->places));
	reset_all(s, false);
}

static void
service_done(struct service_conf *s)
{
	clear_all(s, false);
	for (size_t i = 0; i < s->endpoint_count; i++)
		free(s->endpoints[i].key);
	free(s->endpoints);
	free(s->group_list);
	free(s->user_name);
	free(s->places);
	free(s->name);
}

struct service_conf *
service_conf_new(const struct service_conf *defaults)
{
	struct service_conf *s = mem_alloc(sizeof(*s));

	service_init(s);
	for (size_t i = 0; defaults != NULL && i < attr_count; i++) {
		if (attrs[i].scope != ATTR_BOTH)
			continue;
		attr_copy(s, defaults, &attrs[i]);
		s->places[i] = defaults->places[i];
	}
	return s;
}

void
service_conf_free(struct service_conf *s)
{
	if (s != NULL)
		service_done(s);
	free(s);
}

struct config *
config_new(const char *path)
{
	struct config *c = mem_alloc(sizeof(*c));

	c->refs = 1;
	c->path = mem_dup(path);
	service_init(&c->defaults);
	reset_all(&c->global, true);
	return c;
}

struct config *
config_ref(struct config *c)
{
	c->refs++;
	return c;
}

void
config_unref(struct config *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	for (size_t i = 0; i < c->count; i++)
		service_conf_free(c->services[i]);
	free(c->services);
	service_done(&c->defaults);
	clear_all(&c->global, true);
	for (size_t i = 0; i < c->source_count; i++)
		source_free(c->sources[i]);
	free(c->sources);
	free(c->path);
	free(c);
}
