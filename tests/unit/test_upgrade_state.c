/* SPDX-License-Identifier: MIT */
/* The state that crosses an upgrade: what is written reads back, and what is damaged is refused and does no harm. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run/server.h"
#include "run/worker.h"
#include "suite.h"
#include "upgrade/kept.h"
#include "upgrade/state_file.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- a state with everything in it ---- */

static struct addr
address(const char *text, uint16_t port)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, port), 0);
	return a;
}

static json_t *
listed(const struct record *r, const void *object)
{
	json_t *j = json_array();

	json_array_append_new(j, record_write(r, object));
	return j;
}

static json_t *
listeners(void)
{
	static struct kept_client pending = { .fd = 70, .id = 9, .tries = 2 };
	const struct kept_listener first = {
		.key = "tcp:127.0.0.1:7",
		.fd = 71,
		.owner = 3,
		.is_shared = true,
		.bound = address("127.0.0.1", 7),
		.pending = &pending,
	};
	/* A path of bytes that are no UTF-8. */
	const struct kept_listener second = {
		.key = "unix:/run/\xff\xfe", .fd = 72, .owner = -1, .dev = 1, .ino = UINT64_MAX
	};
	json_t *j;

	pending.peer = address("2001:db8::1", 4000);
	j = listed(&kept_listener_record, &first);
	json_array_append_new(j, record_write(&kept_listener_record, &second));
	return j;
}

static json_t *
servers(void)
{
	const struct kept_server program = { .slot = 3,
		.pid = 4000,
		.peer = address("192.0.2.1", 5),
		.connection = 1,
		.queue_mark = UINT64_MAX,
		.deadline_ms = 99,
		.kept_fd = 77,
		.dialog_fd = 60,
		.dialog_local = address("192.0.2.2", 69) };
	const struct kept_server worker = {
		.slot = 4, .pid = 4001, .started_ms = 12345, .kept_fd = -1, .dialog_fd = -1
	};
	json_t *j = listed(&kept_server_record, &program);

	json_array_append_new(j, record_write(&kept_server_record, &worker));
	return j;
}

static json_t *
muxed(void)
{
	const struct kept_muxed asker = {
		.client = { .fd = 61, .id = 12 }, .line = { "fin", 3 }, .due_ms = 77
	};

	return listed(&kept_muxed_record, &asker);
}

static json_t *
guests(void)
{
	const struct kept_guest guest = {
		.client = { .fd = 62, .id = 13 }, .text = { "come in", 7 }, .due_ms = 78
	};

	return listed(&kept_guest_record, &guest);
}

static struct kept_pool
pool(void)
{
	const struct kept_worker w = {
		.slot = 4,
		.channel_fd = 73,
		.pipe = 74,
		.kind = LAUNCH_WORKER,
		.state = WORKER_BUSY,
		.most = UINT_MAX,
		.client = { .fd = -1, .id = 4, .peer = address("::1", 1) },
		.next = { .fd = -1 },
		.end_ms = INT64_MAX,
	};
	const struct kept_client waiting = { .fd = 75, .id = 5 };
	const struct kept_number inode = { 99 };

	return (struct kept_pool){
		.counters = { .started = 7, .stray = 1 },
		.pace = { .step = 2 },
		.shared.json = listed(&kept_number_record, &inode),
		.workers.json = listed(&kept_worker_record, &w),
		.waiting.json = listed(&kept_client_record, &waiting),
	};
}

