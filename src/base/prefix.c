/* SPDX-License-Identifier: MIT */
#include "base/prefix.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/array.h"

#define V4_BITS     32u
#define V6_BITS     128u
/* An IPv4 address mapped into IPv6 has so many bits in front. */
#define MAPPED_BITS 96u

static unsigned
family_bits(bool is_v6)
{
	return is_v6 ? V6_BITS : V4_BITS;
}

/* Clears the bits behind the length; true if one of them was set. */
static bool
clear_host_bits(struct prefix *p)
{
	bool had_any = false;

	for (unsigned bit = p->length; bit < family_bits(p->is_v6); bit = (bit / 8 + 1) * 8) {
		uint8_t kept = p->bytes[bit / 8] & (uint8_t)(0xff00 >> bit % 8);

		had_any |= kept != p->bytes[bit / 8];
		p->bytes[bit / 8] = kept;
	}
	return had_any;
}

/* Digits and nothing else, at most `most`. -EINVAL. */
static int
parse_number(const char *text, unsigned most)
{
	unsigned number = 0;

	if (*text == '\0' || strlen(text) > 3)
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		number = number * 10 + (unsigned)(*text - '0');
	}
	return number <= most ? (int)number : -EINVAL;
}

/* "255.255.255.0" is 24. -EINVAL, also for a mask with holes. */
static int
parse_netmask(const char *text)
{
	struct in_addr mask;
	uint32_t behind;

	if (inet_pton(AF_INET, text, &mask) != 1)
		return -EINVAL;
	behind = ~ntohl(mask.s_addr);
	return (behind & (behind + 1)) == 0 ? (int)V4_BITS - __builtin_popcount(behind) : -EINVAL;
}

/* What stands behind the slash. -EINVAL. */
static int
parse_length(const char *text, bool is_v6)
{
	if (!is_v6 && strchr(text, '.') != NULL)
		return parse_netmask(text);
	return parse_number(text, family_bits(is_v6));
}

/* The part in front of the slash. A scope is refused: it is no part of an address that others can have. */
static int
parse_host(struct addr *out, const char *text, size_t len)
{
	char host[ADDR_TEXT_SIZE];

	if (len >= sizeof(host) || memchr(text, '%', len) != NULL)
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	return addr_parse(out, host, 0);
}

int
prefix_parse(struct prefix *out, const char *text, bool *has_host_bits)
{
	size_t len = strcspn(text, "/");
	struct addr addr, canonical;
	struct prefix p;
	bool had_any;
	int length, r = parse_host(&addr, text, len);

	if (r < 0)
		return r;
	canonical = addr;
	addr_canonical(&canonical);
	prefix_of(&p, &canonical);
	if (text[len] == '/') {
		length = parse_length(text + len + 1, addr_family(&addr) == AF_INET6);
		if (length >= 0 && addr_family(&addr) != addr_family(&canonical))
			length -= (int)MAPPED_BITS;
		if (length < 0)
			return -EINVAL;
		p.length = (uint8_t)length;
	}
	had_any = clear_host_bits(&p);
	*out = p;
	if (has_host_bits != NULL)
		*has_host_bits = had_any;
	return 0;
}

bool
prefix_of(struct prefix *out, const struct addr *addr)
{
	int family = addr_family(addr);

	if (family != AF_INET && family != AF_INET6)
		return false;
	*out = (struct prefix){ .is_v6 = family == AF_INET6 };
	out->length = (uint8_t)family_bits(out->is_v6);
	if (out->is_v6)
		memcpy(out->bytes, &addr->u.in6.sin6_addr, sizeof(addr->u.in6.sin6_addr));
	else
		memcpy(out->bytes, &addr->u.in.sin_addr, sizeof(addr->u.in.sin_addr));
	return true;
}

void
prefix_cut(struct prefix *p, unsigned length)
{
	if (length >= p->length)
		return;
	p->length = (uint8_t)length;
	clear_host_bits(p);
}

void
prefix_open_zeros(struct prefix *p)
{
	while (p->length >= 8 && p->bytes[p->length / 8 - 1] == 0)
		p->length = (uint8_t)(p->length - 8);
}

bool
prefix_covers(const struct prefix *p, const struct prefix *inner)
{
	struct prefix cut = *inner;

	if (p->is_v6 != inner->is_v6 || p->length > inner->length)
		return false;
	prefix_cut(&cut, p->length);
	return memcmp(cut.bytes, p->bytes, sizeof(p->bytes)) == 0;
}

bool
prefix_equal(const struct prefix *x, const struct prefix *y)
{
	return x->length == y->length && x->is_v6 == y->is_v6 &&
	       memcmp(x->bytes, y->bytes, sizeof(x->bytes)) == 0;
}

const char *
prefix_format(const struct prefix *p, char text[PREFIX_TEXT_SIZE])
{
	inet_ntop(p->is_v6 ? AF_INET6 : AF_INET, p->bytes, text, ADDR_TEXT_SIZE);
	if (p->length != family_bits(p->is_v6))
		sprintf(text + strlen(text), "/%u", p->length);
	return text;
}

void
prefix_seed_init(struct prefix_seed *seed)
{
	ssize_t got = getrandom(seed->number, sizeof(seed->number), 0);

	/* So few bytes come whole or, where the call is not allowed, not at all: then any seed has to do. */
	for (size_t i = 0; got < 0 && i < ARRAY_LEN(seed->number); i++)
		seed->number[i] = (2 * i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Products of pairs and their sum, of which the upper half counts: see Thorup, "High Speed Hashing for Integers and Strings".
 * Any two prefixes collide with the same small likelihood. */
uint32_t
prefix_hash(const struct prefix *p, const struct prefix_seed *seed)
{
	const uint64_t *a = seed->number;
	uint32_t word[4];

	memcpy(word, p->bytes, sizeof(word));
	return (
	    uint32_t)(((a[0] + word[1]) * (a[1] + word[0]) + (a[2] + word[3]) * (a[3] + word[2]) +
			  a[4] * (p->length + 256u * p->is_v6) + a[5]) >>
		      32);
}
