/* SPDX-License-Identifier: MIT */
#include "load/inetd_line.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/lexeme.h"

#define FORM "NAME stream|dgram tcp|udp wait|nowait USER PROGRAM [ARGUMENTS]"

static const char *const field_names[] = {
	[INETD_SERVICE] = "the name of the service",
	[INETD_TYPE] = "the type of the socket, stream or dgram,",
	[INETD_PROTOCOL] = "the protocol",
	[INETD_WAIT] = "wait or nowait",
	[INETD_USER] = "the user",
	[INETD_PROGRAM] = "the program, or internal,",
};

/* What each stands for. Of a bare tcp or udp see inetd_family.h. */
static const struct {
	const char *name, *protocol, *family;
	bool is_v6only;
} protocols[] = {
	{ "tcp", "tcp", NULL, false },
	{ "tcp4", "tcp", "IPv4", false },
	{ "tcp6", "tcp", "IPv6", true },
	{ "tcp46", "tcp", NULL, false },
	{ "udp", "udp", NULL, false },
	{ "udp4", "udp", "IPv4", false },
	{ "udp6", "udp", "IPv6", true },
	{ "udp46", "udp", NULL, false },
};

static void
add_word(struct inetd_words *list, const struct word *w)
{
	list->item = room_for_one(list->item, list->count, sizeof(*list->item));
	list->item[list->count++] = *w;
}

/* A quote at the beginning of a word joins what stands up to the next one. */
static bool
is_quoted(const struct scan *s)
{
	const char *end = quote_at(s, s->at) ? quoted_end_at(s, s->at) : NULL;

	return end != NULL && (end >= s->line_end || is_blank(*end));
}

void
inetd_words_take(struct inetd_words *list, struct scan *s)
{
	for (scan_blanks(s); !scan_at_line_end(s); scan_blanks(s)) {
		const char *from = s->at, *to = word_end_at(s, from);
		struct word w;

		if (list->count > INETD_PROGRAM && *from == '#')
			scan_remark(s, SEVERITY_NOTE, from,
			    "this is no comment here: # and what follows are arguments of the program");
		if (is_quoted(s)) {
			if (word_take_quoted(s, &w))
				add_word(list, &w);
			continue;
		}
		if (quote_at(s, from))
			scan_remark(s, SEVERITY_WARNING, from,
			    "this quote does not stand around a word, and is part of it");
		s->at = to;
		if (word_take(s, &w, from, to))
			add_word(list, &w);
	}
}

void
inetd_words_done(struct inetd_words *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i].text);
	free(list->item);
	*list = (struct inetd_words){ 0 };
}

struct word
inetd_part(const struct word *w, size_t offset, size_t len)
{
	struct word part = { mem_dupn(w->text + offset, len), w->place };

	for (size_t i = 0; i < offset; i++)
		part.place.column += !byte_continues(w->text[i]);
	return part;
}

bool
inetd_is_socket_type(const char *text, size_t len)
{
	static const char *const types[] = { "stream", "dgram", "raw", "rdm", "seqpacket" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strlen(types[i]) == len && strncasecmp(text, types[i], len) == 0)
			return true;
	return false;
}

static struct setting *
add_setting(struct block *b, const char *name, const struct place *place)
{
	b->settings = room_for_one(b->settings, b->count, sizeof(*b->settings));
	struct setting *set = &b->settings[b->count++];

	*set = (struct setting){
		.attr = attr_find(name), .name = { mem_dup(name), *place }, .is_native = true
	};
	return set;
}

void
inetd_add(struct setting *set, const char *text, const struct place *place)
{
	set->words = room_for_one(set->words, set->count, sizeof(*set->words));
	set->words[set->count++] = (struct word){ mem_dup(text), *place };
}

struct setting *
inetd_find(const struct block *b, const char *name)
{
	for (size_t i = 0; i < b->count; i++)
		if (strcmp(b->settings[i].name.text, name) == 0)
			return &b->settings[i];
	return NULL;
}

struct setting *
inetd_set(struct block *b, const char *name, const struct place *place, const char *text)
{
	struct setting *set = add_setting(b, name, place);

	if (text != NULL)
		inetd_add(set, text, place);
	return set;
}

void
inetd_addresses_take(struct inetd_words *list, const struct word *w, size_t len)
{
	for (size_t from = 0; from < len;) {
		const char *comma = memchr(w->text + from, ',', len - from);
		size_t end = comma != NULL ? (size_t)(comma - w->text) : len;
		bool has_brackets =
		    end - from > 2 && w->text[from] == '[' && w->text[end - 1] == ']';
		struct word part =
		    inetd_part(w, from + has_brackets, end - from - (has_brackets ? 2 : 0));

		if (end == from || strcmp(part.text, "*") == 0)
			free(part.text);
		else
			add_word(list, &part);
		from = end + 1;
	}
}

