/* SPDX-License-Identifier: MIT */
/* Values of any number of words that stay text. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/addr.h"
#include "base/mem.h"
#include "base/strings.h"
#include "conf/types.h"
#include "conf/types_list.h"

#define MOST_VARIABLES 4096

void
list_clear(void *field, const struct attr *a)
{
	(void)a;
	strings_done(field);
}

void
list_copy(void *to, const void *from, const struct attr *a)
{
	(void)a;
	strings_copy(to, from);
}

bool
list_equal(const void *x, const void *y, const struct attr *a)
{
	(void)a;
	return strings_equal(x, y);
}

bool
list_remove(void *field, const struct attr *a, const char *text)
{
	(void)a;
	return strings_del(field, text);
}

void
list_print(const void *field, const struct attr *a, FILE *out)
{
	const struct strings *list = field;

	(void)a;
	fputc('{', out);
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			fputs(", ", out);
		type_print_word(list->item[i], out);
	}
	fputc('}', out);
}

bool
list_remove_at(struct strings *list, size_t i)
{
	char *copy = mem_dup(list->item[i]);
	bool was_there = strings_del(list, copy);

	free(copy);
	return was_there;
}

static bool
words_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	(void)a;
	(void)why;
	strings_add(field, text);
	return true;
}

const struct attr_type type_words = {
	.label = "list of words",
	.is_list = true,
	.is_raw = true,
	.set = words_set,
	.remove = list_remove,
	.clear = list_clear,
	.copy = list_copy,
	.equal = list_equal,
	.print = list_print,
};

static bool
ids_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	(void)a;
	if (*text == '\0')
		return type_refuse(why, "the value is empty");
	if (text[strcspn(text, ID_NEVER_HOLDS)] != '\0')
		return type_refuse(why,
		    "'%.60s' is no id: ids hold no blanks, quotes, backslashes, colons or equal signs",
		    text);
	strings_add(field, text);
	return true;
}

static bool
ids_remove(void *field, const struct attr *a, const char *text)
{
	struct strings *list = field;

	(void)a;
	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->item[i], text) == 0)
			return list_remove_at(list, i);
	return false;
}

const struct attr_type type_ids = {
	.label = "list of ids",
	.is_list = true,
	.splits_commas = true, /* an id taken for "a," would leave a on */
	.set = ids_set,
	.remove = ids_remove,
	.clear = list_clear,
	.copy = list_copy,
	.equal = list_equal,
	.print = list_print,
};

static bool
names_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	(void)a;
	if (*text == '\0' || strchr(text, '=') != NULL)
		return type_refuse(
		    why, "'%.60s' is no name of a variable: it takes names without values", text);
	strings_add(field, text);
	return true;
}

const struct attr_type type_names = {
	.label = "list of names",
	.is_list = true,
	.set = names_set,
	.remove = list_remove,
	.clear = list_clear,
	.copy = list_copy,
	.equal = list_equal,
	.print = list_print,
};

static bool
remove_variable(struct strings *list, const char *name, size_t len)
{
	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->item[i], name, len) == 0 && list->item[i][len] == '=')
			return list_remove_at(list, i);
	return false;
}

/* The last value of a variable counts. Looking for an earlier one takes time, so that their number is bounded. */
static bool
variables_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	const struct strings *list = field;
	size_t len = strcspn(text, "=");

	(void)a;
	if (len == 0 || text[len] != '=')
		return type_refuse(why, "'%.60s' is no variable: it takes NAME=VALUE", text);
	remove_variable(field, text, len);
	if (list->count >= MOST_VARIABLES)
		return type_refuse(why, "a program gets at most %d variables", MOST_VARIABLES);
	strings_add(field, text);
	return true;
}

/* -= takes a whole NAME=VALUE, or the name alone. */
static bool
variables_remove(void *field, const struct attr *a, const char *text)
{
	(void)a;
	if (strchr(text, '=') != NULL)
		return strings_del(field, text);
	return remove_variable(field, text, strlen(text));
}

const struct attr_type type_variables = {
	.label = "list of NAME=VALUE",
	.is_list = true,
	.is_raw = true,
	.set = variables_set,
	.remove = variables_remove,
	.clear = list_clear,
	.copy = list_copy,
	.equal = list_equal,
	.print = list_print,
};

