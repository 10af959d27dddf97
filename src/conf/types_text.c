/* SPDX-License-Identifier: MIT */
/* Values of one word that stay text: names, paths and ports. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/types.h"
#include "conf/types_list.h"

/* A bare word would end at a blank, and could be taken for a comment, a list or a quote. */
void
type_print_word(const char *word, FILE *out)
{
	fputc('"', out);
	for (; *word != '\0'; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', out);
		fputc(*word, out);
	}
	fputc('"', out);
}

int
port_number(const char *text)
{
	char *end;

	if (*text == '\0')
		return -EINVAL;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (*end == '\0' && !isspace((unsigned char)*text))
		return errno == ERANGE || value < 1 || value > 65535 ? -EINVAL : (int)value;
	for (const char *p = text; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-_.+", *p) == NULL)
			return -EINVAL;
	return isalpha((unsigned char)*text) || strpbrk(text, "abcdefghijklmnopqrstuvwxyz") != NULL
		   ? -ENOENT
		   : -EINVAL;
}

static void
text_clear(void *field, const struct attr *a)
{
	char **text = field;

	(void)a;
	free(*text);
	*text = NULL;
}

static void
text_copy(void *to, const void *from, const struct attr *a)
{
	const char *const *text = from;

	text_clear(to, a);
	*(char **)to = *text == NULL ? NULL : mem_dup(*text);
}

static bool
text_equal(const void *x, const void *y, const struct attr *a)
{
	const char *const *left = x, *const *right = y;

	(void)a;
	if (*left == NULL || *right == NULL)
		return *left == *right;
	return strcmp(*left, *right) == 0;
}

static void
text_print(const void *field, const struct attr *a, FILE *out)
{
	const char *const *text = field;

	(void)a;
	if (*text != NULL)
		type_print_word(*text, out);
}

static bool
store(void *field, const struct attr *a, const char *text)
{
	text_clear(field, a);
	*(char **)field = mem_dup(text);
	return true;
}

/* Ids stand in log lines, between blanks. */
static bool
word_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	if (*text == '\0')
		return type_refuse(why, "the value is empty");
	for (const char *p = text; *p != '\0'; p++)
		if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p))
			return type_refuse(why, "it may not hold blanks or control characters");
	return store(field, a, text);
}

const struct attr_type type_word = {
	.label = "word",
	.set = word_set,
	.clear = text_clear,
	.copy = text_copy,
	.equal = text_equal,
	.print = text_print,
};

static bool
path_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	if (*text != '/')
		return type_refuse(why, "'%.80s' is not a full path: it must begin with /", text);
	if (strlen(text) >= PATH_MAX)
		return type_refuse(why, "the path is longer than %d bytes", PATH_MAX - 1);
	return store(field, a, text);
}

const struct attr_type type_path = {
	.label = "path",
	.set = path_set,
	.clear = text_clear,
	.copy = text_copy,
	.equal = text_equal,
	.print = text_print,
};

static bool
port_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	if (port_number(text) == -EINVAL)
		return type_refuse(why, "%.60s is no port: it takes %lld to %lld, or a name", text,
		    a->min, a->max);
	return store(field, a, text);
}

const struct attr_type type_port = {
	.label = "port",
	.set = port_set,
	.clear = text_clear,
	.copy = text_copy,
	.equal = text_equal,
	.print = text_print,
};

/* Nothing that a lenient reader of numbers could take for root: no sign, no blank, and no number too large, whose
 * last value means "unchanged" to the kernel. */
static bool
user_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	const char *what = strstr(a->name, "group") != NULL ? "group" : "user";

	if (*text == '\0')
		return type_refuse(why, "the value is empty");
	if (*text == '-' || *text == '+')
		return type_refuse(why, "'%.60s' is no %s", text, what);
	for (const char *p = text; *p != '\0'; p++)
		if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p) ||
		    strchr(":/,", *p) != NULL)
			return type_refuse(why,
			    "'%.60s' is no %s: a name holds no blank, colon, comma or slash", text,
			    what);
	if (strspn(text, "0123456789") == strlen(text) &&
	    (strlen(text) > 10 || strtoull(text, NULL, 10) >= UINT32_MAX))
		return type_refuse(
		    why, "%.60s is out of range: a number goes up to %u", text, UINT32_MAX - 1);
	return store(field, a, text);
}

const struct attr_type type_user = {
	.label = "name or number",
	.set = user_set,
	.clear = text_clear,
	.copy = text_copy,
	.equal = text_equal,
	.print = text_print,
};

static bool
device_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	if (*text == '\0')
		return type_refuse(why, "the value is empty");
	if (strlen(text) >= IFNAMSIZ)
		return type_refuse(why, "'%.60s' is no network device: a name has at most %d bytes",
		    text, IFNAMSIZ - 1);
	for (const char *p = text; *p != '\0'; p++)
		if (!isgraph((unsigned char)*p) || strchr("/:%", *p) != NULL)
			return type_refuse(why,
			    "'%.60s' is no network device: a name holds no blank, slash, colon or percent sign",
			    text);
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return type_refuse(why, "'%s' is no network device", text);
	return store(field, a, text);
}

const struct attr_type type_device = {
	.label = "network device",
	.set = device_set,
	.clear = text_clear,
	.copy = text_copy,
	.equal = text_equal,
	.print = text_print,
};

/* Where the host ends and the port begins in "host port", "host:port" and "[host]:port". */
static bool
cut_redirect(const char *text, size_t *host_len, const char **port, char why[ATTR_WHY_SIZE])
{
	const char *blank = strchr(text, ' '), *colon = strrchr(text, ':');

	if (blank != NULL) {
		*host_len = (size_t)(blank - text);
		*port = blank + 1;
		return true;
	}
	if (colon == NULL || (*text == '[' && colon[-1] != ']'))
		return type_refuse(why, "'%.60s' has no port: it takes HOST PORT", text);
	if (*text != '[' && memchr(text, ':', (size_t)(colon - text)) != NULL)
		return type_refuse(why,
		    "'%.60s' has no port: an IPv6 address and its port are written with a blank between",
		    text);
	*host_len = (size_t)(colon - text);
	*port = colon + 1;
	return true;
}

/* Kept as "host port". */
static bool
redirect_set(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	const char *port = "";
	char host[256];
	size_t len = 0;

	if (!cut_redirect(text, &len, &port, why))
		return false;
	bool is_native = strchr(text, ' ') == NULL || *text == '[';
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host))
		return type_refuse(why, "'%.60s' names no host: it takes HOST PORT", text);
	memcpy(host, text, len);
	host[len] = '\0';
	if (strcmp(host, "*") == 0 || !host_ok(host, why))
		return type_refuse(why, "'%.60s' is no host that can be connected to", host);
	if (port_number(port) == -EINVAL)
		return type_refuse(why, "'%.60s' is no port: it takes 1 to 65535, or a name", port);
	text_clear(field, a);
	*(char **)field = mem_format("%s %s", host, port);
	return is_native ? type_remark(
			       why, "taken as %.60s %.60s; xinetd knows no other form", host, port)
			 : true;
}

const struct attr_type type_redirect = {
	.label = "host and port",
	.max_words = 2,
	.set = redirect_set,
	.clear = text_clear,
	.copy = text_copy,
	.equal = text_equal,
	.print = text_print,
};