static void
add_addresses(struct block *b, const struct inetd_words *addresses, const struct place *place)
{
	if (addresses->count == 0)
		return;
	struct setting *set = add_setting(b, "bind", place);

	for (size_t i = 0; i < addresses->count; i++)
		inetd_add(set, addresses->item[i].text, &addresses->item[i].place);
}

/* ":user:group:mode:/path", as in FreeBSD, or a path. */
static bool
read_unix(const struct inetd_line *l, struct block *b)
{
	static const char *const attributes[] = { "listen_owner", "listen_group", "listen_mode" };
	const struct word *w = &l->words->item[INETD_SERVICE];
	const char *path = strchr(w->text, '/');
	size_t offset = 1;

	if (path == NULL || (path != w->text && (w->text[0] != ':' || path[-1] != ':'))) {
		scan_error(l->s, SCAN_HARD, &w->place,
		    "a unix socket has a full path: PATH or :USER:GROUP:MODE:PATH");
		return false;
	}
	for (size_t i = 0; w->text + offset < path; i++) {
		size_t len = strcspn(w->text + offset, ":");
		struct word part = inetd_part(w, offset, len);

		if (i < ARRAY_LEN(attributes) && len > 0)
			inetd_set(b, attributes[i], &part.place, part.text);
		free(part.text);
		offset += len + 1;
		if (i >= ARRAY_LEN(attributes)) {
			scan_error(l->s, SCAN_HARD, &w->place,
			    "too many colons: a unix socket is :USER:GROUP:MODE:PATH");
			return false;
		}
	}
	char *address = mem_format("unix:%s", path);
	inetd_set(b, "listen", &w->place, address);
	free(address);
	b->title = (struct word){ mem_dup(path), w->place };
	return true;
}

/* "tcpmux/name" and "tcpmux/+name". */
static bool
read_muxed(const struct word *w, struct block *b)
{
	static const char prefix[] = "tcpmux/";
	size_t skip = sizeof(prefix) - 1;

	if (strncasecmp(w->text, prefix, skip) != 0)
		return false;
	bool is_plus = w->text[skip] == '+';

	skip += is_plus;
	b->title = inetd_part(w, skip, strlen(w->text) - skip);
	inetd_add(inetd_set(b, "type", &w->place, is_plus ? "TCPMUXPLUS" : "TCPMUX"), "UNLISTED",
	    &w->place);
	return true;
}

/* Where the port begins behind the addresses; 0: there are none. */
static size_t
port_offset(const char *text)
{
	const char *bracket = strrchr(text, ']');
	const char *colon = strrchr(bracket != NULL ? bracket : text, ':');

	return colon == NULL ? 0 : (size_t)(colon - text) + 1;
}

/* Name or number, with addresses in front. */
static bool
read_port(const struct inetd_line *l, struct block *b, bool *has_address)
{
	const struct word *w = &l->words->item[INETD_SERVICE];
	struct inetd_words own = { 0 };
	size_t offset = port_offset(w->text);

	b->title = inetd_part(w, offset, strlen(w->text) - offset);
	if (*b->title.text == '\0' || *b->title.text == '/') {
		scan_error(l->s, SCAN_HARD, &w->place, "%s",
		    *b->title.text == '\0' ? "there is no port behind the address"
					   : "a path goes with the protocol unix");
		return false;
	}
	if (strspn(b->title.text, "0123456789") == strlen(b->title.text))
		inetd_set(b, "port", &b->title.place, b->title.text);
	if (offset > 0)
		inetd_addresses_take(&own, w, offset - 1);
	add_addresses(b, offset > 0 ? &own : l->addresses, &w->place);
	*has_address = offset > 0 ? own.count > 0 : l->addresses->count > 0;
	inetd_words_done(&own);
	return true;
}

/* The word up to a comma or colon, behind which details stand. */
static size_t
head_len(const char *text)
{
	return strcspn(text, ",:");
}