static json_t *
service(void)
{
	static char id[] = "x", path[] = "/var/log/x";
	const struct service_conf conf = {
		.name = id,
		.id = id,
		.log_type = { .kind = SINK_FILE, .is_set = true, .path = path },
		.stop_signal = 15,
		.stop_grace_ms = 5000,
	};
	struct kept_pool p = pool();
	struct kept_door door = { .cps_per_second = 3, .cps_until_ms = 79, .rate_full_ns = 80 };
	struct kept_service s = {
		.id = "x",
		.conf = &conf,
		.counters = { .accepted = 11, .refused = { 1, 2, 3 }, .latest_ms = -1 },
		.listeners.json = listeners(),
		.servers.json = servers(),
		.muxed.json = muxed(),
		.guests.json = guests(),
		.door = &door,
		.pool = &p,
	};

	s.counters.ends.each[0].code = 3;
	s.counters.ends.each[0].count = 8;
	s.counters.ends.each[1].code = ENDS_SIGNAL + 9;
	s.counters.ends.each[1].count = UINT64_MAX;
	s.counters.start.bucket[HISTOGRAM_BOUNDS] = 6;
	return listed(&kept_service_record, &s);
}

static json_t *
sample(void)
{
	const struct kept_pipe pipe = {
		.fd = 74, .id = "x", .pid = 4001, .line = { "half\xff", 5 }
	};
	const struct kept_inherited inherited = { .fd = 71, .name = "x", .type = SOCK_STREAM };
	const struct kept_leftover rest = { .pgid = 4002, .fd = 78, .linger_ms = 5 };
	const struct kept_drain drain = { .fd = 79, .text = { "bye\xff", 4 }, .due_ms = 6 };
	const struct kept_ban ban = { .address = "192.0.2.0/24", .until_ms = INT64_MAX };
	const struct kept k = {
		.format = KEPT_FORMAT,
		.pid = 1000,
		.version = "1.0",
		.origin = { .files_soft = 1024, .files_hard = UINT64_MAX, .umask = 022 },
		.runtime = { .connections = 12,
		    .faults = { .fd = 76, .most = 64 },
		    .services.json = service(),
		    .pipes.json = listed(&kept_pipe_record, &pipe),
		    .inherited.json = listed(&kept_inherited_record, &inherited),
		    .bans.json = listed(&kept_ban_record, &ban),
		    .leftovers.json = listed(&kept_leftover_record, &rest),
		    .drains.json = listed(&kept_drain_record, &drain) },
	};

	return record_write(&kept_record, &k);
}

/* 0, or the error; *why: static text. */
static int
read_state(const json_t *state, const char **why)
{
	static char text[sizeof(((struct record_reader *)NULL)->why)];
	struct record_reader reader = { 0 };
	struct kept k;
	int r = kept_read(&reader, state, &k);

	memcpy(text, reader.why, sizeof(text));
	if (why != NULL)
		*why = text;
	record_reader_done(&reader);
	return r;
}

