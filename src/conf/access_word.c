/* SPDX-License-Identifier: MIT */
#include "conf/access_word.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/types.h"

static const char digits[] = "0123456789";

void
prefix_list_add(struct prefix_list *list, const struct prefix *p)
{
	if (list->count == list->room) {
		list->room = list->room == 0 ? 8 : list->room * 2;
		list->item = mem_grow(list->item, list->room, sizeof(*list->item));
	}
	list->item[list->count++] = *p;
}

void
prefix_list_done(struct prefix_list *list)
{
	free(list->item);
	*list = (struct prefix_list){ 0 };
}

/* A number up to 255 without leading zeros; *at moves behind it. */
static bool
read_octet(const char **at, uint8_t *out)
{
	size_t len = strspn(*at, digits);
	unsigned long value = len > 0 && len <= 3 ? strtoul(*at, NULL, 10) : 256;

	if (value > 255 || (len > 1 && **at == '0'))
		return false;
	*out = (uint8_t)value;
	*at += len;
	return true;
}

/* What stands around the braces of "10.1.{2,3}" or "10.{1,2}.0.0". */
struct factors {
	uint8_t octets[4];
	unsigned at;        /* which one the braces stand for */
	unsigned count;     /* how many there are */
	const char *inside; /* behind the opening brace */
};

/* The braces at *text, which moves behind them. */
static bool
take_braces(struct factors *f, const char **text)
{
	f->at = f->count;
	f->inside = *text + 1;
	*text = strchr(*text, '}');
	if (*text == NULL)
		return false;
	++*text;
	return true;
}

static bool
split_factors(struct factors *f, const char *text)
{
	*f = (struct factors){ 0 };
	for (;; text++) {
		if (f->count == 4)
			return false;
		bool has_braces = *text == '{' && f->inside == NULL && f->count > 0;

		if (has_braces ? !take_braces(f, &text) : !read_octet(&text, &f->octets[f->count]))
			return false;
		f->count++;
		if (*text == '\0')
			break;
		if (*text != '.')
			return false;
	}
	return f->inside != NULL && (f->at + 1 == f->count || f->count == 4);
}

/* Octets of 0 at the end stand for any, but not that of the braces: it was said. */
static uint8_t
factors_length(const struct factors *f)
{
	unsigned last = 3;

	while (last > f->at && f->octets[last] == 0)
		last--;
	return (uint8_t)(8 * (last + 1));
}

static bool
read_factors(struct prefix_list *list, const char *text, char why[ATTR_WHY_SIZE])
{
	size_t before = list->count;
	struct factors f;
	bool is_good = split_factors(&f, text);

	for (const char *at = f.inside; is_good; at++) {
		struct prefix p = { .length = factors_length(&f) };

		is_good = read_octet(&at, &f.octets[f.at]) && (*at == ',' || *at == '}');
		if (!is_good)
			break;
		memcpy(p.bytes, f.octets, sizeof(f.octets));
		prefix_list_add(list, &p);
		if (*at == '}')
			return true;
	}
	list->count = before;
	return type_refuse(why,
	    "'%.60s' is no address: numbers up to 255 stand in braces once, as in 10.1.{2,3} or 10.{1,2}.0.0",
	    text);
}

static bool
add_number(struct prefix_list *list, struct prefix *p, const char *text, char why[ATTR_WHY_SIZE])
{
	bool is_written_v6 = strchr(text, ':') != NULL;
	char shown[PREFIX_TEXT_SIZE];

	if (!is_written_v6 && strchr(text, '/') == NULL)
		prefix_open_zeros(p);
	prefix_list_add(list, p);
	if (!p->is_v6 && p->length == 0)
		return type_remark(why,
		    "%.60s is every IPv4 address; clients over IPv6 are not meant: ::/0 is those",
		    text);
	if (is_written_v6 && !p->is_v6)
		return type_remark(why, "%.60s is taken as %s, and is met over IPv4", text,
		    prefix_format(p, shown));
	if (p->length < 32 && strchr(text, '/') == NULL)
		return type_remark(why,
		    "%.60s is taken as %s: zeros at the end stand for any number", text,
		    prefix_format(p, shown));
	return true;
}

/* "192.168" and "192.168.": the network that was perhaps meant. */
static bool
refuse_short(const char *text, char why[ATTR_WHY_SIZE])
{
	uint8_t octets[4] = { 0 };
	const char *at = text;
	unsigned count = 0;

	while (count < 4 && read_octet(&at, &octets[count])) {
		count++;
		if (*at != '.')
			break;
		at++;
	}
	if (*at != '\0' || count == 0 || count == 4)
		return type_refuse(why,
		    "'%.60s' is no IPv4 address: it takes four numbers up to 255, without leading zeros",
		    text);
	return type_refuse(why, "'%.60s' is no whole address: did you mean %u.%u.%u.%u/%u?", text,
	    octets[0], octets[1], octets[2], octets[3], count * 8);
}

static bool
refuse_network(const char *text, char why[ATTR_WHY_SIZE])
{
	if (strchr(text, ':') != NULL)
		return type_refuse(
		    why, "'%.60s' is no network: behind the / stands a length up to 128", text);
	return type_refuse(why,
	    "'%.60s' is no network: behind four numbers and a / stands a length up to 32, or a mask such as 255.255.255.0",
	    text);
}

