/* SPDX-License-Identifier: MIT */
/* The rules for what porterd does in place of a program, or beside it: redirect, tcpmux, times and traffic. */
#ifndef CONF_RULES_SERVE_H
#define CONF_RULES_SERVE_H

#include "conf/draft.h"

/* In a pool timeout becomes pool_request_timeout, where that is not given. */
void rules_serve_settle(struct draft *d);
void rules_serve_apply(struct draft *d);

#endif
