/* SPDX-License-Identifier: MIT */
/* Answers in pages. A cursor names the last item of a page, in an order that no reload changes: whatever comes and goes
 * between two pages, an item that stays is in exactly one of them. */
#ifndef CONTROL_PAGE_H
#define CONTROL_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/command.h"

struct service;
struct service_conf;

struct page {
	unsigned most;   /* items; 1 to CONTROL_PAGE */
	bool is_named;   /* some service goes by the name that was asked for */
	bool is_further; /* it is not the first page */

	/* Those that run, by their serial numbers. */
	uint64_t after;
	bool has_more;
	unsigned count;
	struct service *services[CONTROL_PAGE];

	/* Then those of the configuration that are not served, by their ids, and in file order where these are equal. */
	bool is_unserved; /* all that run were in earlier pages */
	char after_id[256];
	unsigned after_equal; /* so many of this id were in earlier pages */
	bool has_more_unserved;
	unsigned unserved_count;
	const struct service_conf *unserved[CONTROL_PAGE];
};

/* Reads the argument "after". False, and the request has failed, if it is no cursor. */
bool page_begin(struct page *p, struct request *r, unsigned most);
/* The services that "service" names, or all of them: those that run, and with is_all those that are not served as well. False,
 * and the request has failed, if it names none. */
bool page_fill(struct page *p, struct request *r, bool is_all);
/* Adds "next" to an answer if there is more. */
void page_end(const struct page *p, json_t *result);

#endif
