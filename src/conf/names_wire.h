/* SPDX-License-Identifier: MIT */
/* What is said between both ends: they are the same program on the same machine. Private to names.c and names_serve.c. */
#ifndef CONF_NAMES_WIRE_H
#define CONF_NAMES_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum names_kind {
	NAMES_USER,
	NAMES_GROUP,
	NAMES_GROUPS,
	NAMES_PORT,
	NAMES_HOST,
	NAMES_NETWORK,
	NAMES_MAX
};

/* Longer questions and answers are none. */
#define NAMES_MOST_BYTES (4u << 20)

/* Both texts follow without their zeros. */
struct names_question {
	uint32_t kind, number, len[2];
};

/* `size` bytes follow: of a user struct names_user and his name, of others an array. */
struct names_answer {
	int32_t result;
	uint32_t size;
};

struct names_user {
	uid_t uid;
	gid_t gid;
};

struct names_reply {
	int result;
	void *bytes; /* heap */
	size_t size;
};

/* Looks it up here and now; text[1] is "" where there is one alone. */
void names_look_up(
    struct names_reply *r, enum names_kind kind, const char *const text[2], unsigned number);

/* All of it; false at the end of the stream, or if it fails. */
bool names_read(int fd, void *bytes, size_t len);
bool names_write(int fd, const void *bytes, size_t len);

#endif
