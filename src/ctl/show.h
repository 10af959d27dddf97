/* SPDX-License-Identifier: MIT */
/* What several commands show in the same way. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>

#include "ctl/call.h"

/* Asks, and hands the result to show, or prints it as JSON. list: it comes in pages of that member; NULL: it does not. */
typedef void show_fn(struct call *c, const json_t *result);
int show_answer(struct call *c, json_t *request, const char *list, show_fn *show);

/* Good, bad or neither. */
enum color show_state_color(const char *state);
/* The words of listeners' addresses, separated by blanks; heap. */
char *show_listeners(const json_t *service);
/* 1234 kB as "1.2M"; text has 16 bytes. Returns it. */
const char *show_kb(long long kb, char text[16]);

/* Prints problems as --check does, on standard output. */
void show_problems(const json_t *problems);
/* True if one of them refuses a reload. */
bool show_refuses(const json_t *problems);

#endif
