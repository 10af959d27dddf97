/* SPDX-License-Identifier: MIT */
/* One connection: what is asked, and whether the answer is right. */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUESTION_SIZE 64  /* of an echo exactly so much, with the newline */
#define ANSWER_SIZE   512 /* a longer one is wrong */

enum outcome {
	OUTCOME_NONE, /* the connection is not done */
	OUTCOME_RIGHT,
	OUTCOME_WRONG,
	OUTCOME_CLOSED, /* before the whole answer */
	OUTCOME_UNANSWERED,
	OUTCOME_MAX
};

struct kind;

struct target {
	uint16_t *ports;
	size_t ports_count;
	unsigned sources;
};

struct client {
	int fd; /* -1: it has no connection */
	int64_t intended_ns, begun_ns;
	size_t asked, received;
	size_t question_len;
	char question[QUESTION_SIZE + 1], answer[ANSWER_SIZE];
};

/* NULL: there is none of that name. */
const struct kind *kind_find(const char *name);
/* Whether a connection with a right answer is kept open. */
bool kind_keeps(const struct kind *kind);

/* Connects for the connection of that number, and asks, if that can be done at once. */
void client_begin(
    struct client *c, const struct kind *kind, const struct target *target, unsigned long number);
/* Whether the question is still to be sent, when the descriptor can be written to. */
bool client_has_to_ask(const struct client *c);
/* To be called when the descriptor is ready; closes nothing. */
enum outcome client_go_on(struct client *c, const struct kind *kind);

_Noreturn void give_up(const char *what);

#endif
