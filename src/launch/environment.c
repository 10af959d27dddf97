/* SPDX-License-Identifier: MIT */
#include "launch/environment.h"

#include <paths.h>
#include <porter/environment.h>
#include <porter/worker.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "base/mem.h"
#include "launch/launch.h"

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
	VAR_LISTEN_FDS,
	VAR_LISTEN_FDNAMES,
	VAR_LISTEN_PID,
	VAR_MAX
};

#define NAME(name) [VAR_##name] = { PORTER_##name "=", sizeof(PORTER_##name "=") - 1 }

/* With the equals sign behind them. Of these names no value from elsewhere is ever passed on. */
static const struct {
	const char *text;
	size_t len;
} names[] = {
	NAME(SERVICE_ID),
	NAME(CONNECTION_ID),
	NAME(PROTO),
	NAME(REMOTE_HOST),
	NAME(REMOTE_ADDR),
	NAME(REMOTE_PORT),
	NAME(LOCAL_ADDR),
	NAME(LOCAL_PORT),
	NAME(TCPREMOTEIP),
	NAME(TCPREMOTEPORT),
	NAME(TCPLOCALIP),
	NAME(TCPLOCALPORT),
	NAME(LISTEN_FDS),
	NAME(LISTEN_FDNAMES),
	NAME(LISTEN_PID),
};

_Static_assert(ARRAY_LEN(names) == VAR_MAX, "one name a variable");
_Static_assert(VAR_MAX + 1 == ENVIRONMENT_TAIL, "room for all of them and the last NULL");

/* Long enough for a name, an address or a service's id. */
#define VARIABLE_SIZE    320
/* Of one name in LISTEN_FDNAMES, with the colon or NUL behind it. */
#define LISTEN_NAME_SIZE (PORTER_ID_SIZE + 1)

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
is_ours(const char *text, size_t len)
{
	for (size_t i = 0; i < VAR_MAX; i++)
		if (names[i].len - 1 == len && strncmp(names[i].text, text, len) == 0)
			return true;
	return false;
}

/* Sets one NAME=VALUE, which is borrowed, replacing an earlier one of this name. */
static void
put(char **env, size_t *count, char *text)
{
	size_t len = strcspn(text, "=");

	if (text[len] != '=' || is_ours(text, len))
		return;
	for (size_t i = 0; i < *count; i++) {
		if (strncmp(env[i], text, len + 1) == 0) {
			env[i] = text;
			return;
		}
	}
	env[(*count)++] = text;
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
	static char path[] = "PATH=" _PATH_STDPATH;
	size_t most = conf->env.count + 1;
	char **env;

	for (size_t i = 0; from[i] != NULL; i++)
		most++;
	env = mem_array(most, sizeof(*env));
	*count = 0;
	if (!(conf->has_passenv && conf->passenv.count == 0))
		put(env, count, path);
	for (size_t i = 0; from[i] != NULL; i++)
		if (is_passed(conf, from[i]))
			put(env, count, from[i]);
	for (size_t i = 0; i < conf->env.count; i++)
		put(env, count, conf->env.item[i]);
	return env;
}

/* The variables of the present connection or worker. */
static struct {
	char text[VAR_MAX][VARIABLE_SIZE];
	char listen_names[sizeof(PORTER_LISTEN_FDNAMES "=") +
			  (size_t)LAUNCH_SHARED * LISTEN_NAME_SIZE];
	char **next;
} tail_of;

/* Another one, to be written behind its name: without a format, for it is on the road of every connection. */
static struct line
begin(enum variable v)
{
	struct line l = { .text = tail_of.text[v], .size = VARIABLE_SIZE };

	line_bytes(&l, names[v].text, names[v].len);
	*tail_of.next++ = l.text;
	return l;
}

static void
add_text(enum variable v, const char *text)
{
	struct line l = begin(v);

	line_put(&l, text);
}