/* Text of digits, dots, colons and the like that is no address. */
static bool
refuse_number(const char *text, char why[ATTR_WHY_SIZE])
{
	if (strchr(text, '/') != NULL)
		return refuse_network(text, why);
	if (strchr(text, '[') != NULL)
		return type_refuse(
		    why, "'%.60s' is no address: IPv6 addresses stand without brackets here", text);
	if (strchr(text, '%') != NULL)
		return type_refuse(
		    why, "'%.60s' is no address: it takes addresses without a scope", text);
	if (strchr(text, ':') != NULL)
		return type_refuse(why, "'%.60s' is no IPv6 address", text);
	return refuse_short(text, why);
}

static bool
is_everybody(const char *text)
{
	static const char *const words[] = { "ALL", "any", "*" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(words[i], text) == 0)
			return true;
	return false;
}

/* "10.0.0.*", "10.0.0.1-10.0.0.9" */
static bool
is_range(const char *text)
{
	return text[strspn(text, "0123456789.-*")] == '\0' && strchr(text, '.') != NULL &&
	       strpbrk(text, "-*") != NULL;
}

/* The name of a host, a network or a domain. What a resolver would take for a number ("0x7f.1", "127.1") is none. */
static bool
name_ok(const char *text, char why[ATTR_WHY_SIZE])
{
	const char *name = text + (*text == '.');
	struct in_addr number;

	if (is_everybody(text))
		return type_refuse(why,
		    "'%.60s' is no address: everybody is 0.0.0.0/0 and ::/0, or no such line at all",
		    text);
	if (text[0] == '*' && text[1] == '.')
		return type_refuse(
		    why, "'%.60s' is no address: a domain is written as %.60s", text, text + 1);
	if (is_range(text))
		return type_refuse(why,
		    "'%.60s' is no address: a network is written as 192.0.2.0/24, a part of one as several",
		    text);
	if (inet_aton(name, &number) != 0)
		return type_refuse(why,
		    "'%.60s' is no IPv4 address: it takes four decimal numbers up to 255", text);
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-._", *p) == NULL)
			return type_refuse(
			    why, "'%.60s' is no address and no name of a host", text);
	if (!isalnum((unsigned char)*name) || strlen(name) > 253 || strstr(name, "..") != NULL)
		return type_refuse(why, "'%.60s' is no address and no name of a host", text);
	return true;
}

static bool
path_ok(const char *text, char why[ATTR_WHY_SIZE])
{
	if (text[1] != '/')
		return type_refuse(why,
		    "'%.80s' names no file: behind the @ stands a full path, which begins with /",
		    text);
	if (strlen(text + 1) >= PATH_MAX)
		return type_refuse(why, "the path is longer than %d bytes", PATH_MAX - 1);
	return true;
}

static bool
read_number(struct prefix_list *list, const char *text, char why[ATTR_WHY_SIZE])
{
	bool has_host_bits = false;
	char shown[PREFIX_TEXT_SIZE];
	struct prefix p;

	if (prefix_parse(&p, text, &has_host_bits) < 0)
		return refuse_number(text, why);
	if (!add_number(list, &p, text, why))
		return false;
	if (has_host_bits)
		return type_remark(why,
		    "%.60s is taken as %s: the rest of the address is behind the length", text,
		    prefix_format(&p, shown));
	return true;
}

bool
access_word_read(
    enum access_form *form, struct prefix_list *list, const char *text, char why[ATTR_WHY_SIZE])
{
	*form = ACCESS_PREFIXES;
	if (*text == '\0')
		return type_refuse(why, "the address is empty");
	if (*text == '@') {
		*form = ACCESS_FILE;
		return path_ok(text, why);
	}
	if (strpbrk(text, "{}") != NULL)
		return read_factors(list, text, why);
	if (strpbrk(text, ":/") != NULL || strspn(text, "0123456789.") == strlen(text))
		return read_number(list, text, why);
	*form = *text == '.' ? ACCESS_DOMAIN : ACCESS_NAME;
	return name_ok(text, why);
}

static bool
same_prefixes(const struct prefix_list *x, const struct prefix_list *y)
{
	bool is_same = x->count == y->count;

	for (size_t i = 0; is_same && i < x->count; i++)
		is_same = prefix_covers(&x->item[i], &y->item[i]) &&
			  x->item[i].length == y->item[i].length;
	return is_same;
}

void
access_word_done(struct access_word *w)
{
	prefix_list_done(&w->prefixes);
}

bool
access_word_take(struct access_word *w, const char *text)
{
	*w = (struct access_word){ .text = text };
	if (access_word_read(&w->form, &w->prefixes, text, NULL))
		return true;
	access_word_done(w);
	return false;
}

bool
access_word_same(const struct access_word *x, const char *text)
{
	struct access_word y;
	bool is_same = false;

	if (!access_word_take(&y, text))
		return false;
	if (x->form == y.form && x->form == ACCESS_PREFIXES)
		is_same = same_prefixes(&x->prefixes, &y.prefixes);
	else if (x->form == y.form)
		is_same = (x->form == ACCESS_FILE ? strcmp : strcasecmp)(x->text, text) == 0;
	access_word_done(&y);
	return is_same;
}

void
access_words_read(struct prefix_list *list, const struct strings *words)
{
	enum access_form form;

	for (size_t i = 0; i < words->count; i++)
		access_word_read(&form, list, words->item[i], NULL);
}

bool
prefix_lists_meet(const struct prefix_list *x, const struct prefix_list *y)
{
	for (size_t i = 0; i < x->count; i++)
		for (size_t k = 0; k < y->count; k++)
			if (prefix_covers(&x->item[i], &y->item[k]) ||
			    prefix_covers(&y->item[k], &x->item[i]))
				return true;
	return false;
}
