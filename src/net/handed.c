/* SPDX-License-Identifier: MIT */
#include "net/handed.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/map.h"
#include "conf/config.h"
#include "net/socket.h"

static struct handed_socket *table;
static unsigned table_count;
static struct map *by_key;
static const struct handed_off *off;
static unsigned off_count;

void
handed_set(struct handed_socket *sockets, unsigned count)
{
	table = sockets;
	table_count = count;
	map_free(by_key);
	by_key = map_new(count);
	for (unsigned i = 0; i < count; i++)
		map_put(by_key, sockets[i].key, &sockets[i]);
}

void
handed_set_off(const struct handed_off *services, unsigned count)
{
	off = services;
	off_count = count;
}

int
handed_claim(const char *key, struct socket_file *file)
{
	struct handed_socket *s = by_key != NULL ? map_take(by_key, key) : NULL;

	if (s == NULL)
		return -1;
	*file = s->file;
	s->is_claimed = true;
	return s->fd;
}

void
handed_refuse(int fd)
{
	for (unsigned i = 0; i < table_count; i++) {
		if (table[i].fd != fd)
			continue;
		table[i].is_claimed = false;
		table[i].file = (struct socket_file){ 0 };
	}
}

static bool
has_endpoint(const struct service_conf *conf, const char *key)
{
	for (size_t i = 0; i < conf->endpoint_count; i++)
		if (strcmp(conf->endpoints[i].key, key) == 0)
			return true;
	return false;
}

bool
handed_is_off(const struct service_conf *conf)
{
	for (unsigned i = 0; i < off_count; i++)
		if (strcasecmp(off[i].id, conf->id) == 0 &&
		    (off[i].key == NULL || has_endpoint(conf, off[i].key)))
			return true;
	return false;
}

static void
close_socket(const struct handed_socket *s)
{
	const struct endpoint e = { .addr = *s->bound };

	socket_close(s->fd, s->file.ino != 0 ? &e : NULL);
}

void
handed_close_unclaimed(void)
{
	for (unsigned i = 0; i < table_count; i++) {
		if (table[i].is_claimed)
			continue;
		close_socket(&table[i]);
		log_info("event=closed service=%s address=%s", table[i].id, table[i].key);
	}
	map_free(by_key);
	by_key = NULL;
	table = NULL;
	table_count = off_count = 0;
}