START_TEST(a_state_reads_back)
{
	json_t *state = sample();
	struct record_reader reader = { 0 };
	struct kept k;

	ck_assert_msg(kept_read(&reader, state, &k) == 0, "%s", reader.why);
	const struct kept_service *s = k.runtime.services.item;
	const struct kept_listener *l = s->listeners.item;
	const struct kept_server *server = s->servers.item;
	const struct kept_worker *w = s->pool->workers.item;
	const struct kept_pipe *p = k.runtime.pipes.item;
	const struct kept_leftover *rest = k.runtime.leftovers.item;
	const struct kept_muxed *asker = s->muxed.item;
	const struct kept_guest *guest = s->guests.item;
	const struct kept_drain *drain = k.runtime.drains.item;
	char text[ADDR_TEXT_SIZE];

	ck_assert_uint_eq(k.origin.files_hard, UINT64_MAX);
	ck_assert_uint_eq(s->counters.refused[2], 3);
	ck_assert_uint_eq(s->counters.ends.each[0].code, 3);
	ck_assert_uint_eq(s->counters.ends.each[0].count, 8);
	ck_assert_uint_eq(s->counters.ends.each[1].code, ENDS_SIGNAL + 9);
	ck_assert_uint_eq(s->counters.ends.each[1].count, UINT64_MAX);
	ck_assert_uint_eq(s->counters.start.bucket[HISTOGRAM_BOUNDS], 6);
	ck_assert_str_eq(s->conf->log_type.path, "/var/log/x");
	ck_assert_str_eq(l[1].key, "unix:/run/\xff\xfe");
	ck_assert_uint_eq(l[1].ino, UINT64_MAX);
	ck_assert_int_eq(l[0].pending->fd, 70);
	ck_assert_str_eq(addr_format(&l[0].pending->peer, text), "2001:db8::1");
	ck_assert_ptr_null(l[1].pending);
	ck_assert_int_eq(guest->client.fd, 62);
	ck_assert_mem_eq(guest->text.data, "come in", guest->text.len);
	ck_assert_int_eq(s->door->cps_until_ms, 79);
	ck_assert_int_eq(s->door->rate_full_ns, 80);
	ck_assert_uint_eq(server[0].queue_mark, UINT64_MAX);
	ck_assert_int_eq(w->end_ms, INT64_MAX);
	ck_assert_uint_eq(w->most, UINT_MAX);
	ck_assert_int_eq(server[0].deadline_ms, 99);
	ck_assert_int_eq(server[0].dialog_fd, 60);
	ck_assert_str_eq(addr_format(&server[0].dialog_local, text), "192.0.2.2");
	ck_assert_int_eq(asker->client.fd, 61);
	ck_assert_uint_eq(asker->line.len, 3);
	ck_assert_int_eq(asker->due_ms, 77);
	ck_assert_int_eq(rest->fd, 78);
	ck_assert_int_eq(rest->linger_ms, 5);
	ck_assert_uint_eq(drain->text.len, 4);
	ck_assert_int_eq(drain->due_ms, 6);
	ck_assert_uint_eq(p->line.len, 5);
	ck_assert_int_eq(memcmp(p->line.data, "half\xff", 5), 0);
	record_reader_done(&reader);
	json_decref(state);
}

END_TEST

/* ---- damage ---- */

/* Calls fn for the parent and key of each member below, and of each item (key NULL, index). */
struct walk {
	json_t *root;
	unsigned refused, taken;
};

static void
try_in_place(struct walk *w, json_t *parent, const char *key, json_t *instead)
{
	json_t *old = json_incref(json_object_get(parent, key));

	if (instead == NULL)
		json_object_del(parent, key);
	else
		json_object_set_new(parent, key, instead);
	if (read_state(w->root, NULL) < 0)
		w->refused++;
	else
		w->taken++;
	json_object_set_new(parent, key, old);
}

static void
damage_member(struct walk *w, json_t *parent, const char *key)
{
	const json_t *old = json_object_get(parent, key);
	unsigned taken = w->taken;

	try_in_place(w, parent, key, NULL);
	if (strcmp(key, "daemon") != 0 && strcmp(key, "control") != 0 &&
	    strcmp(key, "journal") != 0)
		try_in_place(w, parent, key, json_pack("{s:{}}", "no"));
	if (!json_is_array(old) && !json_is_null(old))
		try_in_place(w, parent, key, json_pack("[[]]"));
	if (json_is_integer(old))
		try_in_place(w, parent, key, json_string("7"));
	if (json_is_string(old))
		try_in_place(w, parent, key, json_integer(7));
	if (json_is_boolean(old))
		try_in_place(w, parent, key, json_integer(1));
	ck_assert_msg(w->taken == taken, "a wrong %s was taken", key);
	/* These may be right or wrong, but do no harm. */
	try_in_place(w, parent, key, json_null());
	try_in_place(w, parent, key, json_integer(-1));
	try_in_place(w, parent, key, json_integer(INT64_MIN));
	try_in_place(w, parent, key, json_integer(INT64_MAX));
	try_in_place(w, parent, key, json_integer(4294967296));
	try_in_place(w, parent, key, json_real(1e300));
	try_in_place(w, parent, key, json_string(""));
	try_in_place(w, parent, key, json_string("zz"));
	try_in_place(w, parent, key, json_array());
}

