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
	access_list_done(&s->only_from_list);
	access_list_done(&s->no_access_list);
	free(s->times);
	free(s->redirect_host);
	free(s->redirect_port);
	free(s->places);
	free(s->trouble);
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

static char *
copy_text(const char *text)
{
	return text != NULL ? mem_dup(text) : NULL;
}

static void
clone_endpoints(struct service_conf *s, const struct service_conf *from)
{
	s->endpoint_count = from->endpoint_count;
	s->endpoints = mem_array(from->endpoint_count, sizeof(*s->endpoints));
	for (size_t i = 0; i < from->endpoint_count; i++) {
		s->endpoints[i] = from->endpoints[i];
		s->endpoints[i].key = mem_dup(from->endpoints[i].key);
	}
}

static void
clone_ids(struct service_conf *s, const struct service_conf *from)
{
	s->uid = from->uid;
	s->gid = from->gid;
	s->group_count = from->group_count;
	s->group_list = mem_array(from->group_count, sizeof(*s->group_list));
	for (size_t i = 0; i < from->group_count; i++)
		s->group_list[i] = from->group_list[i];
	s->changes_ids = from->changes_ids;
	s->user_name = copy_text(from->user_name);
	s->listen_uid = from->listen_uid;
	s->listen_gid = from->listen_gid;
}

static void
clone_access(struct service_conf *s, const struct service_conf *from)
{
	access_list_copy(&s->only_from_list, &from->only_from_list);
	access_list_copy(&s->no_access_list, &from->no_access_list);
	s->time_count = from->time_count;
	s->times = mem_array(from->time_count, sizeof(*s->times));
	for (size_t i = 0; i < from->time_count; i++)
		s->times[i] = from->times[i];
	s->redirect_host = copy_text(from->redirect_host);
	s->redirect_port = copy_text(from->redirect_port);
	s->asks_libwrap = from->asks_libwrap;
}

struct service_conf *
service_conf_clone(const struct service_conf *from)
{
	struct service_conf *s = service_conf_new(NULL);

	for (size_t i = 0; i < attr_count; i++) {
		if (!attr_is_global(&attrs[i]))
			attr_copy(s, from, &attrs[i]);
		s->places[i] = from->places[i];
	}
	s->name = copy_text(from->name);
	s->state = from->state;
	s->trouble = copy_text(from->trouble);
	s->place = from->place;
	clone_endpoints(s, from);
	clone_ids(s, from);
	clone_access(s, from);
	return s;
}

bool
service_conf_same_access(const struct service_conf *x, const struct service_conf *y)
{
	return access_list_equal(&x->only_from_list, &y->only_from_list) &&
	       access_list_equal(&x->no_access_list, &y->no_access_list);
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
	static uint64_t latest;
	struct config *c = mem_alloc(sizeof(*c));

	c->refs = 1;
	c->number = ++latest;
	c->path = mem_dup(path);
	service_init(&c->defaults);
	reset_all(&c->global, true);
	c->global.control_uid = (uid_t)-1;
	c->global.control_gid = (gid_t)-1;
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
	config_unref(c->base);
	free(c->path);
	free(c);
}
