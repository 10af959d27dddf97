/* SPDX-License-Identifier: MIT */
#include "run/environment.h"

#include <paths.h>
#include <porter/environment.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/plan.h"

enum variable {
	VAR_SERVICE_ID,
	VAR_CONNECTION_ID,
	VAR_PROTO,
	VAR_REMOTE_HOST,
	VAR_REMOTE_ADDR,
	VAR_REMOTE_PORT,
	VAR_LOCAL_ADDR,
	VAR_LOCAL_PORT,
	VAR_TCPREMOTEIP,
	VAR_TCPREMOTEPORT,
	VAR_TCPLOCALIP,
	VAR_TCPLOCALPORT,
	VAR_MAX
};

/* Names of which no value from elsewhere is ever passed on. */
static const char *const names[] = {
	[VAR_SERVICE_ID] = PORTER_SERVICE_ID,
	[VAR_CONNECTION_ID] = PORTER_CONNECTION_ID,
	[VAR_PROTO] = PORTER_PROTO,
	[VAR_REMOTE_HOST] = PORTER_REMOTE_HOST,
	[VAR_REMOTE_ADDR] = PORTER_REMOTE_ADDR,
	[VAR_REMOTE_PORT] = PORTER_REMOTE_PORT,
	[VAR_LOCAL_ADDR] = PORTER_LOCAL_ADDR,
	[VAR_LOCAL_PORT] = PORTER_LOCAL_PORT,
	[VAR_TCPREMOTEIP] = PORTER_TCPREMOTEIP,
	[VAR_TCPREMOTEPORT] = PORTER_TCPREMOTEPORT,
	[VAR_TCPLOCALIP] = PORTER_TCPLOCALIP,
	[VAR_TCPLOCALPORT] = PORTER_TCPLOCALPORT,
};
_Static_assert(ARRAY_LEN(names) == VAR_MAX, "one name a variable");

/* Long enough for a name, an address or a service's id. */
#define VARIABLE_SIZE 320

static bool
is_inherited_always(const char *name, size_t len)
{
	static const char *const always[] = { "PATH", "TZ", "LANG" };

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (strlen(always[i]) == len && strncmp(always[i], name, len) == 0)
			return true;
	return strncmp(name, "LC_", 3) == 0;
}

static bool
is_connection_variable(const char *text, size_t len)
{
	for (size_t i = 0; i < VAR_MAX; i++)
		if (strlen(names[i]) == len && strncmp(names[i], text, len) == 0)
			return true;
	return false;
}

/* Sets one NAME=VALUE, replacing an earlier one of this name. */
static void
put(char **env, size_t *count, const char *text)
{
	size_t len = strcspn(text, "=");

	if (text[len] != '=' || is_connection_variable(text, len))
		return;
	for (size_t i = 0; i < *count; i++) {
		if (strncmp(env[i], text, len + 1) == 0) {
			free(env[i]);
			env[i] = mem_dup(text);
			return;
		}
	}
	env[(*count)++] = mem_dup(text);
}

static bool
is_passed(const struct service_conf *conf, const char *text)
{
	size_t len = strcspn(text, "=");

	for (size_t i = 0; i < conf->passenv.count; i++)
		if (strlen(conf->passenv.item[i]) == len &&
		    strncmp(conf->passenv.item[i], text, len) == 0)
			return true;
	/* An empty passenv drops what is inherited otherwise, PATH included. */
	return !(conf->has_passenv && conf->passenv.count == 0) && is_inherited_always(text, len);
}

char **
environment_new(const struct service_conf *conf, char *const *from, size_t *count)
{
	size_t most = conf->env.count + 1 + VAR_MAX + 1;
	char **env;

	for (size_t i = 0; from[i] != NULL; i++)
		most++;
	env = mem_array(most, sizeof(*env));
	*count = 0;
	if (!(conf->has_passenv && conf->passenv.count == 0))
		put(env, count, "PATH=" _PATH_STDPATH);
	for (size_t i = 0; from[i] != NULL; i++)
		if (is_passed(conf, from[i]))
			put(env, count, from[i]);
	for (size_t i = 0; i < conf->env.count; i++)
		put(env, count, conf->env.item[i]);
	return env;
}

/* The variables of the present connection. */
static struct {
	char text[VAR_MAX][VARIABLE_SIZE];
	char **next;
} tail_of;

static void __attribute__((format(printf, 2, 3))) add(enum variable v, const char *format, ...)
{
	char *text = tail_of.text[v];
	int len = snprintf(text, VARIABLE_SIZE, "%s=", names[v]);
	va_list ap;

	va_start(ap, format);
	vsnprintf(text + len, VARIABLE_SIZE - (size_t)len, format, ap);
	va_end(ap);
	*tail_of.next++ = text;
}

static void
add_peer(const struct addr *peer, bool is_tcp)
{
	char host[ADDR_TEXT_SIZE];

	addr_format(peer, host);
	add(VAR_REMOTE_HOST, "%s", host);
	add(VAR_REMOTE_ADDR, "%s", host);
	add(VAR_REMOTE_PORT, "%u", addr_port(peer));
	if (is_tcp) {
		add(VAR_TCPREMOTEIP, "%s", host);
		add(VAR_TCPREMOTEPORT, "%u", addr_port(peer));
	}
}

static void
add_local(const struct addr *local, bool is_tcp)
{
	char host[ADDR_TEXT_SIZE];

	addr_format(local, host);
	if (!addr_is_any(local))
		add(VAR_LOCAL_ADDR, "%s", host);
	if (addr_family(local) == AF_UNIX)
		return;
	add(VAR_LOCAL_PORT, "%u", addr_port(local));
	if (is_tcp) {
		add(VAR_TCPLOCALIP, "%s", host);
		add(VAR_TCPLOCALPORT, "%u", addr_port(local));
	}
}

void
environment_connection(char **tail, const struct service_conf *conf, const struct connection *c)
{
	bool is_unix = addr_family(&c->local) == AF_UNIX;
	bool is_tcp = !is_unix && conf->socket_type == SOCK_STREAM;

	tail_of.next = tail;
	add(VAR_SERVICE_ID, "%s", conf->id);
	add(VAR_CONNECTION_ID, "%llu", (unsigned long long)c->id);
	add(VAR_PROTO, "%s", is_unix ? "UNIX" : is_tcp ? "TCP" : "UDP");
	if (c->peer.len != 0 && !is_unix)
		add_peer(&c->peer, is_tcp);
	if (c->local.len != 0)
		add_local(&c->local, is_tcp);
	*tail_of.next = NULL;
}
