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
 * Each family of an endpoint has a realm: protocol, port, family, and the device that its clients must come by. "REALM" is
 * claimed by the first endpoint there, "REALM *" by the first for every address, "REALM ADDRESS" by the first for that one.
 * Who has a device stands in the way of those who have none, and of those who have the same.
 */
struct spot {
	const struct endpoint *e;
	int family;
	const char *device;
};

#define NO_DEVICE   ""
#define SOME_DEVICE "%"

static char *
realm_key(const struct spot *s, const char *rest)
{
	return mem_format(
	    "%d %u %d %s%s", s->e->socket_type, addr_port(&s->e->addr), s->family, s->device, rest);
}

static char *
address_key(const struct spot *s)
{
	char text[ADDR_TEXT_SIZE], rest[ADDR_TEXT_SIZE + 2] = " ";

	strncat(rest, addr_format(&s->e->addr, text), ADDR_TEXT_SIZE);
	return realm_key(s, rest);
}

static bool
covers(const struct endpoint *e, int family)
{
	return e->is_dual || addr_family(&e->addr) == family;
}

static const struct claim *
find_in_realm(void *const *root, const struct spot *s)
{
	if (addr_is_any(&s->e->addr))
		return find_claim(root, realm_key(s, ""));
	const struct claim *found = find_claim(root, realm_key(s, " *"));
	return found != NULL ? found : find_claim(root, address_key(s));
}

static const struct claim *
find_in_family(void *const *root, const struct endpoint *e, int family, const char *device)
{
	const struct spot own = { e, family, device != NULL ? device : NO_DEVICE };
	const struct spot others = { e, family, device != NULL ? NO_DEVICE : SOME_DEVICE };

	if (!covers(e, family))
		return NULL;
	const struct claim *found = find_in_realm(root, &own);
	return found != NULL ? found : find_in_realm(root, &others);
}

static const struct claim *
find_rival(void *const *root, const struct service_conf *s, const struct endpoint *e)
{
	if (addr_family(&e->addr) == AF_UNIX)
		return find_claim(root, mem_dup(e->key));
	const struct claim *found = find_in_family(root, e, AF_INET, s->device);
	return found != NULL ? found : find_in_family(root, e, AF_INET6, s->device);
}

static void
claim_realm(void **root, const struct service_conf *s, const struct spot *spot)
{
	if (!covers(spot->e, spot->family))
		return;
	add_claim(root, realm_key(spot, ""), s, spot->e);
	add_claim(root, addr_is_any(&spot->e->addr) ? realm_key(spot, " *") : address_key(spot), s,
	    spot->e);
}

static void
claim_family(void **root, const struct service_conf *s, const struct endpoint *e, int family)
{
	claim_realm(
	    root, s, &(struct spot){ e, family, s->device != NULL ? s->device : NO_DEVICE });
	if (s->device != NULL)
		claim_realm(root, s, &(struct spot){ e, family, SOME_DEVICE });
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
		is_taken = report_rival(&s->endpoints[i], s, find_rival(root, s, &s->endpoints[i]),
			       problems) ||
			   is_taken;
	for (size_t i = 0; !is_taken && i < s->endpoint_count; i++) {
		is_taken = report_rival(
		    &s->endpoints[i], s, find_rival(root, s, &s->endpoints[i]), problems);
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

/* Clients of tcpmux reach a service by its name, and tcpmux by its port. */
void
conflicts_find_unreachable(const struct config *c, struct problems *problems)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->services[i]->state == CONF_OK && conf_is_internal(c->services[i]) &&
		    !conf_is_sensor(c->services[i]) &&
		    strcasecmp(c->services[i]->name, "tcpmux") == 0)
			return;
	for (size_t i = 0; i < c->count; i++)
		if (c->services[i]->state == CONF_OK && conf_is_muxed(c->services[i]))
			problem_add(problems, SEVERITY_WARNING, CAUSE_TEXT, &c->services[i]->place,
			    "nobody can reach service %.60s: there is no service tcpmux of type = INTERNAL that is on",
			    c->services[i]->id);
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