/* "stream", "stream,20", "stream:filter". The number is that of connections at a time, as instances. */
static bool
read_type(const struct inetd_line *l, struct block *b)
{
	const struct word *w = &l->words->item[INETD_TYPE];
	size_t len = head_len(w->text);
	struct word type = inetd_part(w, 0, len);

	inetd_set(b, "socket_type", &type.place, type.text);
	free(type.text);
	if (w->text[len] == ',') {
		size_t digits = strcspn(w->text + len + 1, ":");
		struct word most = inetd_part(w, len + 1, digits);

		inetd_set(b, "instances", &most.place, most.text);
		inetd_set(b, "on_limit", &most.place, "queue");
		free(most.text);
		len += 1 + digits;
	}
	if (w->text[len] == ':') {
		struct word filter = inetd_part(w, len, strlen(w->text + len));

		problem_add(l->s->problems, SEVERITY_NOTE, CAUSE_TEXT, &filter.place,
		    "accept filters are not supported: programs start as soon as a client is there");
		free(filter.text);
	}
	return true;
}

static void
note_details(const struct inetd_line *l, size_t len)
{
	const struct word *w = &l->words->item[INETD_PROTOCOL];

	if (w->text[len] == '\0')
		return;
	struct word rest = inetd_part(w, len + 1, strlen(w->text + len + 1));

	problem_add(l->s->problems, SEVERITY_NOTE, CAUSE_TEXT, &rest.place,
	    "%.60s has no effect: sizes of socket buffers are left to the kernel", rest.text);
	free(rest.text);
}

/* By number i of the protocols. */
static bool
read_network(const struct inetd_line *l, struct block *b, size_t i)
{
	const struct word *w = &l->words->item[INETD_PROTOCOL];
	bool is_muxed = read_muxed(&l->words->item[INETD_SERVICE], b), has_address = false;
	/* An address says the family itself, unless the protocol names one. */
	bool names_family = strpbrk(protocols[i].name, "46") != NULL;

	if (!is_muxed && !read_port(l, b, &has_address))
		return false;
	inetd_set(b, "protocol", &w->place, protocols[i].protocol);
	if (protocols[i].family != NULL && !is_muxed && (!has_address || names_family))
		inetd_set(b, "flags", &w->place, protocols[i].family);
	if (protocols[i].is_v6only)
		inetd_set(b, "v6only", &w->place, "yes");
	return true;
}

/* Service and protocol belong together. */
static bool
read_where(const struct inetd_line *l, struct block *b)
{
	const struct word *w = &l->words->item[INETD_PROTOCOL];
	size_t len = head_len(w->text);

	note_details(l, len);
	if (strncasecmp(w->text, "rpc/", 4) == 0) {
		scan_error(l->s, SCAN_HARD, &w->place,
		    "RPC is not supported: porterd does not speak to the portmapper");
		return false;
	}
	if (len == 4 && strncasecmp(w->text, "unix", len) == 0)
		return read_unix(l, b);
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (strlen(protocols[i].name) == len &&
		    strncasecmp(protocols[i].name, w->text, len) == 0)
			return read_network(l, b, i);
	scan_error(l->s, SCAN_HARD, &w->place,
	    "the protocol '%.60s' is unknown: it takes tcp, tcp4, tcp6, tcp46, udp, udp4, udp6, udp46 or unix",
	    w->text);
	return false;
}

static bool
is_whole(const struct inetd_line *l)
{
	const struct inetd_words *words = l->words;
	struct place end = scan_place(l->s, l->s->line_end);

	if (words->count > INETD_TYPE) {
		const struct word *type = &words->item[INETD_TYPE];

		if (!inetd_is_socket_type(type->text, head_len(type->text))) {
			scan_error(l->s, SCAN_HARD, &type->place,
			    "'%.60s' is no type of a socket: write " FORM, type->text);
			return false;
		}
	}
	if (words->count > INETD_PROGRAM)
		return true;
	scan_error(l->s, SCAN_HARD, &end, "the line ends where %s is expected: write " FORM,
	    field_names[words->count]);
	return false;
}

bool
inetd_line_read(const struct inetd_line *l, struct block *out)
{
	*out = (struct block){ .kind = BLOCK_SERVICE };
	if (!is_whole(l))
		return false;
	out->place = l->words->item[INETD_SERVICE].place;
	if (l->is_off)
		inetd_set(out, "disable", &out->place, "yes");
	out->is_disabled = l->is_off;
	if (!read_where(l, out) || !read_type(l, out) || !inetd_read_wait(l, out))
		return false;
	/* Builtins run without rights, whoever the line names. */
	if (strcasecmp(l->words->item[INETD_PROGRAM].text, "internal") != 0 &&
	    !inetd_read_user(l, out))
		return false;
	inetd_read_program(l, out);
	return true;
}
