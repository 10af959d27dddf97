/* SPDX-License-Identifier: MIT */
#include "conf/template.h"

#include <porter/environment.h>
#include <string.h>

const struct template_name template_names[] = {
	{ "remote_addr", PORTER_REMOTE_ADDR, TEMPLATE_OF_PEER },
	{ "remote_host", PORTER_REMOTE_HOST, TEMPLATE_OF_PEER },
	{ "remote_port", PORTER_REMOTE_PORT, TEMPLATE_OF_PEER },
	{ "local_addr", PORTER_LOCAL_ADDR, TEMPLATE_OF_CONNECTION },
	{ "local_port", PORTER_LOCAL_PORT, TEMPLATE_OF_CONNECTION },
	{ "connection", PORTER_CONNECTION_ID, TEMPLATE_OF_CONNECTION },
	{ "service", PORTER_SERVICE_ID, TEMPLATE_OF_SERVICE },
	{ NULL, NULL, TEMPLATE_OF_SERVICE },
};

static const struct template_name *
find(const char *name, size_t len)
{
	for (const struct template_name *n = template_names; n->name != NULL; n++)
		if (strlen(n->name) == len && strncmp(n->name, name, len) == 0)
			return n;
	return NULL;
}

static bool
is_escaped(const char *at)
{
	return at[0] == '%' && at[1] == '%' && at[2] == '{';
}

/* The length of %{…} with its braces; 0: there is none here. */
static size_t
braced(const char *at)
{
	const char *end = at[0] == '%' && at[1] == '{' ? strpbrk(at + 2, "{}") : NULL;

	return end != NULL && *end == '}' ? (size_t)(end + 1 - at) : 0;
}

static size_t
plain(const char *at)
{
	size_t len = 0;

	while (at[len] != '\0' && !is_escaped(at + len) && braced(at + len) == 0)
		len++;
	return len;
}

bool
template_next(const char **at, struct template_piece *out)
{
	const char *text = *at;
	size_t len = plain(text);

	if (*text == '\0')
		return false;
	*out = (struct template_piece){ .text = text, .len = len };
	if (len > 0) {
		*at = text + len;
	} else if (is_escaped(text)) {
		*out = (struct template_piece){ .text = text + 1, .len = 2, .is_escape = true };
		*at = text + 3;
	} else {
		len = braced(text);
		out->len = len;
		out->name = find(text + 2, len - 3);
		out->is_unknown = out->name == NULL;
		*at = text + len;
	}
	return true;
}

bool
template_changes(const char *text)
{
	struct template_piece piece;

	for (const char *at = text; template_next(&at, &piece);)
		if (piece.name != NULL || piece.is_escape)
			return true;
	return false;
}
