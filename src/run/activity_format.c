/* SPDX-License-Identifier: MIT */
#include "run/activity_format.h"

#include <porter/worker.h>

#include "base/mem.h"
#include "base/quote.h"

enum kind { NUMBER, MILLISECONDS, HOST, TEXT };

/* With its length, which is not to be found out for each line. */
struct word {
	const char *text;
	size_t len;
};

#define WORD(text)       \
 {                       \
  text, sizeof(text) - 1 \
 }

/* before, after: in xinetd's form. */
static const struct {
	struct word key, before, after;
	enum kind kind;
	bool is_whole; /* in xinetd's form these milliseconds are whole seconds */
} rows[] = {
	[FIELD_REASON] = { WORD("reason"), WORD(" "), WORD(""), TEXT, false },
	[FIELD_STATUS] = { WORD("status"), WORD(" status="), WORD(""), NUMBER, false },
	[FIELD_SIGNAL] = { WORD("signal"), WORD(" signal="), WORD(""), NUMBER, false },
	[FIELD_PID] = { WORD("pid"), WORD(" pid="), WORD(""), NUMBER, false },
	[FIELD_FROM] = { WORD("from"), WORD(" from="), WORD(""), HOST, false },
	[FIELD_DURATION] = { WORD("duration"), WORD(" duration="), WORD("(sec)"), MILLISECONDS,
	    true },
	[FIELD_CPU] = { WORD("cpu"), WORD(" cpu="), WORD("(sec)"), MILLISECONDS, false },
	[FIELD_RSS] = { WORD("rss_kb"), WORD(" rss="), WORD("(kB)"), NUMBER, false },
	[FIELD_READ] = { WORD("read"), WORD(" read="), WORD(""), NUMBER, false },
	[FIELD_WRITTEN] = { WORD("written"), WORD(" written="), WORD(""), NUMBER, false },
	[FIELD_BYTES_IN] = { WORD("bytes_in"), WORD(" bytes="), WORD(""), NUMBER, false },
	[FIELD_BYTES_OUT] = { WORD("bytes_out"), WORD("/"), WORD(""), NUMBER, false },
	[FIELD_TRAFFIC_IN] = { WORD("bytes_in"), WORD(" in="), WORD("(bytes)"), NUMBER, false },
	[FIELD_TRAFFIC_OUT] = { WORD("bytes_out"), WORD(" out="), WORD("(bytes)"), NUMBER, false },
	[FIELD_RESULT] = { WORD("result"), WORD(" result="), WORD(""), TEXT, false },
	[FIELD_CONN] = { WORD("conn"), WORD(" conn="), WORD(""), NUMBER, false },
};

_Static_assert(ARRAY_LEN(rows) == FIELD_MAX, "every field has a row");

static const char *const events[] = {
	[ACTIVITY_START] = "START",
	[ACTIVITY_EXIT] = "EXIT",
	[ACTIVITY_FAIL] = "FAIL",
	[ACTIVITY_TRAFFIC] = "TRAFFIC",
};

/* Known readers of xinetd's log want these lines to end with the address. */
static const char *const bare_reasons[] = { "address", "libwrap" };

static bool
is_bare(const char *reason)
{
	for (size_t i = 0; i < ARRAY_LEN(bare_reasons); i++)
		if (strcmp(reason, bare_reasons[i]) == 0)
			return true;
	return false;
}

/* Of what an id is written with at most, in bytes. */
#define ID_MOST 256

union quoted {
	char id[ID_MOST];
	char result[2 * PORTER_RESULT_SIZE];
};

static void
put_quoted(struct line *l, const char *text)
{
	union quoted out UNINITIALIZED;

	line_put(l, quote_text(text, out.result, sizeof(out.result)));
}

static void
put_id(struct line *l, const char *id)
{
	union quoted out UNINITIALIZED;

	line_put(l, quote_text(id, out.id, sizeof(out.id)));
}

static const char *
host_text(const struct addr *peer, char *text)
{
	return addr_family(peer) == AF_UNIX ? "unix" : addr_format(peer, text);
}

static void
put_word(struct line *l, const struct word *w)
{
	line_bytes(l, w->text, w->len);
}

