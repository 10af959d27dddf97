/* SPDX-License-Identifier: MIT */
/* What a new configuration does to each service, while it is being worked out. Private to this folder. */
#ifndef RELOAD_CHANGE_H
#define RELOAD_CHANGE_H

#include "base/map.h"
#include "net/socket.h"
#include "reload/apply.h"
#include "reload/same.h"
#include "run/service.h"

/* One address of a service to be: a listener that is there already, or a socket that was just opened. */
struct seat {
	const struct endpoint *endpoint; /* NULL: handed over by name */
	struct listener *old;
	int fd;                  /* -1 or -errno: not open */
	struct socket_file file; /* that a unix socket made */
	bool is_handed;          /* opened by the daemon before this one */
	bool is_shared;          /* whoever handed it over may have it yet */
	bool is_deferred; /* its port is still taken by a listener of our own that goes away */
};

struct change {
	const struct service_conf *conf;
	struct service *service; /* what it was; NULL: new */
	struct seat *seats;
	size_t count;
	bool stays;   /* as it was */
	bool follows; /* its settings are the same, and nothing is to be done for it */
	bool returns; /* it is off, and will not be any more */
};

struct work {
	struct runtime *rt;
	struct config *config;
	const struct same *same; /* NULL: nothing is known of that */
	struct change *changes;
	size_t count;
	struct map *listeners; /* of before by key, those that nobody has claimed */
	struct config **held;  /* those that services had before */
	size_t held_count;
	struct apply_result result;
};

/* Services that need nothing but to be told where their settings are now; first of all. */
void match_same(struct work *w);
/* Which service becomes which: fills changes. Services are the same if they have one id, and of several with one id
 * those that have an address in common. */
void match_services(struct work *w);
/* Nobody has claimed a listener yet. */
void match_listeners(struct work *w);

/* Claims the listeners that a service goes on with. */
void seats_claim(struct work *w, struct change *c);
/* Opens what is new. False if the service cannot have one of its addresses. */
bool seats_open(struct work *w, struct change *c);
/* Opens what had to wait until old listeners were closed. False if a service that runs cannot have it even now. */
bool seats_open_deferred(struct change *c);
/* Closes what was opened. */
void seats_close(struct change *c);
/* The first address that is not to be had, and why: "tcp:*:7: Address already in use"; heap. NULL: there is none. */
char *seats_missing(const struct change *c);
/* Says which addresses are not to be had. */
void seats_say_missing(const struct change *c, const char *outcome);
/* The service now listens there; what could not be opened is tried again. */
void seat_take(struct service *s, const struct seat *seat);

#endif
