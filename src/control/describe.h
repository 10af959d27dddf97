/* SPDX-License-Identifier: MIT */
/* Words for what services are and do: one for each thing, whoever asks. */
#ifndef CONTROL_DESCRIBE_H
#define CONTROL_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "conf/config.h"

struct daemon;
struct pool;
struct server;
struct service;

enum service_state {
	SERVICE_SERVING,
	SERVICE_FAILING,  /* its program cannot be started: it pauses */
	SERVICE_OFF,      /* by a person's command */
	SERVICE_DISABLED, /* by the configuration */
	SERVICE_BROKEN,   /* by an error in the configuration, or by what is missing around it */
	SERVICE_LEAVING,  /* removed; its last programs end */
	SERVICE_STATE_MAX
};

const char *service_state_word(enum service_state state);
enum service_state service_state(const struct service *s, int64_t now_ms);
/* Of one that is in the configuration and not among those that run. */
enum service_state unserved_state(const struct service_conf *conf);
/* Why it is in that state, as a part of a sentence; NULL for one that serves. The caller frees it. */
char *service_reason(const struct service *s, int64_t now_ms);
char *unserved_reason(const struct service_conf *conf);

/* "static", "dynamic", "ondemand"; "closed" for one that only ends. */
const char *pool_mode_word(const struct pool *p);
/* Path of the program, or "builtin". */
const char *service_program(const struct service_conf *conf);
/* "tcp", "udp", or "unix" for one without any other socket. */
const char *service_protocol(const struct service_conf *conf);
/* The peer's address, "unix", or NULL where it is not known. */
const char *peer_text(const struct addr *peer, char text[ADDR_TEXT_SIZE]);
/* Why nobody serves it; NULL for one that is served. */
const char *conf_state_text(enum conf_state state);
/* Some service of the configuration has this id, served or not. */
bool is_configured(const struct config *config, const char *id);
/* Clients that nobody has taken yet, as far as that is known: of the pool, and in the queues of TCP sockets. */
uint64_t service_queued(const struct service *s);
/* The address that tells services of one id apart: of its first listener, or of its settings while it has none; "" if they
 * name none either. */
const char *service_address(const struct service *s);

#endif
