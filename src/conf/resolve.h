/* SPDX-License-Identifier: MIT */
/* Looks up what a service names: its addresses, its program, whom it runs as. */
#ifndef CONF_RESOLVE_H
#define CONF_RESOLVE_H

#include "conf/draft.h"

void resolve_endpoints(struct draft *d);
void resolve_files(struct draft *d); /* program, root directory, working directory */
void resolve_ids(struct draft *d);   /* user, groups, owner of unix sockets */
/* The host and port of a redirect; whether banners can be sent. */
void resolve_serve(struct draft *d);
/* Of the defaults: the control socket's mode, where none is given, and whose it is. */
void resolve_control(struct draft *d);

#endif
