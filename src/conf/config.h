/* SPDX-License-Identifier: MIT */
/* A configuration as a value: what the files said, with every name looked up. Immutable once loaded. */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/sink.h"
#include "base/strings.h"
#include "conf/access.h"
#include "conf/places.h"
#include "conf/problem.h"

#define CONF_UNLIMITED UINT_MAX

/* Most listening sockets that workers share. */
#define CONF_MOST_SHARED 32

enum conf_type {
	CONF_TYPE_INTERNAL = 1,
	CONF_TYPE_UNLISTED = 2,
	CONF_TYPE_SPECIAL = 4,
	CONF_TYPE_TCPMUX = 8,      /* reached by its name through the builtin tcpmux */
	CONF_TYPE_TCPMUXPLUS = 16, /* the same, and tcpmux answers + by itself */
};

enum conf_flag {
	CONF_FLAG_NODELAY = 1,
	CONF_FLAG_KEEPALIVE = 2,
	CONF_FLAG_IPV4 = 4,
	CONF_FLAG_IPV6 = 8,
	CONF_FLAG_NAMEINARGS = 16,
	CONF_FLAG_NORETRY = 32, /* no second try when fork fails */
	CONF_FLAG_SENSOR = 64,  /* whoever connects is shut out of every service for deny_time */
	CONF_FLAG_NOLIBWRAP = 128,
};

enum conf_log {
	CONF_LOG_PID = 1,
	CONF_LOG_HOST = 2,
	CONF_LOG_EXIT = 4,
	CONF_LOG_DURATION = 8,
	CONF_LOG_TRAFFIC = 32,
	/* These add nothing to a line, but a list of them alone is not silence. */
	CONF_LOG_USERID = 16,
	CONF_LOG_ATTEMPT = 64,
};

/* deny_time in minutes: for ever, and not at all. */
#define CONF_DENY_FOREVER (-1)
#define CONF_DENY_NEVER   0

/* Names below a domain in only_from and no_access: refused, or looked up backward and forward by the child. */
enum conf_reverse_dns { CONF_REVERSE_OFF, CONF_REVERSE_CONFIRMED };

enum conf_on_limit { CONF_REFUSE, CONF_QUEUE };

/* The form of the lines about clients. */
enum conf_log_format { CONF_FORMAT_XINETD, CONF_FORMAT_LOGFMT, CONF_FORMAT_JSON };

/* How a process is made for a connection, see launch/launch.h. */
enum conf_spawn { CONF_SPAWN_AUTO, CONF_SPAWN_SHARED, CONF_SPAWN_FILES, CONF_SPAWN_FORK };

enum conf_stderr { CONF_STDERR_SOCKET, CONF_STDERR_LOG, CONF_STDERR_NULL };

/* Ready workers of a service, in place of a process for each connection. */
enum conf_pool { CONF_POOL_NONE, CONF_POOL_STATIC, CONF_POOL_DYNAMIC, CONF_POOL_ONDEMAND };

enum conf_pool_accept { CONF_POOL_BY_DAEMON, CONF_POOL_BY_WORKER };

enum conf_pool_exec { CONF_POOL_ONCE, CONF_POOL_FRESH };

enum conf_pool_protocol { CONF_POOL_PORTER, CONF_POOL_PLAIN };

enum conf_rlimit {
	CONF_RLIMIT_CPU,
	CONF_RLIMIT_DATA,
	CONF_RLIMIT_RSS,
	CONF_RLIMIT_STACK,
	CONF_RLIMIT_FILES,
	CONF_RLIMIT_NPROC,
	CONF_RLIMIT_FSIZE,
	CONF_RLIMIT_CORE,
	CONF_RLIMIT_AS,
	CONF_RLIMIT_MAX
};

/* Packed: there are many of them in every service, and few are set. */
struct __attribute__((packed)) rlimit_conf {
	bool is_set;
	rlim_t value; /* soft and hard; RLIM_INFINITY for UNLIMITED */
};

