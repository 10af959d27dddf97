/* SPDX-License-Identifier: MIT */
/* Values of one word that stay text: names, paths and ports. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/types.h"

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
