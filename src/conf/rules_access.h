/* SPDX-License-Identifier: MIT */
/* The rules about who may connect, how often, and what a refused client is told. */
#ifndef CONF_RULES_ACCESS_H
#define CONF_RULES_ACCESS_H

#include "conf/draft.h"

/* only_from of a service without clients to judge is gone afterwards if it admits everybody. */
void rules_access_apply(struct draft *d);

/* Of defaults, once they are read, for each of their blocks: what was taken from a list is not in it any more. */
void rules_access_edited(struct draft *d);

#endif
