/* SPDX-License-Identifier: MIT */
/* What a connection puts into words of server_args and into values of env: %{remote_addr} and the like. */
#ifndef CONF_TEMPLATE_H
#define CONF_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

/* Most bytes of a value; longer ones, paths of unix sockets, are cut. */
#define TEMPLATE_VALUE_SIZE 64

/* Whom a value is known of. */
enum template_of { TEMPLATE_OF_SERVICE, TEMPLATE_OF_CONNECTION, TEMPLATE_OF_PEER };

struct template_name {
	const char *name;     /* within the braces */
	const char *variable; /* of <porter/environment.h>, which has the value */
	enum template_of of;
};

extern const struct template_name template_names[]; /* ends with a NULL name */

/* A part of a word. */
struct template_piece {
	const char *text; /* as it is written, or, of %%{, what it stands for */
	size_t len;
	const struct template_name *name; /* what takes its place; NULL: the text itself */
	bool is_unknown;                  /* a %{name} that is none of ours; it stays as it is */
	bool is_escape;                   /* %%{ was written, and %{ is meant */
};

/* The piece that begins at *at, which moves behind it; false at the end of the word. */
bool template_next(const char **at, struct template_piece *out);
/* True if the program gets another text than this one. */
bool template_changes(const char *text);

#endif
