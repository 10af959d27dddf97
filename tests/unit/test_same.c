/* SPDX-License-Identifier: MIT */
/* Services that another configuration leaves as they are, and all that tells one from another. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/attr.h"
#include "load/load.h"
#include "reload/same.h"
#include "suite.h"

#define SERVICE(name, number, more)                                                   \
 "service " name "\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n" \
 "\twait = no\n\tuser = root\n\tserver = /bin/sh\n\tlisten = 127.0.0.1:" number "\n" more "}\n"

static struct config *
load(const char *text)
{
	char path[] = "/tmp/same-XXXXXX";
	struct load_options options = { .lookup = &lookup_system, .is_root = true };
	struct problems problems = { 0 };
	int fd = mkostemp(path, 0);
	struct config *c;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	c = config_load(path, &options, &problems);
	unlink(path);
	problems_done(&problems);
	return c;
}

/* How many services of the second text are what they were in the first. */
static unsigned
count_same(const char *first, const char *second)
{
	struct config *before = load(first), *after = load(second);
	struct same *same = same_find(before, after);
	unsigned count = 0;

	for (size_t i = 0; i < after->count; i++) {
		const struct service_conf *was = same_as(same, after->services[i]);

		if (was != NULL)
			ck_assert_str_eq(was->id, after->services[i]->id);
		count += was != NULL;
	}
	same_free(same);
	config_unref(before);
	config_unref(after);
	return count;
}

#define A SERVICE("a", "3601", "")
#define B SERVICE("b", "3602", "")
#define C SERVICE("c", "3603", "")

static const struct {
	const char *before, *after;
	unsigned same;
} texts[] = {
	{ A B C, A B C, 3 },
	{ A B C, "# another line\n\n" C A B, 3 },
	{ A B C, A C, 2 },
	{ A C, A B C, 2 },
	{ A B C, A SERVICE("b", "3602", "\tinstances = 7\n") C, 2 },
	/* Ports that are swapped, and another name for the same address. */
	{ A B C, SERVICE("a", "3602", "") SERVICE("b", "3601", "") C, 1 },
	{ A, SERVICE("x", "3601", ""), 0 },
	{ A, SERVICE("a", "3601", "\tid = x\n"), 0 },
	/* What the defaults say is what it has. */
	{ A B, "defaults\n{\n\tinstances = 7\n}\n" A B, 0 },
	{ "defaults\n{\n\tinstances = 7\n}\n" A, SERVICE("a", "3601", "\tinstances = 7\n"), 1 },
	/* Those that do not run. */
	{ A, SERVICE("a", "3601", "\tdisable = yes\n"), 0 },
	{ SERVICE("a", "3601", "\tdisable = yes\n"), SERVICE("a", "3601", "\tdisable = yes\n"), 0 },
	{ SERVICE("a", "3601", "\tdirectory = /nowhere\n"),
	    SERVICE("a", "3601", "\tdirectory = /nowhere\n"), 0 },
	{ A, SERVICE("a", "3601", "\tlisten = 127.0.0.1:3604\n"), 0 },
};

START_TEST(what_is_the_same_is_found)
{
	ck_assert_uint_eq(count_same(texts[_i].before, texts[_i].after), texts[_i].same);
}

END_TEST

/* What loading has worked out, of two services of one text. */
static void
change_uid(struct service_conf *s)
{
	s->uid++;
}

static void
change_gid(struct service_conf *s)
{
	s->gid++;
}

static void
change_ids(struct service_conf *s)
{
	s->changes_ids = !s->changes_ids;
}

static void
change_user_name(struct service_conf *s)
{
	free(s->user_name);
	s->user_name = NULL;
}

static void
change_groups(struct service_conf *s)
{
	s->group_list = mem_grow(s->group_list, s->group_count + 1, sizeof(*s->group_list));
	s->group_list[s->group_count++] = 4711;
}

static void
change_group(struct service_conf *s)
{
	s->group_list[0]++;
}

static void
change_socket_owner(struct service_conf *s)
{
	s->listen_uid++;
}

static void
change_socket_group(struct service_conf *s)
{
	s->listen_gid++;
}

static void
change_libwrap(struct service_conf *s)
{
	s->asks_libwrap = !s->asks_libwrap;
}

static void
change_dual(struct service_conf *s)
{
	s->endpoints[0].is_dual = !s->endpoints[0].is_dual;
}

static void
change_address(struct service_conf *s)
{
	addr_set_port(&s->endpoints[0].addr, 1);
}

static void
change_list(struct service_conf *s)
{
	struct prefix p = { .length = 8, .bytes = { 10 } };

	struct access_list *list = access_list_need(&s->no_access_list);

	ip_set_unref(list->set);
	list->set = ip_set_new(&p, 1);
}

static void
change_state(struct service_conf *s)
{
	s->state = CONF_BROKEN_SURROUNDINGS;
}

static void (*const changes[])(struct service_conf *s) = { change_uid, change_gid, change_ids,
	change_user_name, change_groups, change_group, change_socket_owner, change_socket_group,
	change_libwrap, change_dual, change_address, change_list, change_state };

START_TEST(what_was_worked_out_counts)
{
	struct config *c = load(SERVICE("a", "3601", "\tgroups = yes\n"));
	struct service_conf *x = service_conf_clone(c->services[0]);

	ck_assert_int_eq(c->services[0]->state, CONF_OK);
	ck_assert_uint_gt(x->group_count, 0);
	ck_assert(service_conf_same(c->services[0], x));
	changes[_i](x);
	ck_assert(!service_conf_same(c->services[0], x));
	service_conf_free(x);
	config_unref(c);
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST_LOOP(what_is_the_same_is_found, ARRAY_LEN(texts)),
		TEST_LOOP(what_was_worked_out_counts, ARRAY_LEN(changes)),
	};

	return run_suite("same", tests, ARRAY_LEN(tests));
}
