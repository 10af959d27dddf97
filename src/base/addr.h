/* SPDX-License-Identifier: MIT */
/* Socket addresses as values. Ports are in host order outside addr.c. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct addr {
	socklen_t len; /* 0: no address */

	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
};

/* Room for any address as text without its port: "fe80::1%some-interface", or the path of a unix socket. */
#define ADDR_TEXT_SIZE 128

/* A numeric IPv4 or IPv6 address, "%scope" allowed, no brackets, no port. 0, or -EINVAL. Short, octal and
 * hexadecimal forms of IPv4 ("127.1", "0x7f.1") are refused. */
int addr_parse(struct addr *a, const char *text, uint16_t port);
int addr_unix(struct addr *a, const char *path);          /* 0, or -ENAMETOOLONG */
void addr_any(struct addr *a, int family, uint16_t port); /* 0.0.0.0 or :: */
void addr_canonical(struct addr *a);                      /* ::ffff:a.b.c.d becomes a.b.c.d */
void addr_set_port(struct addr *a, uint16_t port);
uint16_t addr_port(const struct addr *a); /* 0 for what has none */
bool addr_is_any(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b); /* family, address, scope and port */
/* The address alone, without port or brackets. Returns text. */
const char *addr_format(const struct addr *a, char text[ADDR_TEXT_SIZE]);

static inline int
addr_family(const struct addr *a)
{
	return a->len == 0 ? AF_UNSPEC : a->u.sa.sa_family;
}

#endif