/* What is damaged is taken out and put in again, so that the order changes. */
static void
walk(struct walk *w, json_t *j)
{
	json_t *shallow = json_copy(j), *child;
	const char *key;
	size_t i;

	json_array_foreach(shallow, i, child)
		walk(w, child);
	json_object_foreach(shallow, key, child) {
		walk(w, child);
		damage_member(w, j, key);
	}
	json_decref(shallow);
}

START_TEST(g7_each_member_damaged_is_refused)
{
	struct walk w = { .root = sample() };
	json_t *before = json_deep_copy(w.root);

	walk(&w, w.root);
	ck_assert_uint_gt(w.refused, 500);
	ck_assert(json_equal(w.root, before));
	ck_assert_int_eq(read_state(w.root, NULL), 0);
	json_decref(before);
	json_decref(w.root);
}

END_TEST

/* The member at a path such as "runtime.services.0.id". */
static json_t *
at(json_t *j, const char *path)
{
	char *copy = strdup(path), *rest = copy, *name;

	while (j != NULL && (name = strsep(&rest, ".")) != NULL)
		j = json_is_array(j) ? json_array_get(j, (size_t)atoi(name))
				     : json_object_get(j, name);
	ck_assert_msg(j != NULL, "no %s", path);
	free(copy);
	return j;
}

static const struct {
	const char *path, *member;
	int number;
	const char *reason;
} wrong_numbers[] = {
	{ "runtime.services.0.servers.1", "pid", 4000, "one pid" },
	{ "runtime.services.0.servers.1", "pid", 1, "servers.pid: out of range" },
	{ "runtime.services.0.servers.0", "slot", 4, "one slot" },
	{ "runtime.services.0.servers.0", "slot", 64, "beyond the table" },
	{ "runtime.services.0.servers.0", "slot", -1, "slot: out of range" },
	{ "runtime.services.0.servers.0", "slot", 5, "held by nobody" },
	{ "runtime.services.0.servers.0", "kept_fd", 76, "two owners" },
	{ "runtime.services.0.servers.0", "dialog_fd", 76, "two owners" },
	{ "runtime.services.0.muxed.0.client", "fd", 76, "two owners" },
	{ "runtime.services.0.muxed.0.client", "fd", -1, "has no connection" },
	{ "runtime.services.0.guests.0.client", "fd", 76, "two owners" },
	{ "runtime.services.0.guests.0.client", "fd", -1, "has no connection" },
	{ "runtime.leftovers.0", "fd", 76, "two owners" },
	{ "runtime.leftovers.0", "pgid", 1, "pgid: out of range" },
	{ "runtime.drains.0", "fd", 78, "two owners" },
	{ "runtime.services.0.listeners.0", "owner", 17, "held by nobody" },
	{ "runtime.services.0.listeners.1", "owner", 3, "held by nobody" },
	{ "runtime.services.0.listeners.1", "fd", 71, "one descriptor" },
	{ "runtime.services.0.listeners.1", "fd", 73, "two owners" },
	{ "runtime.services.0.listeners.0.pending", "fd", 75, "two owners" },
	{ "runtime.services.0.listeners.0.pending", "fd", -1, "held by nobody" },
	{ "runtime.services.0.pool.workers.0", "slot", 9, "no program of its own" },
	{ "runtime.services.0.pool.workers.0", "pipe", 9, "no program of its own" },
	{ "runtime.services.0.pool.workers.0", "state", 3, "state: out of range" },
	{ "runtime.services.0.pool.workers.0", "kind", 7, "kind: out of range" },
	{ "runtime.services.0.pool.workers.0", "channel_fd", 76, "two owners" },
	{ "runtime.services.0.pool.waiting.0", "fd", 76, "two owners" },
	{ "runtime.services.0.conf", "stop_signal", 65, "stop_signal: out of range" },
	{ "runtime.faults", "most", 0, "most: out of range" },
	{ "", "format", KEPT_FORMAT + 1, "and this is format" },
	{ "", "pid", 0, "pid: out of range" },
};