/* One address that a service listens on. */
struct endpoint {
	struct addr addr; /* IPv4, IPv6 or unix */
	int socket_type;  /* SOCK_STREAM, SOCK_DGRAM … */
	/* [::] that takes IPv4 as well; where the machine has no IPv6, 0.0.0.0 instead. */
	bool is_dual;
	struct place place; /* of the word that asked for it */
	/* What it is bound to: "tcp:*:3600", "tcp:127.0.0.1:3600", "udp:[::1]:69", "unix:/run/x.sock"; with a device
	 * "tcp:*:3600%eth0". */
	char *key;
};

enum conf_state {
	CONF_OK,
	CONF_DISABLED,    /* by disable, enabled or disabled */
	CONF_BROKEN_TEXT, /* has an error: does not start */
	/* Something it names is missing: does not start, or stays as it was at a reload. */
	CONF_BROKEN_SURROUNDINGS,
};

struct service_conf {
	/* as written, after inheritance */
	char *name;
	char *id;             /* never NULL once loaded */
	unsigned type, flags; /* enum conf_type, enum conf_flag */
	int socket_type;      /* SOCK_STREAM …; never 0 once loaded without error */
	int protocol;         /* IPPROTO_TCP, IPPROTO_UDP; 0 if it listens on unix sockets alone */
	char *port;           /* number or name; NULL: by the service's name */
	struct strings bind, listen;
	bool disable;
	bool v6only; /* an IPv6 socket takes no IPv4 clients */
	bool wait;
	bool groups;        /* supplementary groups of the user, too */
	mode_t listen_mode; /* of unix sockets */
	char *listen_owner, *listen_group;
	char *user, *group; /* NULL: not given */
	unsigned instances; /* CONF_UNLIMITED: no limit of its own */
	enum conf_on_limit on_limit;
	unsigned backlog;
	bool freebind;      /* listens on addresses that the machine does not have yet */
	bool has_only_from; /* given: an empty one admits nobody */
	bool changes_ids;   /* false: runs as whoever runs porterd; found by look-up */
	bool asks_libwrap;  /* hosts.allow and hosts.deny are asked for each client */
	char *device;       /* the network device that clients come by; NULL: any */
	struct strings only_from, no_access, access_times;
	enum conf_reverse_dns reverse_dns;
	unsigned per_source;        /* programs for one source at a time; CONF_UNLIMITED */
	unsigned per_source_prefix; /* bits of an IPv6 address that make a source */
	struct cps_conf cps;
	struct rate_conf rate, rate_per_source;
	unsigned max_load; /* in hundredths; 0: any */
	int deny_time;     /* minutes, CONF_DENY_FOREVER or CONF_DENY_NEVER; of a SENSOR */
	char *libwrap;     /* the name to look for in hosts.allow; NULL: that of the program */
	char *banner, *banner_success, *banner_fail; /* paths */
	char *redirect;                              /* "host port"; NULL: none */
	int64_t connect_timeout_ms;                  /* of a redirect */
	int64_t timeout_ms;                          /* of a whole session; 0: none */
	int64_t idle_timeout_ms;                     /* of one in which nothing is said; 0: none */
	int64_t
	    linger_ms; /* what a client has sent is read for so long after the program's end; 0: not at all */
	enum conf_pool pool;
	enum conf_pool_accept pool_accept;
	enum conf_pool_exec pool_exec;
	enum conf_pool_protocol pool_protocol;
	int pool_channel; /* SOCK_SEQPACKET or SOCK_STREAM */
	unsigned pool_max, pool_min_spare, pool_max_spare, pool_start;
	unsigned pool_max_requests; /* CONF_UNLIMITED: no limit */
	unsigned pool_spawn_rate;   /* workers a second */
	int64_t pool_idle_timeout_ms;
	int64_t pool_request_timeout_ms; /* 0: no limit */
	char *server;                    /* NULL for builtins */
	struct strings server_args, env, passenv;
	bool has_passenv; /* passenv was given; given and empty also drops PATH */
	bool has_umask;
	mode_t umask;
	int nice;
	struct rlimit_conf rlimits[CONF_RLIMIT_MAX];
	char *chroot, *directory;
	enum conf_stderr stderr_to;
	enum conf_spawn spawn;
	struct sink_target log_type;
	enum conf_log_format log_format;
	unsigned log_on_success, log_on_failure; /* enum conf_log */
	int stop_signal;
	int64_t stop_grace_ms;

