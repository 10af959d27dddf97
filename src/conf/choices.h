/* SPDX-License-Identifier: MIT */
/* The words that attributes choose from. Included by attr.c alone. A choice with a refusal is known, and refused with
 * that reason; one with a note is accepted and has no effect. */
#ifndef CONF_CHOICES_H
#define CONF_CHOICES_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "conf/attr.h"
#include "conf/config.h"

/* clang-format off */
static const struct attr_choice choices_unlimited[] = {
	{ "UNLIMITED", CONF_UNLIMITED, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_type[] = {
	{ "INTERNAL", CONF_TYPE_INTERNAL, NULL, NULL },
	{ "UNLISTED", CONF_TYPE_UNLISTED, NULL, NULL },
	{ "SPECIAL", CONF_TYPE_SPECIAL, "SPECIAL has no meaning here", NULL },
	{ "RPC", 0, NULL, "RPC is not supported: porterd does not speak to the portmapper" },
	{ "TCPMUX", CONF_TYPE_TCPMUX, NULL, NULL },
	{ "TCPMUXPLUS", CONF_TYPE_TCPMUXPLUS, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_flags[] = {
	{ "NODELAY", CONF_FLAG_NODELAY, NULL, NULL },
	{ "KEEPALIVE", CONF_FLAG_KEEPALIVE, NULL, NULL },
	{ "IPv4", CONF_FLAG_IPV4, NULL, NULL },
	{ "IPv6", CONF_FLAG_IPV6, NULL, NULL },
	{ "NAMEINARGS", CONF_FLAG_NAMEINARGS, NULL, NULL },
	{ "NORETRY", CONF_FLAG_NORETRY, NULL, NULL },
	{ "REUSE", 0, "REUSE changes nothing: addresses are always reused where that is safe", NULL },
	{ "NOLIBWRAP", CONF_FLAG_NOLIBWRAP, NULL, NULL },
	{ "INTERCEPT", 0, NULL, "INTERCEPT is not supported: packets are not looked at on their way to a program" },
	{ "LABELED", 0, NULL, "LABELED is not supported: programs do not get the security label of their client" },
	{ "SENSOR", CONF_FLAG_SENSOR, NULL, NULL },
	{ "IDONLY", 0, NULL, "IDONLY is not supported: no ident query is made, so that it would admit nobody" },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_socket[] = {
	{ "stream", SOCK_STREAM, NULL, NULL },
	{ "dgram", SOCK_DGRAM, NULL, NULL },
	{ "raw", 0, NULL, "raw sockets are not supported: a service takes stream or dgram" },
	{ "rdm", 0, NULL, "rdm sockets are not supported: a service takes stream or dgram" },
	{ "seqpacket", 0, NULL, "seqpacket sockets are not supported: a service takes stream or dgram" },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_protocol[] = {
	{ "tcp", IPPROTO_TCP, NULL, NULL },
	{ "udp", IPPROTO_UDP, NULL, NULL },
	{ "tcp4", 0, NULL, "tcp4 is not supported: write protocol = tcp and flags = IPv4" },
	{ "tcp6", 0, NULL, "tcp6 is not supported: write protocol = tcp and flags = IPv6" },
	{ "udp4", 0, NULL, "udp4 is not supported: write protocol = udp and flags = IPv4" },
	{ "udp6", 0, NULL, "udp6 is not supported: write protocol = udp and flags = IPv6" },
	{ "sctp", 0, NULL, "sctp is not supported: a service takes tcp or udp" },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_on_limit[] = {
	{ "refuse", CONF_REFUSE, NULL, NULL },
	{ "queue", CONF_QUEUE, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_reverse_dns[] = {
	{ "off", CONF_REVERSE_OFF, NULL, NULL },
	{ "confirmed", CONF_REVERSE_CONFIRMED, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_deny_time[] = {
	{ "FOREVER", CONF_DENY_FOREVER, NULL, NULL },
	{ "NEVER", CONF_DENY_NEVER, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_pool[] = {
	{ "none", CONF_POOL_NONE, NULL, NULL },
	{ "static", CONF_POOL_STATIC, NULL, NULL },
	{ "dynamic", CONF_POOL_DYNAMIC, NULL, NULL },
	{ "ondemand", CONF_POOL_ONDEMAND, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_pool_accept[] = {
	{ "daemon", CONF_POOL_BY_DAEMON, NULL, NULL },
	{ "worker", CONF_POOL_BY_WORKER, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_pool_exec[] = {
	{ "once", CONF_POOL_ONCE, NULL, NULL },
	{ "fresh", CONF_POOL_FRESH, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_pool_protocol[] = {
	{ "porter", CONF_POOL_PORTER, NULL, NULL },
	{ "plain", CONF_POOL_PLAIN, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_pool_channel[] = {
	{ "seqpacket", SOCK_SEQPACKET, NULL, NULL },
	{ "stream", SOCK_STREAM, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_spawn[] = {
	{ "auto", CONF_SPAWN_AUTO, NULL, NULL },
	{ "shared", CONF_SPAWN_SHARED, NULL, NULL },
	{ "files", CONF_SPAWN_FILES, NULL, NULL },
	{ "fork", CONF_SPAWN_FORK, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_stderr[] = {
	{ "socket", CONF_STDERR_SOCKET, NULL, NULL },
	{ "log", CONF_STDERR_LOG, NULL, NULL },
	{ "null", CONF_STDERR_NULL, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_log_format[] = {
	{ "xinetd", CONF_FORMAT_XINETD, NULL, NULL },
	{ "logfmt", CONF_FORMAT_LOGFMT, NULL, NULL },
	{ "json", CONF_FORMAT_JSON, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_daemon_log_format[] = {
	{ "logfmt", LOG_FORMAT_LOGFMT, NULL, NULL },
	{ "json", LOG_FORMAT_JSON, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_success[] = {
	{ "PID", CONF_LOG_PID, NULL, NULL },
	{ "HOST", CONF_LOG_HOST, NULL, NULL },
	{ "EXIT", CONF_LOG_EXIT, NULL, NULL },
	{ "DURATION", CONF_LOG_DURATION, NULL, NULL },
	{ "USERID", CONF_LOG_USERID, "USERID has no effect: no ident query is made", NULL },
	{ "TRAFFIC", CONF_LOG_TRAFFIC, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct attr_choice choices_failure[] = {
	{ "HOST", CONF_LOG_HOST, NULL, NULL },
	{ "USERID", CONF_LOG_USERID, "USERID has no effect: no ident query is made", NULL },
	{ "ATTEMPT", CONF_LOG_ATTEMPT, "ATTEMPT changes nothing: every failed attempt is logged", NULL },
	{ NULL, 0, NULL, NULL },
};
/* clang-format on */

#endif
