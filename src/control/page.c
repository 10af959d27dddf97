/* SPDX-License-Identifier: MIT */
#include "control/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/quote.h"
#include "control/daemon.h"
#include "control/measure.h"
#include "run/service.h"

/* A cursor is "s" and a serial number, or "c", a number, ":" and an id in hexadecimal: an id may hold any bytes. */
#define RUNNING_CURSOR  's'
#define UNSERVED_CURSOR 'c'

/* As much of an id as a cursor holds; longer ones count as equal where that much is. */
#define ID_SHOWN (sizeof(((struct page *)0)->after_id) - 1)

/* False if it is no number, or something follows it but end. */
static bool
read_number(const char *text, char end, unsigned long long *out, const char **rest)
{
	char *stop;

	if (*text < '0' || *text > '9')
		return false;
	*out = strtoull(text, &stop, 10);
	*rest = stop + (end != '\0');
	return *stop == end;
}

static bool
read_hex(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text != '\0'; text += 2) {
		if (n == size - 1 || strspn(text, "0123456789abcdef") < 2)
			return false;
		const char byte[] = { text[0], text[1], '\0' };

		out[n++] = (char)strtoul(byte, NULL, 16);
	}
	out[n] = '\0';
	return true;
}

static bool
read_cursor(struct page *p, const char *text)
{
	unsigned long long number;
	const char *rest;

	p->is_further = true;
	if (*text == RUNNING_CURSOR && read_number(text + 1, '\0', &number, &rest)) {
		p->after = number;
		return true;
	}
	if (*text != UNSERVED_CURSOR || !read_number(text + 1, ':', &number, &rest))
		return false;
	p->is_unserved = true;
	p->after_equal = (unsigned)number;
	return read_hex(rest, p->after_id, sizeof(p->after_id));
}

bool
page_begin(struct page *p, struct request *r, unsigned most)
{
	const char *after = request_text(r, "after");

	*p = (struct page){ .most = most };
	if (after == NULL || read_cursor(p, after))
		return true;
	request_fail(r, "bad-request", "after must be what \"next\" of the page before said");
	return false;
}

/* Keeps those with the smallest serial numbers behind the cursor. */
static void
offer(struct service *s, void *arg)
{
	struct page *p = arg;
	unsigned at = p->count;

	p->is_named = true;
	if (p->is_unserved || s->serial <= p->after)
		return;
	while (at > 0 && p->services[at - 1]->serial > s->serial)
		at--;
	if (p->count == p->most)
		p->has_more = true;
	if (at == p->most)
		return;
	p->count += p->count < p->most;
	memmove(
	    &p->services[at + 1], &p->services[at], (p->count - at - 1) * sizeof(struct service *));
	p->services[at] = s;
}

/* Those that were removed and whose programs are still there are known by their ids. */
static void
find_services(struct page *p, struct request *r, const char *name)
{
	struct service *s;

	if (name != NULL)
		services_named(r->daemon, name, offer, p);
	TAILQ_FOREACH(s, &r->daemon->runtime.services, link)
		if (name == NULL || (s->is_gone && strcmp(s->conf->id, name) == 0))
			offer(s, p);
}

/* Whether it was in an earlier page; seen counts those with the id of the cursor. */
static bool
is_behind(const struct page *p, const struct service_conf *conf, unsigned *seen)
{
	int order = strncmp(conf->id, p->after_id, ID_SHOWN);

	return order > 0 || (order == 0 && (*seen)++ >= p->after_equal);
}

static void
offer_unserved(struct page *p, const struct service_conf *conf)
{
	unsigned room = p->most - p->count, at = p->unserved_count;

	while (at > 0 && strncmp(p->unserved[at - 1]->id, conf->id, ID_SHOWN) > 0)
		at--;
	if (p->unserved_count == room)
		p->has_more_unserved = true;
	if (at == room)
		return;
	p->unserved_count += p->unserved_count < room;
	memmove(&p->unserved[at + 1], &p->unserved[at],
	    (p->unserved_count - at - 1) * sizeof(const struct service_conf *));
	p->unserved[at] = conf;
}

static void
find_unserved(struct page *p, const struct daemon *d, const char *name)
{
	struct unserved *u = unserved_new(d);
	const struct service_conf *conf;
	unsigned seen = 0;

	while ((conf = unserved_next(u)) != NULL) {
		if (name != NULL && strcmp(conf->id, name) != 0)
			continue;
		p->is_named = true;
		if (is_behind(p, conf, &seen))
			offer_unserved(p, conf);
	}
	unserved_free(u);
}

bool
page_fill(struct page *p, struct request *r, bool is_all)
{
	const char *name = request_text(r, "service");
	char shown[160];

	find_services(p, r, name);
	if (is_all && !p->has_more)
		find_unserved(p, r->daemon, name);
	if (name == NULL || p->is_named || p->is_further)
		return true;
	request_fail(r, "unknown-service", "there is no service %s: \"services\" lists them",
	    quote_text(name, shown, sizeof(shown)));
	return false;
}

/* How many of the last one's id were shown, in this page and before. */
static unsigned
count_equal(const struct page *p, const char *id)
{
	unsigned n = strncmp(p->after_id, id, ID_SHOWN) == 0 ? p->after_equal : 0;

	for (unsigned i = 0; i < p->unserved_count; i++)
		n += strncmp(p->unserved[i]->id, id, ID_SHOWN) == 0;
	return n;
}

static json_t *
unserved_cursor(const struct page *p)
{
	const char *id =
	    p->unserved_count > 0 ? p->unserved[p->unserved_count - 1]->id : p->after_id;
	char text[2 * sizeof(p->after_id) + 32];
	int n = snprintf(text, sizeof(text), "%c%u:", UNSERVED_CURSOR, count_equal(p, id));

	for (size_t i = 0; i < ID_SHOWN && id[i] != '\0'; i++)
		n += sprintf(text + n, "%02x", (unsigned char)id[i]);
	return json_string(text);
}

void
page_end(const struct page *p, json_t *result)
{
	if (p->has_more)
		json_object_set_new(result, "next",
		    json_sprintf("%c%" PRIu64, RUNNING_CURSOR, p->services[p->count - 1]->serial));
	else if (p->has_more_unserved)
		json_object_set_new(result, "next", unserved_cursor(p));
}
