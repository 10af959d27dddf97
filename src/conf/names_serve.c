/* SPDX-License-Identifier: MIT */
/* The process that looks names up. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/names.h"
#include "conf/names_wire.h"

struct question {
	const char *const *text;
	unsigned number;
};

static void
look_up_user(struct names_reply *r, const struct question *q)
{
	struct user_entry entry = { 0 };
	struct names_user *user;

	r->result = lookup_system.user(q->text[0], &entry);
	if (r->result < 0)
		return;
	r->size = sizeof(*user) + strlen(entry.name);
	r->bytes = user = mem_alloc(r->size);
	*user = (struct names_user){ .uid = entry.uid, .gid = entry.gid };
	memcpy(user + 1, entry.name, strlen(entry.name));
	free(entry.name);
}

static void
look_up_group(struct names_reply *r, const struct question *q)
{
	r->size = sizeof(gid_t);
	r->bytes = mem_alloc(r->size);
	r->result = lookup_system.group(q->text[0], r->bytes);
}

static void
look_up_groups(struct names_reply *r, const struct question *q)
{
	gid_t *list = NULL;
	size_t count = 0;

	r->result = lookup_system.groups(q->text[0], (gid_t)q->number, &list, &count);
	r->bytes = list;
	r->size = count * sizeof(*list);
}

static void
look_up_port(struct names_reply *r, const struct question *q)
{
	r->result = lookup_system.port(q->text[0], q->text[1]);
}

static void
look_up_host(struct names_reply *r, const struct question *q)
{
	struct addr *list = NULL;
	size_t count = 0;

	r->result = lookup_system.host(q->text[0], &list, &count);
	r->bytes = list;
	r->size = count * sizeof(*list);
}

static void
look_up_network(struct names_reply *r, const struct question *q)
{
	r->size = sizeof(struct prefix);
	r->bytes = mem_alloc(r->size);
	r->result = lookup_system.network(q->text[0], r->bytes);
}

static void (*const look_ups[])(struct names_reply *r, const struct question *q) = {
	[NAMES_USER] = look_up_user,
	[NAMES_GROUP] = look_up_group,
	[NAMES_GROUPS] = look_up_groups,
	[NAMES_PORT] = look_up_port,
	[NAMES_HOST] = look_up_host,
	[NAMES_NETWORK] = look_up_network,
};
_Static_assert(ARRAY_LEN(look_ups) == NAMES_MAX, "every kind of name has its look-up");

void
names_look_up(
    struct names_reply *r, enum names_kind kind, const char *const text[2], unsigned number)
{
	const struct question q = { .text = text, .number = number };

	*r = (struct names_reply){ 0 };
	look_ups[kind](r, &q);
	if (r->result < 0)
		r->size = 0;
}

static bool
put_answer(int fd, const struct names_reply *r)
{
	const struct names_answer answer = { .result = r->result, .size = (uint32_t)r->size };

	return names_write(fd, &answer, sizeof(answer)) && names_write(fd, r->bytes, answer.size);
}

/* The texts of a question; false at the end of the stream. */
static bool
take_texts(int fd, const struct names_question *head, char *text[2])
{
	for (size_t i = 0; i < ARRAY_LEN(head->len); i++) {
		if (head->len[i] > NAMES_MOST_BYTES)
			return false;
		text[i] = mem_alloc(head->len[i] + 1);
		if (!names_read(fd, text[i], head->len[i]))
			return false;
	}
	return true;
}

/* False when there are no questions any more. */
static bool
answer_one(int fd)
{
	char *text[2] = { NULL, NULL };
	struct names_question head;
	struct names_reply r = { 0 };
	bool is_good;

	if (!names_read(fd, &head, sizeof(head)) || head.kind >= NAMES_MAX)
		return false;
	is_good = take_texts(fd, &head, text);
	if (is_good) {
		names_look_up(&r, head.kind, (const char *const *)text, head.number);
		is_good = put_answer(fd, &r);
	}
	free(r.bytes);
	free(text[0]);
	free(text[1]);
	return is_good;
}

/* Another version of this program may have been installed meanwhile, and may say other things. */
int
names_serve(int fd, int argc, char *const *argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, NAMES_PROGRAM);
	if (argc != 2 || strcmp(argv[1], VERSION) != 0)
		return 1;
	while (answer_one(fd))
		;
	return 0;
}
