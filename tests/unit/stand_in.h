/* SPDX-License-Identifier: MIT */
/* A small machine to look things up on: the same answers wherever the tests run. */
#ifndef UNIT_STAND_IN_H
#define UNIT_STAND_IN_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "load/load.h"

/* clang-format off */
static const struct {
	const char *name;
	unsigned uid, gid;
} stand_in_users[] = { { "root", 0, 0 }, { "daemon", 1, 1 }, { "nobody", 65534, 65534 }, { "anna", 1000, 1001 } };

static const struct {
	const char *name, *protocol;
	int port;
} stand_in_ports[] = {
	{ "echo", "tcp", 7 }, { "echo", "udp", 7 }, { "daytime", "tcp", 13 }, { "daytime", "udp", 13 },
	{ "telnet", "tcp", 23 }, { "tftp", "udp", 69 }, { "http", "tcp", 80 }, { "rsync", "tcp", 873 },
};

static const struct {
	const char *name, *address;
} stand_in_hosts[] = {
	{ "localhost", "127.0.0.1" }, { "localhost", "::1" }, { "two.example", "192.0.2.1" },
	{ "two.example", "2001:db8::1" }, { "four.example", "192.0.2.4" }, { "twice.example", "192.0.2.5" },
	{ "twice.example", "192.0.2.5" },
};

static const struct {
	const char *path;
	int result;
} stand_in_programs[] = {
	{ "/bin/cat", 0 }, { "/bin/true", 0 }, { "/usr/local/bin/echo_server_xinetd", 0 }, { "/sbin", -EISDIR },
	{ "/bin/plain", -EACCES }, { "/bin/text", -ENOEXEC }, { "/bin/script", -ENOENT },
};

/* clang-format on */

static inline int
stand_in_user(const char *name, struct user_entry *out)
{
	char number[16];

	for (size_t i = 0; i < ARRAY_LEN(stand_in_users); i++) {
		snprintf(number, sizeof(number), "%u", stand_in_users[i].uid);
		if (strcmp(stand_in_users[i].name, name) != 0 && strcmp(number, name) != 0)
			continue;
		*out = (struct user_entry){
			.name = mem_dup(stand_in_users[i].name),
			.uid = stand_in_users[i].uid,
			.gid = stand_in_users[i].gid,
		};
		return 0;
	}
	return -ENOENT;
}

static inline int
stand_in_group(const char *name, gid_t *gid)
{
	for (size_t i = 0; i < ARRAY_LEN(stand_in_users); i++) {
		if (strcmp(stand_in_users[i].name, name) == 0) {
			*gid = stand_in_users[i].gid;
			return 0;
		}
	}
	if (strspn(name, "0123456789") != strlen(name))
		return -ENOENT;
	*gid = (gid_t)strtoul(name, NULL, 10);
	return 0;
}

static inline int
stand_in_groups(const char *user, gid_t gid, gid_t **list, size_t *count)
{
	*list = mem_array(2, sizeof(**list));
	(*list)[0] = gid;
	(*list)[1] = strcmp(user, "anna") == 0 ? 50 : 0;
	*count = strcmp(user, "anna") == 0 ? 2 : 1;
	return 0;
}

static inline int
stand_in_port(const char *name, const char *protocol)
{
	for (size_t i = 0; i < ARRAY_LEN(stand_in_ports); i++)
		if (strcmp(stand_in_ports[i].name, name) == 0 &&
		    strcmp(stand_in_ports[i].protocol, protocol) == 0)
			return stand_in_ports[i].port;
	return -ENOENT;
}

static inline int
stand_in_host(const char *name, struct addr **list, size_t *count)
{
	*list = NULL;
	*count = 0;
	for (size_t i = 0; i < ARRAY_LEN(stand_in_hosts); i++) {
		if (strcmp(stand_in_hosts[i].name, name) != 0)
			continue;
		*list = mem_grow(*list, *count + 1, sizeof(**list));
		if (addr_parse(&(*list)[(*count)++], stand_in_hosts[i].address, 0) < 0)
			abort();
	}
	return *count > 0 ? 0 : -ENOENT;
}

static inline int
stand_in_network(const char *name, struct prefix *out)
{
	if (strcmp(name, "loopback") == 0)
		return prefix_parse(out, "127.0.0.0/8", NULL);
	if (strcmp(name, "default") == 0)
		return prefix_parse(out, "0.0.0.0/0", NULL);
	return -ENOENT;
}

static inline int64_t
stand_in_file_size(const char *path)
{
	if (strcmp(path, "/etc/long") == 0)
		return 65537;
	return strcmp(path, "/etc/banner") == 0 ? 65536 : -ENOENT;
}

static inline int
stand_in_program(const char *path, const char *root_dir, char **missing)
{
	(void)root_dir;
	if (strcmp(path, "/bin/script") == 0)
		*missing = mem_dup("/opt/none/sh");
	for (size_t i = 0; i < ARRAY_LEN(stand_in_programs); i++)
		if (strcmp(stand_in_programs[i].path, path) == 0)
			return stand_in_programs[i].result;
	return -ENOENT;
}

static inline int
stand_in_directory(const char *path, const char *root_dir)
{
	(void)root_dir;
	return strcmp(path, "/") == 0 || strcmp(path, "/srv") == 0 ? 0 : -ENOENT;
}

static inline bool
stand_in_builtin(const char *name, int socket_type)
{
	static const char *const names[] = { "echo", "discard", "daytime", "time", "chargen",
		"tcpmux", "servers", "services" };

	if (socket_type != SOCK_STREAM && strcasecmp(name, "tcpmux") == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static inline bool
stand_in_inherited(const char *id, int socket_type)
{
	(void)socket_type;
	return strcmp(id, "handed-over") == 0;
}

static inline int
stand_in_longest_backlog(void)
{
	return 1000;
}

static const struct lookup stand_in_lookup = {
	.user = stand_in_user,
	.group = stand_in_group,
	.groups = stand_in_groups,
	.port = stand_in_port,
	.host = stand_in_host,
	.network = stand_in_network,
	.file_size = stand_in_file_size,
	.program = stand_in_program,
	.directory = stand_in_directory,
	.longest_backlog = stand_in_longest_backlog,
	.is_builtin = stand_in_builtin,
	.is_inherited = stand_in_inherited,
};

static const struct load_options stand_in_root = { .lookup = &stand_in_lookup, .is_root = true };
static const struct load_options stand_in_anna = { .lookup = &stand_in_lookup, .uid = 1000 };

/* Loads a text as a file would be; the caller has the configuration and the problems. */
static inline struct config *
stand_in_load(const char *text, const struct load_options *options, struct problems *problems)
{
	char path[] = "/tmp/porter-conf-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	fputs(text, f);
	fclose(f);
	struct config *c = config_load(path, options, problems);
	unlink(path);
	return c;
}

static inline const struct service_conf *
stand_in_find(const struct config *c, const char *id)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->services[i]->id, id) == 0)
			return c->services[i];
	ck_abort_msg("there is no service with the id %s", id);
}

#endif
