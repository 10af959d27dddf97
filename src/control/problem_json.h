/* SPDX-License-Identifier: MIT */
/* What is wrong with a configuration, for control clients. */
#ifndef CONTROL_PROBLEM_JSON_H
#define CONTROL_PROBLEM_JSON_H

#include <jansson.h>

#include "conf/problem.h"

/* Most problems of one answer. */
#define PROBLEM_JSON_MOST 256

/* A new array, the gravest first, and of many the first ones alone. Each is an object with severity, cause, place, text, and the
 * line of the source if there is one. */
json_t *problems_json(const struct problems *problems);

#endif