	/* worked out while loading */
	enum conf_state state;
	char *trouble;             /* of a broken one: its first error; else NULL */
	size_t number;             /* of those of its configuration, from 0 */
	struct place place;        /* of the word "service" */
	struct attr_places places; /* where each attribute got its value; no source: the default */
	struct endpoint *endpoints;
	size_t endpoint_count;
	uid_t uid;
	gid_t gid;
	gid_t *group_list; /* for setgroups(): the supplementary groups, without duplicates */
	size_t group_count;
	char *user_name;                                     /* of uid; NULL if it has none */
	struct access_list *only_from_list, *no_access_list; /* NULL: nothing is in it */
	struct time_range *times;                            /* when it is open; none: always */
	size_t time_count;
	char *redirect_host, *redirect_port; /* both NULL: it is no redirect */
	uid_t listen_uid;                    /* of unix sockets; (uid_t)-1: unchanged */
	gid_t listen_gid;
};

struct global_conf {
	unsigned max_servers; /* all services together; CONF_UNLIMITED */
	struct sink_target daemon_log;
	enum log_format daemon_log_format;
	struct strings enabled, disabled;
	bool has_enabled;
	mode_t control_mode; /* of the control socket */
	bool has_control_mode;
	char *control_owner, *control_group;
	/* From here on found by look-up. */
	uid_t control_uid; /* (uid_t)-1: whoever runs porterd */
	gid_t control_gid; /* (gid_t)-1: none */
};

struct config {
	unsigned refs;       /* private to config.c */
	uint64_t number;     /* of those of this process: a later one has a greater one */
	struct config *base; /* that its places point into, see override.h; NULL: none but itself */
	char *path;          /* of the main file */
	struct global_conf global;
	struct service_conf defaults;
	struct service_conf **services; /* in file order, disabled and broken ones too */
	size_t count;
	struct source **sources;
	size_t source_count;
};

struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* the last one frees; NULL is allowed */
/* Who frees what config_unref has left, at any time later by config_free; NULL: that itself, at once. */
typedef void config_free_fn(struct config *c);
void config_free_by(config_free_fn *fn);
void config_free(struct config *c);

/* Its problems have been told, each with its line: places from now on have none any more, and the texts take no memory. */
void config_forget_texts(struct config *c);

/* For the loader: an empty configuration with one reference; a service that inherits from defaults (NULL: nothing). */
struct config *config_new(const char *path);
struct service_conf *service_conf_new(const struct service_conf *defaults);
/* The same in every respect; places go on pointing into the configuration it is from. */
struct service_conf *service_conf_clone(const struct service_conf *from);
/* It was loaded and will not change: gives back the memory that it does not need. */
void service_conf_settle(struct service_conf *s);
void service_conf_free(struct service_conf *s); /* NULL is allowed */
/* The same in every respect but the places: programs, clients and listeners cannot tell one from the other. */
bool service_conf_same(const struct service_conf *x, const struct service_conf *y);
/* Both admit the same clients: a name may stand for another address than before, and a file may hold others. */
bool service_conf_same_access(const struct service_conf *x, const struct service_conf *y);

/* The effective configuration in native spelling; loads again to the same. */
void config_dump(const struct config *c, FILE *out);

static inline bool
conf_is_internal(const struct service_conf *s)
{
	return (s->type & CONF_TYPE_INTERNAL) != 0;
}

static inline bool
conf_is_redirect(const struct service_conf *s)
{
	return s->redirect != NULL;
}

/* It has no addresses: clients come to it through the builtin tcpmux. */
static inline bool
conf_is_muxed(const struct service_conf *s)
{
	return (s->type & (CONF_TYPE_TCPMUX | CONF_TYPE_TCPMUXPLUS)) != 0;
}

/* Nobody is served: whoever connects is shut out. */
static inline bool
conf_is_sensor(const struct service_conf *s)
{
	return (s->flags & CONF_FLAG_SENSOR) != 0;
}

static inline bool
conf_has_pool(const struct service_conf *s)
{
	return s->pool != CONF_POOL_NONE;
}

/* Its workers accept by themselves: the daemon sees no client. */
static inline bool
conf_shares_listeners(const struct service_conf *s)
{
	return conf_has_pool(s) && s->pool_accept == CONF_POOL_BY_WORKER;
}

#endif
