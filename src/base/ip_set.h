/* SPDX-License-Identifier: MIT */
/* A set of addresses, made of prefixes and never changed again: sorted ranges without overlap. Asking takes time that grows with the
 * logarithm of their number; one range takes 8 bytes for IPv4 and 32 for IPv6. Shared by counting references. */
#ifndef BASE_IP_SET_H
#define BASE_IP_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/prefix.h"

struct ip_set;

/* One reference. The list is sorted in place, and not needed any more. */
struct ip_set *ip_set_new(struct prefix *list, size_t count);
struct ip_set *ip_set_ref(struct ip_set *s); /* NULL is allowed */
void ip_set_unref(struct ip_set *s);         /* NULL is allowed */
/* addr is canonical; any other family is in no set. A NULL set is empty. */
bool ip_set_has(const struct ip_set *s, const struct addr *addr);
/* Some whole range of x is in y, so that without y nothing is left of it. */
bool ip_set_is_hidden(const struct ip_set *x, const struct ip_set *y);
bool ip_set_has_family(const struct ip_set *s, int family); /* any address of AF_INET or AF_INET6 */
bool ip_set_equal(const struct ip_set *x, const struct ip_set *y);
size_t ip_set_ranges(const struct ip_set *s);
size_t ip_set_bytes(const struct ip_set *s); /* memory that it takes */

/* From one process to another, by a file in memory. Writes it behind what is there. 0 or -errno. */
int ip_set_save(const struct ip_set *s, int fd);
/* One reference to what was written from that offset on; the file is not needed any more. NULL: it is not whole. */
struct ip_set *ip_set_map(int fd, size_t offset);

#endif
