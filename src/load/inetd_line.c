/* SPDX-License-Identifier: MIT */
#include "load/inetd_line.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/lexeme.h"
#include "load/inetd_fields.h"

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

bool
inetd_is_socket_type(const char *text, size_t len)
{
	static const char *const types[] = { "stream", "dgram", "raw", "rdm", "seqpacket" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strlen(types[i]) == len && strncasecmp(text, types[i], len) == 0)
			return true;
	return false;
}

static void
add_addresses(struct block *b, const struct inetd_words *addresses, const struct place *place)
{
	if (addresses->count == 0)
		return;
	struct setting *set = inetd_set(b, "bind", place, NULL);

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
