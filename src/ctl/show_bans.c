/* SPDX-License-Identifier: MIT */
/* Addresses that are not served. */
#include "base/clock.h"
#include "base/mem.h"
#include "ctl/command_row.h"
#include "ctl/duration.h"
#include "ctl/get.h"
#include "ctl/show.h"
#include "ctl/table.h"

static const struct column columns[] = {
	{ .title = "ADDRESS", .least = 15 },
	{ .title = "UNTIL", .rank = 2 },
	{ .title = "LEFT", .is_number = true, .rank = 1 },
	{ .title = "REFUSED", .is_number = true },
};

static void
show_bans(struct call *c, const json_t *result)
{
	struct table *t = table_new(columns, ARRAY_LEN(columns));
	const json_t *ban;
	size_t i;

	json_array_foreach(json_object_get(result, "bans"), i, ban) {
		long long until = get_number(ban, "until");
		char text[DURATION_TEXT_SIZE];

		table_add(t, COLOR_NONE, "%s", get_text(ban, "address"));
		if (get_has(ban, "until")) {
			table_add(t, COLOR_NONE, "%s", duration_moment(until * 1000, 0, text));
			table_add(t, COLOR_NONE, "%s",
			    duration_format((until - (long long)clock_wall()) * 1000, text));
		} else {
			table_add(t, COLOR_NONE, "unban");
			table_add(t, COLOR_DIM, "-");
		}
		table_add(t, COLOR_NONE, "%lld", get_number(ban, "hits"));
	}
	table_print(t, &c->screen, 0);
	table_free(t);
}

int
ctl_bans(struct call *c)
{
	return show_answer(c, link_request("bans"), "bans", show_bans);
}