/* "*", a numeric address, or what can be the name of a host. */
bool
host_ok(const char *host, char why[ATTR_WHY_SIZE])
{
	struct addr addr;

	if (strcmp(host, "*") == 0 || addr_parse(&addr, host, 0) == 0)
		return true;
	if (*host == '\0' || strlen(host) > 253 || strchr("-.", *host) != NULL)
		return type_refuse(why, "'%.60s' is no address", host);
	if (strspn(host, "0123456789.") == strlen(host))
		return type_refuse(
		    why, "'%.60s' is no IPv4 address: it takes four numbers up to 255", host);
	if (strchr(host, '/') != NULL)
		return type_refuse(
		    why, "'%.60s' is no address: networks cannot be listened on", host);
	for (const char *p = host; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-._", *p) == NULL)
			return type_refuse(why, "'%.60s' is no address", host);
	return true;
}

static bool
addresses_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	char bare[256];
	size_t len = strlen(text);

	(void)a;
	if (len > 2 && len < sizeof(bare) && text[0] == '[' && text[len - 1] == ']') {
		memcpy(bare, text + 1, len - 2);
		bare[len - 2] = '\0';
		text = bare;
	}
	if (strchr(text, ':') != NULL && !host_ok(text, NULL))
		return type_refuse(why,
		    "'%.60s' is no address: a port goes into port =, or all of it into listen =",
		    text);
	if (!host_ok(text, why))
		return false;
	strings_add(field, text);
	return true;
}

const struct attr_type type_addresses = {
	.label = "list of addresses",
	.is_list = true,
	.splits_commas = true,
	.needs = "an address",
	.set = addresses_set,
	.remove = list_remove,
	.clear = list_clear,
	.copy = list_copy,
	.equal = list_equal,
	.print = list_print,
};

static bool
split_host(struct listen_parts *out, const char *text, char why[ATTR_WHY_SIZE])
{
	const char *colon = strrchr(text, ':'), *host = text;

	if (colon == NULL || (*text == '[' && colon[-1] != ']'))
		return type_refuse(why,
		    "'%.60s' has no port: it takes ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH",
		    text);
	size_t len = (size_t)(colon - text);
	if (*text == '[') {
		host++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL)
		return type_refuse(
		    why, "'%.60s' needs brackets: an IPv6 address is written as [::1]:3600", text);
	if (len >= sizeof(out->host))
		return type_refuse(why, "the address is too long");
	memcpy(out->host, host, len);
	out->host[len] = '\0';
	if (len == 0 && host == text)
		memcpy(out->host, "*", 2);
	out->port = colon + 1;
	return true;
}

/* Where ".." leads depends on links, so that one socket would have two names. */
static bool
has_dots(const char *path)
{
	for (; path != NULL; path = strchr(path + 1, '/'))
		if (strncmp(path, "/..", 3) == 0 && (path[3] == '/' || path[3] == '\0'))
			return true;
	return false;
}

bool
listen_split(struct listen_parts *out, const char *text, char why[ATTR_WHY_SIZE])
{
	*out = (struct listen_parts){ 0 };
	if (strncasecmp(text, "unix:", 5) == 0) {
		out->is_unix = true;
		out->path = text + 5;
		if (*out->path != '/')
			return type_refuse(
			    why, "'%.80s' is not a full path: it must begin with /", out->path);
		if (strlen(out->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return type_refuse(why, "the path of a unix socket has at most 107 bytes");
		if (has_dots(out->path))
			return type_refuse(why, "the path of a unix socket holds no ..");
		return true;
	}
	if (!split_host(out, text, why))
		return false;
	if (port_number(out->port) == -EINVAL)
		return type_refuse(
		    why, "'%.60s' is no port: it takes 1 to 65535, or a name", out->port);
	return host_ok(out->host, why);
}

static bool
listen_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	struct listen_parts parts;

	(void)a;
	if (!listen_split(&parts, text, why))
		return false;
	strings_add(field, text);
	return true;
}

const struct attr_type type_listen = {
	.label = "list of addresses with ports",
	.is_list = true,
	.splits_commas = true,
	.needs = "an address",
	.set = listen_set,
	.remove = list_remove,
	.clear = list_clear,
	.copy = list_copy,
	.equal = list_equal,
	.print = list_print,
};