START_TEST(g7_numbers_that_contradict_each_other)
{
	json_t *state = sample();
	const char *why, *path = wrong_numbers[_i].path;

	json_object_set_new(*path != '\0' ? at(state, path) : state, wrong_numbers[_i].member,
	    json_integer(wrong_numbers[_i].number));
	ck_assert_int_eq(read_state(state, &why), -EINVAL);
	ck_assert_msg(strstr(why, wrong_numbers[_i].reason) != NULL, "%s", why);
	json_decref(state);
}

END_TEST

static const struct {
	const char *path, *member, *text, *reason;
} wrong_texts[] = {
	{ "runtime.bans.0", "address", "somewhere", "no address" },
	{ "runtime.services.0.servers.0", "peer", "ffff", "no address" },
	{ "runtime.services.0.servers.0", "peer", "0", "no address" },
	{ "runtime.services.0.servers.0", "peer", "02", "no address" },
	{ "runtime.pipes.0", "line", "6", "no bytes" },
	{ "runtime.pipes.0", "line", "GG", "no bytes" },
};

START_TEST(g7_texts_that_make_no_sense)
{
	json_t *state = sample();
	const char *why;

	json_object_set_new(at(state, wrong_texts[_i].path), wrong_texts[_i].member,
	    json_string(wrong_texts[_i].text));
	ck_assert_int_eq(read_state(state, &why), -EINVAL);
	ck_assert_msg(strstr(why, wrong_texts[_i].reason) != NULL, "%s", why);
	json_decref(state);
}

END_TEST

START_TEST(g7_programs_without_settings)
{
	json_t *state = sample();
	const char *why;

	json_object_set_new(at(state, "runtime.services.0"), "conf", json_null());
	ck_assert_int_eq(read_state(state, &why), -EINVAL);
	ck_assert_msg(strstr(why, "have no settings") != NULL, "%s", why);
	json_decref(state);
}

END_TEST

START_TEST(g7_a_list_that_is_too_long)
{
	json_t *state = sample();
	json_t *bucket = at(state, "runtime.services.0.counters.start.bucket");

	ck_assert_uint_eq(json_array_size(bucket), HISTOGRAM_BOUNDS + 1);
	json_array_append_new(bucket, json_integer(1));
	ck_assert_int_eq(read_state(state, NULL), -EINVAL);
	json_decref(state);
}

END_TEST

/* Bytes changed here and there: read or refused, and no more. */
START_TEST(g7_bytes_changed_at_random)
{
	json_t *state = sample();
	char *text = json_dumps(state, JSON_COMPACT);
	size_t len = strlen(text);
	unsigned read = 0, seed = 1;

	for (unsigned i = 0; i < 20000; i++) {
		char *copy = strdup(text);

		for (unsigned k = 0; k < 1 + i % 3; k++) {
			seed = seed * 1664525u + 1013904223u;
			copy[(seed >> 8) % len] = "0123456789-\"[]{},:aeftnx"[(seed >> 3) % 24];
		}
		json_t *damaged = json_loads(copy, JSON_REJECT_DUPLICATES, NULL);
		if (damaged != NULL) {
			read++;
			read_state(damaged, NULL);
		}
		json_decref(damaged);
		free(copy);
	}
	ck_assert_uint_gt(read, 100);
	free(text);
	json_decref(state);
}

END_TEST

/* ---- the file ---- */

START_TEST(a_state_file_is_sealed_and_reads_back)
{
	json_t *state = sample(), *back;
	const char *why;
	int fd = state_file_new(state);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	back = state_file_read(fd, &why);
	ck_assert_msg(back != NULL, "%s", why);
	ck_assert(json_equal(state, back));
	json_decref(state);
	json_decref(back);
	close(fd);
}

END_TEST

