/* SPDX-License-Identifier: MIT */
/* Prefixes of IPv4 and IPv6 addresses as small values. */
#ifndef BASE_PREFIX_H
#define BASE_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct prefix {
	uint8_t bytes[16]; /* of IPv4 the first 4; bits behind the length are 0 */
	uint8_t length;    /* in bits */
	bool is_v6;
};

/* Room for one as text. */
#define PREFIX_TEXT_SIZE (ADDR_TEXT_SIZE + 4)

/* "192.0.2.1", "192.0.2.0/24", "192.0.2.0/255.255.255.0", "2001:db8::/32", "::1". An IPv4-mapped address is IPv4, its length less 96.
 * Bits behind the length are cleared; *has_host_bits (which may be NULL) says whether there were any. 0, or -EINVAL: no such text,
 * a mask with holes, a length out of range, a scope, or a short, octal or hexadecimal form of IPv4. */
int prefix_parse(struct prefix *out, const char *text, bool *has_host_bits);
/* The whole of a canonical address; false if it is neither IPv4 nor IPv6. */
bool prefix_of(struct prefix *out, const struct addr *addr);
/* Cuts it to so many bits, if it is longer. */
void prefix_cut(struct prefix *p, unsigned length);
/* Of whole octets: those that are zero at its end are cut off, so that 192.168.0.0 becomes 192.168.0.0/16. */
void prefix_open_zeros(struct prefix *p);
bool prefix_covers(const struct prefix *p, const struct prefix *inner);
bool prefix_equal(const struct prefix *x, const struct prefix *y);
/* Without its length where it is a whole address. Returns text. */
const char *prefix_format(const struct prefix *p, char text[PREFIX_TEXT_SIZE]);

/* What tables of prefixes hash with, so that nobody can choose addresses that collide. */
struct prefix_seed {
	uint64_t number[6];
};

void prefix_seed_init(struct prefix_seed *seed); /* from the kernel's random numbers */
uint32_t prefix_hash(const struct prefix *p, const struct prefix_seed *seed);

#endif
