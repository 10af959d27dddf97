/* SPDX-License-Identifier: MIT */
#include "conf/config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/attr.h"
#include "conf/source.h"

static void
reset_globals(struct global_conf *g)
{
	for (size_t i = 0; i < attr_count; i++)
		if (attr_is_global(&attrs[i]))
			attr_reset(g, &attrs[i]);
}

static void
clear_all(void *base, bool is_global)
{
	for (size_t i = 0; i < attr_count; i++)
		if (attr_is_global(&attrs[i]) == is_global)
			attr_clear(base, &attrs[i]);
}

/* inherits: what the defaults may say is to be copied from them. */
static void
service_init(struct service_conf *s, bool inherits)
{
	*s = (struct service_conf){ .listen_uid = (uid_t)-1, .listen_gid = (gid_t)-1 };
	for (size_t i = 0; i < attr_count; i++)
		if (!attr_is_global(&attrs[i]) && !(inherits && attrs[i].scope == ATTR_BOTH))
			attr_reset(s, &attrs[i]);
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
	access_list_free(s->only_from_list);
	access_list_free(s->no_access_list);
	free(s->times);
	free(s->redirect_host);
	free(s->redirect_port);
	places_done(&s->places);
	free(s->trouble);
	free(s->name);
}

struct service_conf *
service_conf_new(const struct service_conf *defaults)
{
	struct service_conf *s = mem_alloc(sizeof(*s));

	service_init(s, defaults != NULL);
	for (size_t i = 0; defaults != NULL && i < attr_count; i++) {
		if (attrs[i].scope != ATTR_BOTH)
			continue;
		attr_copy(s, defaults, &attrs[i]);
		places_set(&s->places, i, *places_at(&defaults->places, i));
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
	s->only_from_list = access_list_clone(from->only_from_list);
	s->no_access_list = access_list_clone(from->no_access_list);
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

	for (size_t i = 0; i < attr_count; i++)
		if (!attr_is_global(&attrs[i]))
			attr_copy(s, from, &attrs[i]);
	places_copy(&s->places, &from->places);
	s->name = copy_text(from->name);
	s->state = from->state;
	s->trouble = copy_text(from->trouble);
	s->place = from->place;
	clone_endpoints(s, from);
	clone_ids(s, from);
	clone_access(s, from);
	return s;
}

void
service_conf_settle(struct service_conf *s)
{
	struct strings *const lists[] = { &s->bind, &s->listen, &s->only_from, &s->no_access,
		&s->access_times, &s->server_args, &s->env, &s->passenv };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		strings_pack(lists[i]);
}

bool
service_conf_same_access(const struct service_conf *x, const struct service_conf *y)
{
	return access_list_equal(x->only_from_list, y->only_from_list) &&
	       access_list_equal(x->no_access_list, y->no_access_list);
}

static bool
text_equal(const char *x, const char *y)
{
	return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

static bool
same_endpoints(const struct service_conf *x, const struct service_conf *y)
{
	if (x->endpoint_count != y->endpoint_count)
		return false;
	for (size_t i = 0; i < x->endpoint_count; i++)
		if (strcmp(x->endpoints[i].key, y->endpoints[i].key) != 0 ||
		    x->endpoints[i].is_dual != y->endpoints[i].is_dual ||
		    !addr_equal(&x->endpoints[i].addr, &y->endpoints[i].addr))
			return false;
	return true;
}

static bool
same_ids(const struct service_conf *x, const struct service_conf *y)
{
	return x->uid == y->uid && x->gid == y->gid && x->changes_ids == y->changes_ids &&
	       x->listen_uid == y->listen_uid && x->listen_gid == y->listen_gid &&
	       text_equal(x->user_name, y->user_name) && x->group_count == y->group_count &&
	       (x->group_count == 0 ||
		   memcmp(x->group_list, y->group_list, x->group_count * sizeof(gid_t)) == 0);
}

/* What is cheap to compare and often different comes first. */
bool
service_conf_same(const struct service_conf *x, const struct service_conf *y)
{
	if (x->state != y->state || strcmp(x->name, y->name) != 0 || strcmp(x->id, y->id) != 0 ||
	    x->asks_libwrap != y->asks_libwrap || !same_endpoints(x, y) || !same_ids(x, y))
		return false;
	for (size_t i = 0; i < attr_count; i++)
		if (!attr_is_global(&attrs[i]) && !attr_equal(x, y, &attrs[i]))
			return false;
	return service_conf_same_access(x, y);
}

void
service_conf_free(struct service_conf *s)
{
	if (s != NULL)
		service_done(s);
	free(s);
}

/* NULL: config_free. */
static config_free_fn *free_by;

struct config *
config_new(const char *path)
{
	/* One may be loaded beside the loop while another is made in it. */
	static atomic_uint_fast64_t latest;
	struct config *c = mem_alloc(sizeof(*c));

	c->refs = 1;
	c->number = atomic_fetch_add(&latest, 1) + 1;
	c->path = mem_dup(path);
	service_init(&c->defaults, false);
	reset_globals(&c->global);
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
config_forget_texts(struct config *c)
{
	for (size_t i = 0; i < c->source_count; i++)
		source_forget_text(c->sources[i]);
}

void
config_free_by(config_free_fn *fn)
{
	free_by = fn;
}

void
config_free(struct config *c)
{
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

void
config_unref(struct config *c)
{
	struct config *base;

	if (c == NULL || --c->refs > 0)
		return;
	base = c->base;
	(free_by != NULL ? free_by : config_free)(c);
	config_unref(base);
}
