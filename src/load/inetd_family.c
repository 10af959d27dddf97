/* SPDX-License-Identifier: MIT */
#include "load/inetd_family.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/lexeme.h"
#include "load/inetd_words.h"

static int
compare(const void *x, const void *y)
{
	return strcasecmp(x, y);
}

/* "echo/tcp" of all its lines for TCP. */
static char *
key_of(const struct block *b, const char *protocol)
{
	return mem_format("%s/%.3s", b->title.text, protocol);
}

static void
note_v6(struct inetd_family *f, char *key)
{
	char **found = tsearch(key, &f->v6, compare);

	if (found == NULL)
		abort();
	if (*found != key)
		free(key);
}

void
inetd_family_note(struct inetd_family *f, const struct block *b, size_t i, const char *protocol)
{
	size_t len = strcspn(protocol, ",/:");

	if (len == 4 && protocol[3] == '6')
		note_v6(f, key_of(b, protocol));
	if (len != 3)
		return;
	f->bare = room_for_one(f->bare, f->bare_count, sizeof(*f->bare));
	f->bare[f->bare_count++] = i;
}

/* Both would listen on the same addresses otherwise; and who has switched the line for IPv6 off does not want it. */
static void
settle(const struct inetd_family *f, struct block *b)
{
	const struct setting *protocol = inetd_find(b, "protocol");
	struct setting *flags = inetd_find(b, "flags");
	char *key;

	/* An address says its family itself. */
	if (protocol == NULL || inetd_find(b, "bind") != NULL)
		return;
	key = key_of(b, protocol->words[0].text);
	if (tfind(key, &f->v6, compare) == NULL)
		;
	else if (flags == NULL)
		inetd_set(b, "flags", &protocol->words[0].place, "IPv4");
	else
		inetd_add(flags, "IPv4", &protocol->words[0].place);
	free(key);
}

void
inetd_family_settle(struct inetd_family *f, struct blocks *out)
{
	for (size_t i = 0; i < f->bare_count; i++)
		settle(f, &out->item[f->bare[i]]);
	tdestroy(f->v6, free);
	free(f->bare);
	*f = (struct inetd_family){ 0 };
}