static void
add_number(enum variable v, uint64_t n)
{
	struct line l = begin(v);

	line_number(&l, n);
}

static void
add_peer(const struct addr *peer, bool with_tcp)
{
	char host[ADDR_TEXT_SIZE] UNINITIALIZED;

	addr_format(peer, host);
	add_text(VAR_REMOTE_HOST, host);
	add_text(VAR_REMOTE_ADDR, host);
	add_number(VAR_REMOTE_PORT, addr_port(peer));
	if (with_tcp) {
		add_text(VAR_TCPREMOTEIP, host);
		add_number(VAR_TCPREMOTEPORT, addr_port(peer));
	}
}

static void
add_local(const struct addr *local, bool with_tcp)
{
	char host[ADDR_TEXT_SIZE] UNINITIALIZED;

	addr_format(local, host);
	if (!addr_is_any(local))
		add_text(VAR_LOCAL_ADDR, host);
	if (addr_family(local) == AF_UNIX)
		return;
	add_number(VAR_LOCAL_PORT, addr_port(local));
	if (with_tcp) {
		add_text(VAR_TCPLOCALIP, host);
		add_number(VAR_TCPLOCALPORT, addr_port(local));
	}
}

static bool
is_tcp(const struct service_conf *conf, const struct addr *local)
{
	return conf->socket_type == SOCK_STREAM && addr_family(local) != AF_UNIX;
}

static void
add_protocol(const struct service_conf *conf, const struct addr *local)
{
	const bool is_unix = addr_family(local) == AF_UNIX;

	add_text(VAR_PROTO, is_unix ? "UNIX" : is_tcp(conf, local) ? "TCP" : "UDP");
}

void
environment_connection(char **tail, const struct service_conf *conf, const struct connection *c)
{
	tail_of.next = tail;
	add_text(VAR_SERVICE_ID, conf->id);
	add_number(VAR_CONNECTION_ID, c->id);
	add_protocol(conf, &c->local);
	if (c->peer.len != 0 && addr_family(&c->local) != AF_UNIX)
		add_peer(&c->peer, is_tcp(conf, &c->local));
	if (c->local.len != 0)
		add_local(&c->local, is_tcp(conf, &c->local));
	*tail_of.next = NULL;
}

/* Each socket's name is the service's id, which a name with a colon would not be told apart from two. */
static void
add_listen_names(const char *id, size_t count)
{
	struct line l = { .text = tail_of.listen_names, .size = sizeof(tail_of.listen_names) };
	const size_t len = strnlen(id, PORTER_ID_SIZE);

	line_bytes(&l, names[VAR_LISTEN_FDNAMES].text, names[VAR_LISTEN_FDNAMES].len);
	for (size_t i = 0; i < count; i++) {
		line_put(&l, i > 0 ? ":" : "");
		line_bytes(&l, id, len);
	}
	*tail_of.next++ = l.text;
}

/* The child writes its pid into the place that is left for it. */
static char *
add_listen_pid(void)
{
	char *text = tail_of.text[VAR_LISTEN_PID];

	add_text(VAR_LISTEN_PID, "0");
	return text + sizeof(PORTER_LISTEN_PID "=") - 1;
}

void
environment_worker(char **tail, const struct service_conf *conf, const struct worker_variables *v,
    char **listen_pid)
{
	static const struct addr unknown = { 0 };
	const struct addr *local = v->local != NULL ? v->local : &unknown;
	const size_t count = v->shared_count < LAUNCH_SHARED ? v->shared_count : LAUNCH_SHARED;

	tail_of.next = tail;
	*listen_pid = NULL;
	add_text(VAR_SERVICE_ID, conf->id);
	add_protocol(conf, local);
	if (local->len != 0)
		add_local(local, is_tcp(conf, local));
	if (count > 0) {
		add_number(VAR_LISTEN_FDS, count);
		add_listen_names(conf->id, count);
		*listen_pid = add_listen_pid();
	}
	*tail_of.next = NULL;
}
