/* SPDX-License-Identifier: MIT */
#include "conf/resolve_access.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/access_word.h"
#include "conf/address_file.h"
#include "conf/types.h"

/* After so many words of a list that stand for nothing the rest is not looked up. */
#define MOST_PROBLEMS 20

/* A name or a file, and what it stands for. */
struct answer {
	char *word; /* as it is written: "@/path", or a name */
	struct prefix_list prefixes;
	struct ip_set *set; /* of a file */
	char why[256];      /* why there is none; empty if there is */
};

struct access_cache {
	void *answers;    /* tree of struct answer */
	bool has_overlap; /* it was said of the lists of defaults */
};

static int
compare_answers(const void *x, const void *y)
{
	const struct answer *left = x, *right = y;

	return strcmp(left->word, right->word);
}

static void
free_answer(void *item)
{
	struct answer *a = item;

	prefix_list_done(&a->prefixes);
	ip_set_unref(a->set);
	free(a->word);
	free(a);
}

struct access_cache *
access_cache_new(void)
{
	return mem_alloc(sizeof(struct access_cache));
}

void
access_cache_free(struct access_cache *c)
{
	if (c != NULL)
		tdestroy(c->answers, free_answer);
	free(c);
}

static void
look_up_name(struct answer *a, const struct lookup *lookup)
{
	struct addr *list = NULL;
	struct prefix p;
	size_t count = 0;

	/* Networks first: these stand in a file of this machine. */
	if (lookup->network != NULL && lookup->network(a->word, &p) == 0) {
		prefix_list_add(&a->prefixes, &p);
		if (p.length == 0)
			snprintf(a->why, sizeof(a->why),
			    "the network %.60s is every address: write 0.0.0.0/0", a->word);
		return;
	}
	int r = lookup->host(a->word, &list, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		addr_canonical(&list[i]);
		if (prefix_of(&p, &list[i]))
			prefix_list_add(&a->prefixes, &p);
	}
	free(list);
	if (a->prefixes.count == 0)
		snprintf(a->why, sizeof(a->why), "the name %.160s does not resolve: %s", a->word,
		    r == -EAGAIN ? "the name server does not answer" : "there is no such name");
}

static void
read_file(struct answer *a, const struct load_options *options)
{
	const char *path = a->word + 1;

	if (options->known_set != NULL)
		a->set = options->known_set(options->known_arg, path);
	if (a->set == NULL)
		address_file_read(&a->set, path, &options->trust, a->why);
}

static const struct answer *
find_answer(const struct draft *d, enum access_form form, const char *word)
{
	struct answer *a = mem_alloc(sizeof(*a));
	struct answer **found;

	a->word = mem_dup(word);
	found = tsearch(a, &d->cache->answers, compare_answers);
	if (found == NULL)
		abort();
	if (*found != a) {
		free_answer(a);
		return *found;
	}
	if (form == ACCESS_FILE)
		read_file(a, d->options);
	else
		look_up_name(a, d->options->lookup);
	return a;
}

static void
add_file(struct access_list *out, const char *path, struct ip_set *set)
{
	size_t n = out->files.count;

	if (strings_has(&out->files, path))
		return;
	strings_add(&out->files, path);
	out->file_sets = mem_grow(out->file_sets, n + 1, sizeof(struct ip_set *));
	out->file_sets[n] = ip_set_ref(set);
}

/* One of the two lists. */
struct role {
	size_t offset; /* of its words in struct service_conf */
	const char *name;
};

static void
add_word(struct draft *d, const struct role *role, struct access_list **out,
    struct prefix_list *prefixes, const char *word)
{
	enum access_form form;

	if (!access_word_read(&form, prefixes, word, NULL))
		return;
	if (form == ACCESS_DOMAIN)
		strings_add(&access_list_need(out)->domains, word);
	if (form != ACCESS_FILE && form != ACCESS_NAME)
		return;
	const struct answer *a = find_answer(d, form, word);

	if (a->why[0] != '\0')
		MISSING_ERROR(d, draft_word_place(d, role->offset, word), "%s: %s%s%s", role->name,
		    form == ACCESS_FILE ? word + 1 : "", form == ACCESS_FILE ? ": " : "", a->why);
	else if (form == ACCESS_FILE)
		add_file(access_list_need(out), word + 1, a->set);
	for (size_t i = 0; i < a->prefixes.count; i++)
		prefix_list_add(prefixes, &a->prefixes.item[i]);
}

