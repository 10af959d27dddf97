/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/clock.h"
#include "base/quote.h"
#include "conf/types.h"
#include "control/commands.h"
#include "control/daemon.h"
#include "control/json_text.h"
#include "control/live.h"
#include "policy/ban.h"

/* The longest time of a ban that has one, in seconds: ten years. */
#define LONGEST_S 315360000

static bool
read_address(struct request *r, struct ban *ban)
{
	const char *text = request_text(r, "address");
	char shown[200];

	if (ban_parse(text, ban) == 0)
		return true;
	request_fail(r, "bad-value", "%s is neither an address nor a prefix such as 192.0.2.0/24",
	    quote_text(text, shown, sizeof(shown)));
	return false;
}

static bool
read_time(struct request *r, struct ban *ban)
{
	const json_t *seconds = json_object_get(r->args, "for");
	json_int_t value = json_integer_value(seconds);

	if (seconds == NULL)
		return true;
	if (value < 1 || value > LONGEST_S) {
		request_fail(r, "bad-value",
		    "a ban is for 1 to %d seconds, or without for until it is taken out",
		    LONGEST_S);
		return false;
	}
	ban->until_ms = clock_now_ms() + value * 1000;
	return true;
}

/* The end of a ban by the other clock; null: it has none. */
static json_t *
until_json(const struct ban *ban)
{
	int64_t left_ms = ban->until_ms - clock_now_ms();

	if (ban->until_ms == INT64_MAX)
		return json_null();
	return json_integer((json_int_t)clock_wall() + (left_ms + 500) / 1000);
}

static json_t *
ban_json(const struct ban *ban)
{
	json_t *json = json_object();
	char text[ADDR_TEXT_SIZE + 4];

	json_object_set_new(json, "address", json_text(ban_format(ban, text)));
	json_object_set_new(json, "until", until_json(ban));
	return json;
}

/* Where nobody is banned no client is looked up. */
static void
forget_if_empty(struct runtime *rt)
{
	if (rt->bans == NULL || bans_count(rt->bans, clock_now_ms()) > 0)
		return;
	bans_free(rt->bans);
	rt->bans = NULL;
}

json_t *
cmd_ban(struct request *r)
{
	struct runtime *rt = &r->daemon->runtime;
	struct ban ban;

	if (!live_is_running(r) || !read_address(r, &ban) || !read_time(r, &ban))
		return NULL;
	forget_if_empty(rt);
	if (rt->bans == NULL)
		rt->bans = bans_new();
	if (bans_add(rt->bans, &ban) < 0)
		return request_fail(r, "failed",
		    "there are %u bans already: ban prefixes in place of addresses", BAN_MOST);
	return ban_json(&ban);
}

json_t *
cmd_unban(struct request *r)
{
	struct runtime *rt = &r->daemon->runtime;
	char text[ADDR_TEXT_SIZE + 4];
	struct ban ban;

	if (!live_is_running(r) || !read_address(r, &ban))
		return NULL;
	forget_if_empty(rt);
	if (rt->bans == NULL || !bans_remove(rt->bans, &ban))
		return request_fail(r, "bad-value",
		    "%s is not banned, or only as a part of something else",
		    ban_format(&ban, text));
	ban.until_ms = INT64_MAX;
	forget_if_empty(rt);
	return ban_json(&ban);
}

/* The place in the table from which on they are shown. False, and the request has failed, if it is none. */
static bool
read_cursor(struct request *r, unsigned *at)
{
	const char *after = request_text(r, "after");
	long long value = 0;

	if (after != NULL && !type_read_number(&value, after, 0, BAN_MOST, NULL)) {
		request_fail(
		    r, "bad-request", "after must be what \"next\" of the page before said");
		return false;
	}
	*at = (unsigned)value;
	return true;
}

static void
add_ban(json_t *list, const struct ban *ban)
{
	json_t *json = ban_json(ban);

	json_object_set_new(json, "hits", json_integer((json_int_t)ban->hits));
	json_array_append_new(list, json);
}

/* A page. What is banned keeps its place in the table, so that it is on one page whatever comes and goes meanwhile. */
static json_t *
page_of(const struct bans *bans, unsigned at)
{
	json_t *list = json_array(), *result = json_pack("{s:o}", "bans", list);
	struct ban ban;

	while (bans_next(bans, &at, &ban)) {
		unsigned behind = at;

		add_ban(list, &ban);
		if (json_array_size(list) < CONTROL_PAGE || !bans_next(bans, &behind, &ban))
			continue;
		json_object_set_new(result, "next", json_sprintf("%u", at));
		break;
	}
	return result;
}

json_t *
cmd_bans(struct request *r)
{
	struct runtime *rt = &r->daemon->runtime;
	unsigned at;

	if (!read_cursor(r, &at))
		return NULL;
	forget_if_empty(rt);
	return rt->bans != NULL ? page_of(rt->bans, at) : json_pack("{s:[]}", "bans");
}
