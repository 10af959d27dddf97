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

/*
 * Each family of an endpoint has a realm: protocol, port, family, and the device that its clients must come by. A realm is
 * claimed by the first endpoint there, every address of it by the first that wants all, and one address by the first for that one.
 * Who has a device stands in the way of those who have none, and of those who have the same.
 *
 * The sockets of a path have no realm, and ids one of their own.
 */
enum extent { REALM, EVERY_ADDRESS, ONE_ADDRESS, ONE_PATH, ONE_ID };

struct key {
	enum extent extent;
	int socket_type, number; /* of a realm the port, of an id the protocol */
	int family;
	const char *device, *text; /* of a realm; of a path or an id. Never NULL */
	const struct addr *addr;   /* of one address; else NULL */
};

#define NO_DEVICE   ""
#define SOME_DEVICE "%"

/* Whoever came first with a key. */
struct claim {
	struct key key;
	const struct service_conf *service;
	const struct endpoint *endpoint;
};

static int
order(long long x, long long y)
{
	return x < y ? -1 : x > y;
}

/* Of one family, or both NULL. */
static int
compare_addresses(const struct addr *x, const struct addr *y)
{
	if (x == NULL || y == NULL)
		return 0;
	if (addr_family(x) == AF_INET)
		return memcmp(&x->u.in.sin_addr, &y->u.in.sin_addr, sizeof(x->u.in.sin_addr));
	int r = order(x->u.in6.sin6_scope_id, y->u.in6.sin6_scope_id);
	return r != 0
		   ? r
		   : memcmp(&x->u.in6.sin6_addr, &y->u.in6.sin6_addr, sizeof(x->u.in6.sin6_addr));
}

static int
compare_claims(const void *x, const void *y)
{
	const struct key *a = &((const struct claim *)x)->key, *b = &((const struct claim *)y)->key;
	int r = order(a->extent, b->extent);

	r = r != 0 ? r : order(a->number, b->number);
	r = r != 0 ? r : order(a->socket_type, b->socket_type);
	r = r != 0 ? r : order(a->family, b->family);
	r = r != 0 ? r : compare_addresses(a->addr, b->addr);
	r = r != 0 ? r : strcmp(a->device, b->device);
	if (r != 0)
		return r;
	return (a->extent == ONE_ID ? strcasecmp : strcmp)(a->text, b->text);
}

static const struct claim *
find_claim(void *const *root, const struct key *key)
{
	const struct claim wanted = { .key = *key };
	struct claim *const *found = tfind(&wanted, root, compare_claims);

	return found == NULL ? NULL : *found;
}

static void
add_claim(
    void **root, const struct key *key, const struct service_conf *s, const struct endpoint *e)
{
	struct claim *claim = mem_alloc(sizeof(*claim));

	*claim = (struct claim){ .key = *key, .service = s, .endpoint = e };
	struct claim **found = tsearch(claim, root, compare_claims);
	if (found == NULL)
		abort();
	if (*found != claim)
		free(claim);
}

static struct key
path_key(const struct endpoint *e)
{
	return (struct key){ .extent = ONE_PATH, .device = NO_DEVICE, .text = e->key };
}

static struct key
id_key(const struct service_conf *s)
{
	return (struct key){ .extent = ONE_ID,
		.socket_type = s->socket_type,
		.number = s->protocol,
		.device = NO_DEVICE,
		.text = s->id };
}

/* What an endpoint claims, or asks for, in the realm of a family and a device. */
static struct key
realm_key(const struct endpoint *e, int family, const char *device, enum extent extent)
{
	return (struct key){ .extent = extent,
		.socket_type = e->socket_type,
		.number = addr_port(&e->addr),
		.family = family,
		.device = device,
		.text = "",
		.addr = extent == ONE_ADDRESS ? &e->addr : NULL };
}

static bool
covers(const struct endpoint *e, int family)
{
	return e->is_dual || addr_family(&e->addr) == family;
}

static const struct claim *
find_extent(
    void *const *root, const struct endpoint *e, int family, const char *device, enum extent extent)
{
	const struct key key = realm_key(e, family, device, extent);

	return find_claim(root, &key);
}

static const struct claim *
find_in_realm(void *const *root, const struct endpoint *e, int family, const char *device)
{
	if (addr_is_any(&e->addr))
		return find_extent(root, e, family, device, REALM);
	const struct claim *found = find_extent(root, e, family, device, EVERY_ADDRESS);
	return found != NULL ? found : find_extent(root, e, family, device, ONE_ADDRESS);
}

static const struct claim *
find_in_family(void *const *root, const struct endpoint *e, int family, const char *device)
{
	if (!covers(e, family))
		return NULL;
	const struct claim *found =
	    find_in_realm(root, e, family, device != NULL ? device : NO_DEVICE);
	return found != NULL
		   ? found
		   : find_in_realm(root, e, family, device != NULL ? NO_DEVICE : SOME_DEVICE);
}

static const struct claim *
find_rival(void *const *root, const struct service_conf *s, const struct endpoint *e)
{
	if (addr_family(&e->addr) == AF_UNIX) {
		const struct key key = path_key(e);

		return find_claim(root, &key);
	}
	const struct claim *found = find_in_family(root, e, AF_INET, s->device);
	return found != NULL ? found : find_in_family(root, e, AF_INET6, s->device);
}

static void
claim_realm(void **root, const struct service_conf *s, const struct endpoint *e, int family,
    const char *device)
{
	const enum extent extent = addr_is_any(&e->addr) ? EVERY_ADDRESS : ONE_ADDRESS;
	const struct key realm = realm_key(e, family, device, REALM);
	const struct key part = realm_key(e, family, device, extent);

	add_claim(root, &realm, s, e);
	add_claim(root, &part, s, e);
}

static void
claim_family(void **root, const struct service_conf *s, const struct endpoint *e, int family)
{
	if (!covers(e, family))
		return;
	claim_realm(root, s, e, family, s->device != NULL ? s->device : NO_DEVICE);
	if (s->device != NULL)
		claim_realm(root, s, e, family, SOME_DEVICE);
}

static void
claim(void **root, const struct service_conf *s, const struct endpoint *e)
{
	if (addr_family(&e->addr) == AF_UNIX) {
		const struct key key = path_key(e);

		add_claim(root, &key, s, e);
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
	const struct key key = id_key(s);
	const struct claim *first = find_claim(root, &key);
	char at[512];

	if (first != NULL)
		problem_add(problems, SEVERITY_WARNING, CAUSE_TEXT, &s->place,
		    "the id %.60s is that of the service at %s, too: id = gives each its own",
		    s->id, place_format(&first->service->place, at, sizeof(at)));
	add_claim(root, &key, s, NULL);
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
	tdestroy(addresses, free);
	tdestroy(ids, free);
}
