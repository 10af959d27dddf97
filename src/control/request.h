/* SPDX-License-Identifier: MIT */
/* From a line to a request that fits the table of commands. Pure. */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/command.h"

/* Why a line is no request. */
struct request_fault {
	const char *code; /* of porterd-control(7) */
	char text[256];
};

/* The object that the line, without its newline, holds, for the caller to decref. NULL, and the fault, if it is none. */
json_t *request_parse(const char *line, size_t len, struct request_fault *f);
/* Its "id", borrowed; NULL if it has none. Of something that is no scalar, too. */
json_t *request_id(const json_t *args);
/* The row of the table for a request. NULL, and the fault, if there is none, or if it is of another protocol. */
const struct command *request_find(
    const struct command *table, size_t count, const json_t *args, struct request_fault *f);
/* Its arguments are those of the row, and each is of the type that goes with its name. */
bool request_check(const struct command *row, json_t *args, struct request_fault *f);

#endif
