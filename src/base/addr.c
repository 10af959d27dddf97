/* SPDX-License-Identifier: MIT */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "eth0" or "2", the part behind % of a link-local address. 0 if there is no such interface. */
static uint32_t
scope_id(const char *text)
{
	char *end;
	unsigned index = if_nametoindex(text);
	unsigned long number = strtoul(text, &end, 10);

	if (index != 0)
		return index;
	return *end == '\0' && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static int
parse_ipv6(struct addr *a, const char *text, uint16_t port)
{
	char host[INET6_ADDRSTRLEN];
	const char *percent = strchr(text, '%');
	size_t len = percent != NULL ? (size_t)(percent - text) : strlen(text);
	struct addr out = { .len = sizeof(out.u.in6) };

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	out.u.in6.sin6_family = AF_INET6;
	out.u.in6.sin6_port = htons(port);
	if (inet_pton(AF_INET6, host, &out.u.in6.sin6_addr) != 1)
		return -EINVAL;
	if (percent != NULL) {
		out.u.in6.sin6_scope_id = scope_id(percent + 1);
		if (out.u.in6.sin6_scope_id == 0)
			return -EINVAL;
	}
	*a = out;
	return 0;
}

int
addr_parse(struct addr *a, const char *text, uint16_t port)
{
	struct addr out = { .len = sizeof(out.u.in) };

	if (strchr(text, ':') != NULL)
		return parse_ipv6(a, text, port);
	out.u.in.sin_family = AF_INET;
	out.u.in.sin_port = htons(port);
	if (inet_pton(AF_INET, text, &out.u.in.sin_addr) != 1)
		return -EINVAL;
	*a = out;
	return 0;
}

int
addr_unix(struct addr *a, const char *path)
{
	struct addr out = { .len = sizeof(out.u.un) };

	if (strlen(path) >= sizeof(out.u.un.sun_path))
		return -ENAMETOOLONG;
	out.u.un.sun_family = AF_UNIX;
	memcpy(out.u.un.sun_path, path, strlen(path) + 1);
	*a = out;
	return 0;
}

void
addr_any(struct addr *a, int family, uint16_t port)
{
	*a = (struct addr){ 0 };
	a->u.sa.sa_family = (sa_family_t)family;
	a->len = family == AF_INET ? sizeof(a->u.in) : sizeof(a->u.in6);
	addr_set_port(a, port);
}

void
addr_canonical(struct addr *a)
{
	struct addr v4 = { .len = sizeof(v4.u.in) };

	if (addr_family(a) != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		return;
	v4.u.in.sin_family = AF_INET;
	v4.u.in.sin_port = a->u.in6.sin6_port;
	memcpy(&v4.u.in.sin_addr, &a->u.in6.sin6_addr.s6_addr[12], 4);
	*a = v4;
}

void
addr_set_port(struct addr *a, uint16_t port)
{
	if (addr_family(a) == AF_INET)
		a->u.in.sin_port = htons(port);
	else if (addr_family(a) == AF_INET6)
		a->u.in6.sin6_port = htons(port);
}

uint16_t
addr_port(const struct addr *a)
{
	if (addr_family(a) == AF_INET)
		return ntohs(a->u.in.sin_port);
	if (addr_family(a) == AF_INET6)
		return ntohs(a->u.in6.sin6_port);
	return 0;
}

bool
addr_is_any(const struct addr *a)
{
	if (addr_family(a) == AF_INET)
		return a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
	return addr_family(a) == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	if (addr_family(a) != addr_family(b) || addr_port(a) != addr_port(b))
		return false;
	switch (addr_family(a)) {
	case AF_INET:
		return a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
	case AF_INET6:
		return IN6_ARE_ADDR_EQUAL(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr) &&
		       a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id;
	case AF_UNIX:
		return strcmp(a->u.un.sun_path, b->u.un.sun_path) == 0;
	default:
		return true;
	}
}

static void
append_scope(char text[ADDR_TEXT_SIZE], uint32_t scope)
{
	char name[IF_NAMESIZE];
	size_t len = strlen(text);

	if (if_indextoname(scope, name) != NULL)
		snprintf(text + len, ADDR_TEXT_SIZE - len, "%%%s", name);
	else
		snprintf(text + len, ADDR_TEXT_SIZE - len, "%%%u", scope);
}

/* Where nearly all clients come from, and on the road of each of them: inet_ntop(3) goes by a format. */
static void
format_ipv4(const struct in_addr *a, char *text)
{
	const unsigned char *byte = (const unsigned char *)a;

	for (int i = 0; i < 4; i++) {
		if (byte[i] >= 100)
			*text++ = (char)('0' + byte[i] / 100);
		if (byte[i] >= 10)
			*text++ = (char)('0' + byte[i] / 10 % 10);
		*text++ = (char)('0' + byte[i] % 10);
		*text++ = '.';
	}
	text[-1] = '\0';
}

const char *
addr_format(const struct addr *a, char text[ADDR_TEXT_SIZE])
{
	text[0] = '\0';
	if (addr_family(a) == AF_INET)
		format_ipv4(&a->u.in.sin_addr, text);
	else if (addr_family(a) == AF_UNIX)
		snprintf(text, ADDR_TEXT_SIZE, "%s", a->u.un.sun_path);
	else if (addr_family(a) == AF_INET6) {
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, text, ADDR_TEXT_SIZE);
		if (a->u.in6.sin6_scope_id != 0)
			append_scope(text, a->u.in6.sin6_scope_id);
	}
	return text;
}