START_TEST(g8_a_state_file_of_another_kind_is_refused)
{
	const char *why;
	int fd = memfd_create("x", MFD_ALLOW_SEALING);

	ck_assert_int_eq(write(fd, "{}", 2), 2);
	ck_assert_ptr_null(state_file_read(fd, &why));
	ck_assert_str_eq(why, "it is not sealed");
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	ck_assert_ptr_null(state_file_read(fd, &why));
	close(fd);
	ck_assert_ptr_null(state_file_read(fd, &why));
	ck_assert_str_eq(why, "it is no file of that kind");
}

END_TEST

START_TEST(descriptors_are_found_by_their_names)
{
	json_t *state = json_pack("{s:i, s:[{s:i, s:i}], s:[i, i, i], s:i, s:s, s:i}", "fd", 9, "a",
	    "channel_fd", 5, "number", 77, "fds", 8, 5, -1, "log_fd", -1, "x_fd", "12", "afd", 4);
	size_t count;
	int *fds = state_fds(state, &count);

	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(fds[0], 5);
	ck_assert_int_eq(fds[1], 8);
	ck_assert_int_eq(fds[2], 9);
	free(fds);
	json_decref(state);
}

END_TEST

/* ---- the table of programs ---- */

START_TEST(programs_come_back_to_their_places)
{
	struct servers *t = servers_new(16);
	struct server *five = servers_take_slot(t, 5), *two = servers_take_slot(t, 2);

	servers_start(t, five, 1005);
	servers_start(t, two, 1002);
	ck_assert_uint_eq(servers_slot(t, five), 5);
	ck_assert_ptr_eq(servers_find(t, 1002), two);
	ck_assert_ptr_null(servers_take_slot(t, 16));
	for (unsigned i = 0; i < 14; i++) {
		struct server *s = servers_take(t);

		ck_assert_ptr_nonnull(s);
		ck_assert_uint_ne(servers_slot(t, s), 5);
		ck_assert_uint_ne(servers_slot(t, s), 2);
	}
	ck_assert_ptr_null(servers_take(t));
	servers_free(t);
}

END_TEST

/* A child that was forked before reports into the same memory afterwards. */
START_TEST(what_a_child_reports_is_seen_through_the_handed_memory)
{
	struct servers *before = servers_new(16), *after = servers_new(32);
	struct server *s = servers_take(before);
	unsigned most;
	int fd = dup(servers_faults_fd(before, &most));

	ck_assert_uint_eq(most, 16);
	ck_assert_int_eq(servers_take_faults(after, fd, most), 0);
	*servers_fault(before, s) = (struct launch_fault){ .step = 3, .error = ENOENT };
	s = servers_take_slot(after, servers_slot(before, s));
	ck_assert_int_eq(servers_fault(after, s)->step, 3);
	s = servers_take_slot(after, 31);
	servers_fault(after, s)->step = 1;
	ck_assert_int_eq(servers_faults_fd(after, &most), fd);
	ck_assert_uint_eq(most, 32);
	servers_free(before);
	servers_free(after);
}

END_TEST

static const struct suite_test tests[] = {
	TEST(a_state_reads_back),
	TEST(g7_each_member_damaged_is_refused),
	TEST_LOOP(g7_numbers_that_contradict_each_other, ARRAY_LEN(wrong_numbers)),
	TEST_LOOP(g7_texts_that_make_no_sense, ARRAY_LEN(wrong_texts)),
	TEST(g7_programs_without_settings),
	TEST(g7_a_list_that_is_too_long),
	TEST(g7_bytes_changed_at_random),
	TEST(a_state_file_is_sealed_and_reads_back),
	TEST(g8_a_state_file_of_another_kind_is_refused),
	TEST(descriptors_are_found_by_their_names),
	TEST(programs_come_back_to_their_places),
	TEST(what_a_child_reports_is_seen_through_the_handed_memory),
};

int
main(void)
{
	return run_suite("upgrade_state", tests, ARRAY_LEN(tests));
}