static void
put_value(struct line *l, const struct activity_event *e, unsigned i)
{
	char host[ADDR_TEXT_SIZE] UNINITIALIZED;

	switch (rows[i].kind) {
	case NUMBER:
		line_number(l, e->value[i].number);
		break;
	case MILLISECONDS:
		line_thousandths(l, e->value[i].number);
		break;
	case HOST:
		line_put(l, host_text(e->peer, host));
		break;
	case TEXT:
		put_quoted(l, e->value[i].text);
		break;
	}
}

static void
format_xinetd(struct line *l, const struct activity_event *e)
{
	unsigned left = e->fields;

	line_put(l, events[e->kind]);
	line_put(l, ": ");
	put_id(l, e->service);
	if (e->kind == ACTIVITY_FAIL && is_bare(e->value[FIELD_REASON].text))
		left &= ~(1u << FIELD_CONN);
	for (; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);

		put_word(l, &rows[i].before);
		if (rows[i].kind == HOST && e->peer->len == 0)
			line_put(l, "<no address>");
		else if (rows[i].is_whole)
			line_number(l, e->value[i].number / 1000);
		else if (i == FIELD_REASON)
			line_put(l, e->value[i].text); /* words of our own, as xinetd has them */
		else
			put_value(l, e, i);
		put_word(l, &rows[i].after);
	}
}

/* A host that is not known is not named. */
static unsigned
known_fields(const struct activity_event *e)
{
	bool has_host = (e->fields & 1u << FIELD_FROM) != 0 && e->peer->len > 0;

	return has_host ? e->fields : e->fields & ~(1u << FIELD_FROM);
}

static bool
has_port(const struct activity_event *e)
{
	return addr_family(e->peer) == AF_INET || addr_family(e->peer) == AF_INET6;
}

static void
format_logfmt(struct line *l, const struct activity_event *e)
{
	line_put(l, "event=");
	line_put(l, events[e->kind]);
	line_put(l, " service=");
	put_id(l, e->service);
	for (unsigned left = known_fields(e); left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);

		line_put(l, " ");
		put_word(l, &rows[i].key);
		line_put(l, "=");
		put_value(l, e, i);
		if (rows[i].kind == HOST && has_port(e)) {
			line_put(l, " port=");
			line_number(l, addr_port(e->peer));
		}
	}
	line_put(l, " time=");
	line_time(l, e->wall_ms);
}

static void
put_json_host(struct line *l, const char *key, const struct addr *peer)
{
	char text[ADDR_TEXT_SIZE] UNINITIALIZED;

	line_json_text(l, key, host_text(peer, text));
}

static void
put_json(struct line *l, const struct activity_event *e, unsigned i)
{
	switch (rows[i].kind) {
	case NUMBER:
		line_json_number(l, rows[i].key.text, e->value[i].number);
		break;
	case MILLISECONDS:
		line_json_thousandths(l, rows[i].key.text, e->value[i].number);
		break;
	case HOST:
		put_json_host(l, rows[i].key.text, e->peer);
		if (has_port(e))
			line_json_number(l, "port", addr_port(e->peer));
		break;
	case TEXT:
		line_json_text(l, rows[i].key.text, e->value[i].text);
		break;
	}
}

static void
format_json(struct line *l, const struct activity_event *e)
{
	line_json_open(l);
	line_json_time(l, "time", e->wall_ms);
	line_json_text(l, "event", events[e->kind]);
	line_json_textn(l, "service", e->service, strnlen(e->service, ID_MOST));
	for (unsigned left = known_fields(e); left != 0; left &= left - 1)
		put_json(l, e, (unsigned)__builtin_ctz(left));
	line_json_close(l);
}

void
activity_format(struct line *out, enum conf_log_format format, const struct activity_event *e)
{
	static void (*const formatters[])(struct line *, const struct activity_event *) = {
		[CONF_FORMAT_XINETD] = format_xinetd,
		[CONF_FORMAT_LOGFMT] = format_logfmt,
		[CONF_FORMAT_JSON] = format_json,
	};

	formatters[format](out, e);
}
