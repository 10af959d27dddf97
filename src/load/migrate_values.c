/* SPDX-License-Identifier: MIT */
/* Values that xinetd understands otherwise. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/types.h"
#include "load/load.h"
#include "load/migrate_parts.h"
#include "load/xinetd_attr.h"

/* One setting that is looked at. */
struct looked {
	struct migrating *m;
	const struct block *block;
	const struct service_conf *service; /* NULL: defaults */
	const struct setting *set;
};

static const char *
first_word(const struct looked *l)
{
	return l->set->count > 0 ? l->set->words[0].text : "";
}

static const struct place *
word_place(const struct looked *l, size_t i)
{
	return i < l->set->count ? &l->set->words[i].place : &l->set->name.place;
}

static const struct setting *
setting_of(const struct block *b, const char *name)
{
	for (size_t i = 0; i < b->count; i++)
		if (strcasecmp(b->settings[i].name.text, name) == 0)
			return &b->settings[i];
	return NULL;
}

static bool
has_word(const struct setting *s, const char *word)
{
	for (size_t i = 0; s != NULL && i < s->count; i++)
		if (strcasecmp(s->words[i].text, word) == 0)
			return true;
	return false;
}

static bool
is_digits(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

static void
check_bool(struct looked *l)
{
	const char *word = first_word(l);

	if (l->set->count == 1 && strcasecmp(word, "yes") != 0 && strcasecmp(word, "no") != 0)
		migrate_note(l->m, word_place(l, 0),
		    "%s = %.60s: xinetd takes yes and no alone, and loses the service",
		    l->set->name.text, word);
}

static void
check_commas(struct looked *l)
{
	for (size_t i = 0; i < l->set->count; i++) {
		if (strchr(l->set->words[i].text, ',') == NULL ||
		    strchr(l->set->words[i].text, '{') != NULL)
			continue;
		migrate_note(l->m, word_place(l, i),
		    "%s: xinetd takes no commas between words, and loses the service over this one",
		    l->set->name.text);
		return;
	}
}

static bool
is_known_name(const struct looked *l, int *port)
{
	const struct service_conf *s = l->service;
	const char *protocol = s->socket_type == SOCK_DGRAM ? "udp" : "tcp";

	*port = l->m->in->lookup->port(s->name, protocol);
	return *port > 0;
}

static void
check_port(struct looked *l)
{
	const char *word = first_word(l);
	int port;

	if (l->service == NULL || *word == '\0')
		return;
	if (!is_digits(word))
		migrate_note(l->m, word_place(l, 0),
		    "port = %.60s: xinetd takes numbers alone, and loses the service; here the name is looked up",
		    word);
	else if ((l->service->type & CONF_TYPE_UNLISTED) != 0)
		return;
	else if (!is_known_name(l, &port))
		migrate_note(l->m, word_place(l, 0),
		    "%.60s is not in /etc/services: without type = UNLISTED xinetd loses the service; here the port counts",
		    l->service->name);
	else if ((unsigned long)port != strtoul(word, NULL, 10))
		migrate_note(l->m, word_place(l, 0),
		    "/etc/services has port %d for %.60s: without type = UNLISTED xinetd loses the service; here %.60s counts",
		    port, l->service->name, word);
}

static void
check_times(struct looked *l)
{
	struct time_range range;

	for (size_t i = 0; i < l->set->count; i++) {
		const char *word = l->set->words[i].text;

		if (!time_range_parse(&range, word, NULL))
			continue;
		if (strstr(word, "24:00") != NULL)
			migrate_note(l->m, word_place(l, i),
			    "access_times = %.60s: xinetd knows no 24:00, and loses the service; here it is the end of the day",
			    word);
		else if (range.from > range.to)
			migrate_note(l->m, word_place(l, i),
			    "access_times = %.60s: xinetd does not go over midnight, and loses the service; here it does",
			    word);
	}
}

static void
check_size(struct looked *l)
{
	const char *word = first_word(l);
	size_t len = strlen(word);

	if (len > 1 && strchr("gGtT", word[len - 1]) != NULL)
		migrate_note(l->m, word_place(l, 0),
		    "%s = %.60s: xinetd knows k and M alone, and loses the service",
		    l->set->name.text, word);
}

static void
check_v6only(struct looked *l)
{
	if (l->service == NULL)
		migrate_note(l->m, word_place(l, 0),
		    "v6only in defaults has no effect in xinetd; here it has");
	else if (!l->service->v6only && l->set->count > 0)
		migrate_note(l->m, word_place(l, 0),
		    "v6only = %.60s: xinetd shuts IPv4 clients out whatever the value is; here no means no",
		    first_word(l));
}

static void
check_bind(struct looked *l)
{
	if (strcmp(first_word(l), "*") == 0)
		migrate_note(l->m, word_place(l, 0),
		    "xinetd takes no * for an address, and loses the service; here it is every address");
	if (l->set->count < 2)
		return;
	migrate_note(l->m, word_place(l, 1),
	    "xinetd takes one address, ignores this line, and listens on every address; here these are listened on");
	migrate_limit(l->m, &l->set->name.place, l->block, "bind");
}

static void
check_success(struct looked *l)
{
	check_commas(l);
	if (has_word(l->set, "TRAFFIC") && (l->service == NULL || !conf_is_redirect(l->service)))
		migrate_note(l->m, word_place(l, 0),
		    "TRAFFIC makes xinetd lose %s no redirect; here it counts nothing there",
		    l->service == NULL ? "every service that is" : "this service, which is");
}

static void
check_nice(struct looked *l)
{
	if (first_word(l)[0] == '-')
		migrate_note(l->m, word_place(l, 0),
		    "nice = %.60s: xinetd sets it when the program's rights are gone, where it fails; here it holds",
		    first_word(l));
}

static void
check_flags(struct looked *l)
{
	const struct setting *args = setting_of(l->block, "server_args");

	check_commas(l);
	if (has_word(l->set, "NAMEINARGS") && args != NULL && args < l->set)
		migrate_note(l->m, word_place(l, 0),
		    "NAMEINARGS stands behind server_args: xinetd starts the program without a name then; here the order does not matter");
}

static void
check_user(struct looked *l)
{
	const char *word = first_word(l);

	if (l->service == NULL || !is_digits(word) || l->service->group != NULL)
		return;
	/* A user who has no entry is an error that says more. */
	if (l->service->user_name != NULL && l->service->gid != (gid_t)strtoul(word, NULL, 10))
		migrate_note(l->m, word_place(l, 0),
		    "user = %.60s: xinetd takes the number as group, too; here the group is that of the user, %u",
		    word, (unsigned)l->service->gid);
}

static void
check_type(struct looked *l)
{
	check_commas(l);
	if (l->service != NULL && conf_is_muxed(l->service) && !has_word(l->set, "UNLISTED"))
		migrate_note(l->m, word_place(l, 0),
		    "without UNLISTED xinetd loses a service of type TCPMUX");
}

static void
check_wait(struct looked *l)
{
	const struct service_conf *s = l->service;

	check_bool(l);
	if (s != NULL && s->socket_type == SOCK_DGRAM && !s->wait && !conf_is_internal(s))
		migrate_note(l->m, word_place(l, 0),
		    "xinetd has no wait = no for datagrams, and loses the service; here each peer gets a program");
}

static void
check_redirect(struct looked *l)
{
	struct addr addr;

	if (l->set->count > 0 && addr_parse(&addr, first_word(l), 0) < 0)
		migrate_note(l->m, word_place(l, 0),
		    "redirect to the name %.60s: xinetd looks it up once, and loses the service if that fails; here it is looked up for each client",
		    first_word(l));
}

/* What only_from and no_access understand otherwise, by the form of a word. */
static const char *
access_difference(const char *word)
{
	const char *slash = strchr(word, '/');

	if (strcasecmp(word, "localhost") == 0)
		return "xinetd takes the first of the name's addresses, IPv4 or IPv6; here all of them count";
	if (slash != NULL && strchr(slash, '.') != NULL)
		return "xinetd takes the network mask as /32; here it is a mask";
	if (slash != NULL && strchr(word, ':') != NULL && strcmp(slash, "/128") == 0)
		return "xinetd never matches a prefix of 128; here it is this address";
	if (strcasecmp(word, "loopback") == 0)
		return "xinetd takes this network as 127.0.0.0/32; here it is 127.0.0.0/8";
	if (strchr(word, ',') != NULL && strchr(word, '{') == NULL)
		return "xinetd takes no commas between addresses, and loses the service; here these are several";
	if (word[0] == '@' || strchr(word, ':') != NULL || word[0] == '.' || slash != NULL ||
	    strspn(word, "0123456789.{},") == strlen(word))
		return NULL;
	return "xinetd looks up the name of each client, and believes it; here the addresses of this name are looked up at load";
}

static void
check_access(struct looked *l)
{
	for (size_t i = 0; i < l->set->count; i++) {
		const char *word = l->set->words[i].text;
		const char *difference = access_difference(word);

		if (difference != NULL)
			migrate_note(l->m, word_place(l, i), "%s = %.60s: %s", l->set->name.text,
			    word, difference);
	}
}

static const struct {
	const char *name;
	void (*check)(struct looked *l);
} checks[] = {
	{ "disable", check_bool },
	{ "wait", check_wait },
	{ "groups", check_bool },
	{ "type", check_type },
	{ "flags", check_flags },
	{ "log_on_success", check_success },
	{ "log_on_failure", check_commas },
	{ "port", check_port },
	{ "access_times", check_times },
	{ "rlimit_as", check_size },
	{ "rlimit_data", check_size },
	{ "rlimit_rss", check_size },
	{ "rlimit_stack", check_size },
	{ "v6only", check_v6only },
	{ "bind", check_bind },
	{ "interface", check_bind },
	{ "nice", check_nice },
	{ "user", check_user },
	{ "redirect", check_redirect },
	{ "only_from", check_access },
	{ "no_access", check_access },
};

/* Where the operator or the number of words makes xinetd leave out a line that holds here. */
static void
check_form(struct looked *l, const struct xinetd_attr *a)
{
	const struct setting *s = l->set;

	if (s->op != SETTING_SET && !a->is_edited && s->attr->type->is_list) {
		migrate_note(l->m, &s->name.place, "%s %s: xinetd ignores this line; here it holds",
		    s->name.text, s->op == SETTING_ADD ? "+=" : "-=");
		if (a->is_limit)
			migrate_limit(l->m, &s->name.place, l->block, s->name.text);
	}
	if (s->op == SETTING_SET && s->count > 0 && s->count < a->words && a->is_limit) {
		migrate_note(l->m, &s->name.place,
		    "%s: xinetd takes %u words, and ignores this line; here it holds", s->name.text,
		    a->words);
		migrate_limit(l->m, &s->name.place, l->block, s->name.text);
	}
	if (s->count == 0 && a->words == 0 && !a->takes_nothing)
		migrate_note(l->m, &s->name.place,
		    "xinetd loses the service over %s without a value; here it is an empty list",
		    s->name.text);
}

/* Without these xinetd does not know what kind of service it is. */
static void
check_missing(struct migrating *m, const struct block *block)
{
	if (setting_of(block, "socket_type") == NULL && setting_of(block, "protocol") == NULL)
		migrate_note(m, &block->place,
		    "without socket_type and protocol xinetd loses the service; here it is stream over tcp");
}

/* xinetd takes these in defaults, and ignores every other line there. */
static void
check_defaults(struct looked *l, const struct xinetd_attr *a)
{
	static const char *const in_defaults[] = { "banner", "banner_fail", "banner_success",
		"bind", "cps", "disabled", "enabled", "groups", "instances", "interface",
		"log_on_failure", "log_on_success", "log_type", "max_load", "no_access",
		"only_from", "passenv", "per_source", "umask", "v6only" };

	if (l->service != NULL || l->block->kind != BLOCK_DEFAULTS)
		return;
	for (size_t i = 0; i < ARRAY_LEN(in_defaults); i++)
		if (strcasecmp(in_defaults[i], a->name) == 0)
			return;
	migrate_note(l->m, &l->set->name.place,
	    "xinetd ignores %s in defaults; here it holds for every service", l->set->name.text);
	if (a->is_limit)
		migrate_limit(l->m, &l->set->name.place, l->block, l->set->name.text);
}

static void
note_hoped_for(struct looked *l)
{
	migrate_note(l->m, &l->set->name.place,
	    "xinetd has no %s, and ignores this line: this limit was never in force, and now it is",
	    l->set->name.text);
	migrate_limit(l->m, &l->set->name.place, l->block, l->set->name.text);
}

void
migrate_values(struct migrating *m, const struct block *block, const struct service_conf *service)
{
	if (service != NULL)
		check_missing(m, block);
	for (size_t i = 0; i < block->count; i++) {
		struct looked l = {
			.m = m, .block = block, .service = service, .set = &block->settings[i]
		};
		const struct xinetd_attr *a = xinetd_attr_find(l.set->name.text);

		if (xinetd_attr_is_hoped_for(l.set->name.text))
			note_hoped_for(&l);
		if (a == NULL || l.set->attr == NULL)
			continue;
		check_form(&l, a);
		check_defaults(&l, a);
		for (size_t k = 0; k < ARRAY_LEN(checks); k++)
			if (strcasecmp(checks[k].name, a->name) == 0)
				checks[k].check(&l);
	}
}