/* True, and an error, if so many words stand for nothing that the rest is not worth asking for. */
static bool
is_enough(struct draft *d, const struct role *role, size_t before)
{
	if (d->problems->count < before + MOST_PROBLEMS)
		return false;
	MISSING_ERROR(d, draft_place(d, role->offset),
	    "%s has too many problems: the rest of it is not looked up", role->name);
	return true;
}

/* True if every address of a family is in it, which was noted when it was read. */
static bool
resolve_list(struct draft *d, const struct role *role, struct access_list **out)
{
	const struct strings *words =
	    (const struct strings *)((const char *)d->conf + role->offset);
	struct prefix_list prefixes = { 0 };
	size_t before = d->problems->count;
	bool is_whole = false;

	for (size_t i = 0; i < words->count && !is_enough(d, role, before); i++)
		add_word(d, role, out, &prefixes, words->item[i]);
	for (size_t i = 0; i < prefixes.count; i++)
		is_whole = is_whole || prefixes.item[i].length == 0;
	if (prefixes.count > 0)
		access_list_need(out)->set = ip_set_new(prefixes.item, prefixes.count);
	prefix_list_done(&prefixes);
	return is_whole;
}

/* The sets of a list: its own first, which may be NULL. */
static const struct ip_set *
set_at(const struct access_list *list, size_t i)
{
	return i == 0 ? list->set : list->file_sets[i - 1];
}

/* Some whole entry of x is in y. A smaller hole in it is what no_access is for. */
static bool
list_is_hidden(const struct access_list *x, const struct access_list *y)
{
	for (size_t i = 0; i <= x->files.count; i++)
		for (size_t k = 0; k <= y->files.count; k++)
			if (ip_set_is_hidden(set_at(x, i), set_at(y, k)))
				return true;
	return false;
}

static void
check_overlap(struct draft *d)
{
	const struct access_list *admitted = access_list_get(d->conf->only_from_list);
	const struct access_list *refused = access_list_get(d->conf->no_access_list);
	bool is_own = IS_OWN(d, only_from) || IS_OWN(d, no_access);

	if ((!is_own && d->cache->has_overlap) || !list_is_hidden(admitted, refused))
		return;
	d->cache->has_overlap = d->cache->has_overlap || !is_own;
	NOTE(d, PLACE(d, no_access),
	    "no_access holds addresses that only_from holds, too: clients there are refused");
}

static bool
list_has_family(const struct access_list *list, int family)
{
	for (size_t i = 0; i <= list->files.count; i++)
		if (ip_set_has_family(set_at(list, i), family))
			return true;
	return false;
}

/* Of a list for IPv4 alone IPv6 clients may not know that they are refused, and the other way round. */
static void
check_families(struct draft *d)
{
	const struct service_conf *s = d->conf;
	const struct access_list *list = access_list_get(s->only_from_list);
	bool has_v4 = list_has_family(list, AF_INET);
	bool has_v6 = list_has_family(list, AF_INET6), is_dual = false;

	for (size_t i = 0; i < s->endpoint_count; i++)
		is_dual = is_dual || s->endpoints[i].is_dual;
	if (!is_dual || !IS_OWN(d, only_from) || has_v4 == has_v6 || list->domains.count > 0)
		return;
	NOTE(d, PLACE(d, only_from),
	    "only_from holds %s addresses alone, and the service listens on %s, too: every client there is refused",
	    has_v4 ? "IPv4" : "IPv6", has_v4 ? "IPv6" : "IPv4");
}

static void
resolve_times(struct service_conf *s)
{
	if (s->access_times.count > 0)
		s->times = mem_array(s->access_times.count, sizeof(*s->times));
	for (size_t i = 0; i < s->access_times.count; i++)
		if (time_range_parse(&s->times[s->time_count], s->access_times.item[i], NULL))
			s->time_count++;
}

void
resolve_access(struct draft *d)
{
	static const struct role only_from = { offsetof(struct service_conf, only_from),
		"only_from" };
	static const struct role no_access = { offsetof(struct service_conf, no_access),
		"no_access" };
	struct service_conf *s = d->conf;

	bool is_whole = resolve_list(d, &only_from, &s->only_from_list);
	resolve_list(d, &no_access, &s->no_access_list);
	check_overlap(d);
	if (!is_whole && d->problems->by_severity[SEVERITY_ERROR] == 0)
		check_families(d);
	resolve_times(s);
}
