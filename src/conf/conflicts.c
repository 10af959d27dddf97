/* SPDX-License-Identifier: MIT */
#include "conf/conflicts.h"

#include <netinet/in.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static int
compare_names(const void *x, const void *y)
{
	return strcasecmp(x, y);
}

static void
keep(void *name)
{
	(void)name;
}

void
name_set_add(struct name_set *set, const char *name)
{
	if (tsearch(name, &set->root, compare_names) == NULL)
		abort();
}

bool
name_set_has(const struct name_set *set, const char *name)
{
	return tfind(name, &set->root, compare_names) != NULL;
}

void
name_set_done(struct name_set *set)
{
	tdestroy(set->root, keep);
	set->root = NULL;
}

/* Whoever came first with a key. */
struct claim {
	char *key;
	const struct service_conf *service;
	const struct endpoint *endpoint;
};

static int
compare_claims(const void *x, const void *y)
{
	const struct claim *left = x, *right = y;

	return strcmp(left->key, right->key);
}

static void
free_claim(void *item)
{
	struct claim *claim = item;

	free(claim->key);
	free(claim);
}

static const struct claim *
find_claim(void *const *root, char *key)
{
	struct claim wanted = { .key = key };
	struct claim *const *found = tfind(&wanted, root, compare_claims);

	free(key);
	return found == NULL ? NULL : *found;
}

/* Takes the key. */
static void
add_claim(void **root, char *key, const struct service_conf *s, const struct endpoint *e)
{
	struct claim *claim = mem_alloc(sizeof(*claim));

	*claim = (struct claim){ .key = key, .service = s, .endpoint = e };
	struct claim **found = tsearch(claim, root, compare_claims);
	if (found == NULL)
		abort();
	if (*found != claim)
		free_claim(claim);
}

/*
 * Each family of an endpoint has a realm: protocol, port, family. "REALM" is claimed by the first endpoint there,
 * "REALM *" by the first for every address, "REALM ADDRESS" by the first for that one.
 */
static char *
realm_key(const struct endpoint *e, int family, const char *rest)
{
	return mem_format("%d %u %d%s", e->socket_type, addr_port(&e->addr), family, rest);
}

static char *
address_key(const struct endpoint *e, int family)
{
	char text[ADDR_TEXT_SIZE], rest[ADDR_TEXT_SIZE + 2] = " ";

	strncat(rest, addr_format(&e->addr, text), ADDR_TEXT_SIZE);
	return realm_key(e, family, rest);
}

static bool
covers(const struct endpoint *e, int family)
{
	return e->is_dual || addr_family(&e->addr) == family;
}

static const struct claim *
find_in_family(void *const *root, const struct endpoint *e, int family)
{
	if (!covers(e, family))
		return NULL;
	if (addr_is_any(&e->addr))
		return find_claim(root, realm_key(e, family, ""));
	const struct claim *found = find_claim(root, realm_key(e, family, " *"));
	return found != NULL ? found : find_claim(root, address_key(e, family));
}

static const struct claim *
find_rival(void *const *root, const struct endpoint *e)
{
	if (addr_family(&e->addr) == AF_UNIX)
		return find_claim(root, mem_dup(e->key));
	const struct claim *found = find_in_family(root, e, AF_INET);
	return found != NULL ? found : find_in_family(root, e, AF_INET6);
}

static void
claim_family(void **root, const struct service_conf *s, const struct endpoint *e, int family)
{
	if (!covers(e, family))
		return;
	add_claim(root, realm_key(e, family, ""), s, e);
	add_claim(root, addr_is_any(&e->addr) ? realm_key(e, family, " *") : address_key(e, family),
	    s, e);
}

static void
claim(void **root, const struct service_conf *s, const struct endpoint *e)
{
	if (addr_family(&e->addr) == AF_UNIX) {
		add_claim(root, mem_dup(e->key), s, e);
		return;
	}
	claim_family(root, s, e, AF_INET);
	claim_family(root, s, e, AF_INET6);
}

static bool
report_rival(const struct endpoint *e, const struct service_conf *s, const struct claim *rival,
    struct problems *problems)
{
	char at[512];

	if (rival == NULL)
		return false;
	if (rival->service == s)
		problem_add(problems, SEVERITY_ERROR, CAUSE_TEXT, &e->place,
		    "%s is covered by %s of the same service", e->key, rival->endpoint->key);
	else
		problem_add(problems, SEVERITY_ERROR, CAUSE_TEXT, &e->place,
		    "%s is taken by service %.60s (%s, at %s)", e->key, rival->service->id,
		    rival->endpoint->key, place_format(&rival->endpoint->place, at, sizeof(at)));
	return true;
}

static void
claim_addresses(void **root, struct service_conf *s, struct problems *problems)
{
	size_t before = problems->count;
	bool is_taken = false;

	for (size_t i = 0; i < s->endpoint_count; i++)
		is_taken = report_rival(
			       &s->endpoints[i], s, find_rival(root, &s->endpoints[i]), problems) ||
			   is_taken;
	for (size_t i = 0; !is_taken && i < s->endpoint_count; i++) {
		is_taken =
		    report_rival(&s->endpoints[i], s, find_rival(root, &s->endpoints[i]), problems);
		claim(root, s, &s->endpoints[i]);
	}
	if (!is_taken)
		return;
	s->state = CONF_BROKEN_TEXT;
	free(s->trouble);
	s->trouble = mem_dup(problems_first_error(problems, before));
}

static void
claim_id(void **root, const struct service_conf *s, struct problems *problems)
{
	char *key = mem_format("%d %d %s", s->socket_type, s->protocol, s->id), at[512];

	for (char *p = key; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	const struct claim *first = find_claim(root, mem_dup(key));
	if (first != NULL)
		problem_add(problems, SEVERITY_WARNING, CAUSE_TEXT, &s->place,
		    "the id %.60s is that of the service at %s, too: id = gives each its own",
		    s->id, place_format(&first->service->place, at, sizeof(at)));
	add_claim(root, key, s, NULL);
}

void
conflicts_find(struct config *c, struct problems *problems)
{
	void *addresses = NULL, *ids = NULL;

	for (size_t i = 0; i < c->count; i++) {
		struct service_conf *s = c->services[i];

		if (s->state != CONF_OK && s->state != CONF_BROKEN_SURROUNDINGS)
			continue;
		claim_id(&ids, s, problems);
		claim_addresses(&addresses, s, problems);
	}
	tdestroy(addresses, free_claim);
	tdestroy(ids, free_claim);
}
