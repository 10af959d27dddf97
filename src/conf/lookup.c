/* SPDX-License-Identifier: MIT */
/* What the machine knows: users, groups, ports, hosts. Programs and directories are looked at in lookup_file.c. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/hosts_access.h"
#include "conf/lookup.h"
#include "conf/lookup_file.h"

/* Answers that need more room than this are not those of a sane machine. */
#define ENTRY_MAX_BYTES (1 << 20)

static bool
read_id(const char *text, unsigned long *id)
{
	if (*text == '\0' || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
		return false;
	*id = strtoul(text, NULL, 10);
	return *id < UINT32_MAX;
}

static int
find_user(const char *name, struct passwd *pw, char *room, size_t size, struct passwd **found)
{
	unsigned long id;
	int r = getpwnam_r(name, pw, room, size, found);

	if (r == 0 && *found == NULL && read_id(name, &id))
		r = getpwuid_r((uid_t)id, pw, room, size, found);
	return r;
}

static int
lookup_user(const char *name, struct user_entry *out)
{
	struct passwd pw, *found = NULL;
	size_t size = 1024;
	char *room = NULL;
	int r;

	do {
		size *= 2;
		room = mem_grow(room, size, 1);
		r = find_user(name, &pw, room, size, &found);
	} while (r == ERANGE && size < ENTRY_MAX_BYTES);
	if (found != NULL)
		*out = (struct user_entry){
			.name = mem_dup(pw.pw_name), .uid = pw.pw_uid, .gid = pw.pw_gid
		};
	free(room);
	return found != NULL ? 0 : -ENOENT;
}

static int
lookup_group(const char *name, gid_t *gid)
{
	struct group gr, *found = NULL;
	size_t size = 1024;
	char *room = NULL;
	unsigned long id;
	int r;

	do {
		size *= 2;
		room = mem_grow(room, size, 1);
		r = getgrnam_r(name, &gr, room, size, &found);
	} while (r == ERANGE && size < ENTRY_MAX_BYTES);
	if (found != NULL)
		*gid = gr.gr_gid;
	free(room);
	if (found != NULL)
		return 0;
	if (!read_id(name, &id))
		return -ENOENT;
	*gid = (gid_t)id;
	return 0;
}

static int
lookup_groups(const char *user, gid_t gid, gid_t **list, size_t *count)
{
	int room = 16, wanted = room;
	gid_t *groups = mem_array((size_t)room, sizeof(*groups));
	size_t kept = 0;

	while (getgrouplist(user, gid, groups, &wanted) < 0) {
		room = wanted > room ? wanted : room * 2;
		wanted = room;
		groups = mem_grow(groups, (size_t)room, sizeof(*groups));
	}
	for (int i = 0; i < wanted; i++) {
		size_t k = 0;

		while (k < kept && groups[k] != groups[i])
			k++;
		if (k == kept)
			groups[kept++] = groups[i];
	}
	*list = groups;
	*count = kept;
	return 0;
}

static int
lookup_port(const char *name, const char *protocol)
{
	struct servent entry, *found = NULL;
	char room[4096];

	if (getservbyname_r(name, protocol, &entry, room, sizeof(room), &found) != 0 ||
	    found == NULL)
		return -ENOENT;
	return ntohs((uint16_t)entry.s_port);
}

static int
host_error(int r)
{
	switch (r) {
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	default:
		return -ENOENT;
	}
}

/* Adds the addresses of one family. 0, -ENOENT if it has none, or another -errno. */
static int
add_hosts(const char *name, int family, struct addr **list, size_t *count)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM }, *first;
	int r = getaddrinfo(name, NULL, &hints, &first);

	if (r != 0)
		return host_error(r);
	for (struct addrinfo *ai = first; ai != NULL; ai = ai->ai_next) {
		if (ai->ai_addrlen > sizeof((*list)->u))
			continue;
		*list = mem_grow(*list, *count + 1, sizeof(**list));
		(*list)[*count] = (struct addr){ .len = ai->ai_addrlen };
		memcpy(&(*list)[(*count)++].u, ai->ai_addr, ai->ai_addrlen);
	}
	freeaddrinfo(first);
	return 0;
}

/* Family by family: asked for both, getaddrinfo(3) stops at the first line of /etc/hosts unless host.conf says "multi on". */
static int
lookup_host(const char *name, struct addr **list, size_t *count)
{
	static const int families[] = { AF_INET6, AF_INET };
	int r = 0;

	*list = NULL;
	*count = 0;
	for (size_t i = 0; i < ARRAY_LEN(families) && (r == 0 || r == -ENOENT); i++)
		r = add_hosts(name, families[i], list, count);
	if (*count > 0 && (r == 0 || r == -ENOENT))
		return 0;
	free(*list);
	*list = NULL;
	return r != 0 ? r : -ENOENT;
}

/* "127", "127.0.0.0" and "127.0" in /etc/networks are one network. */
static void
read_network(uint32_t number, struct prefix *out)
{
	*out = (struct prefix){ .length = 32 };
	while (number != 0 && number >> 24 == 0)
		number <<= 8;
	for (size_t i = 0; i < 4; i++)
		out->bytes[i] = (uint8_t)(number >> (24 - 8 * i));
	prefix_open_zeros(out);
}

static int
lookup_network(const char *name, struct prefix *out)
{
	struct netent entry, *found = NULL;
	char room[4096];
	int error;

	if (getnetbyname_r(name, &entry, room, sizeof(room), &found, &error) != 0 ||
	    found == NULL || found->n_addrtype != AF_INET)
		return -ENOENT;
	read_network(found->n_net, out);
	return 0;
}

static bool
lookup_may_send_raw(void)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int
lookup_longest_backlog(void)
{
	FILE *f = fopen("/proc/sys/net/core/somaxconn", "re");
	char text[16];
	long most = -ENOENT;

	if (f == NULL)
		return -errno;
	if (fgets(text, sizeof(text), f) != NULL)
		most = strtol(text, NULL, 10);
	fclose(f);
	return most > 0 && most <= INT_MAX ? (int)most : -ENOENT;
}

const struct lookup lookup_system = {
	.user = lookup_user,
	.group = lookup_group,
	.groups = lookup_groups,
	.port = lookup_port,
	.host = lookup_host,
	.network = lookup_network,
	.file_size = lookup_file_size,
	.may_send_raw = lookup_may_send_raw,
	.hosts_access = hosts_access_system,
	.program = lookup_program,
	.directory = lookup_directory,
	.longest_backlog = lookup_longest_backlog,
};
