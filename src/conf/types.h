/* SPDX-License-Identifier: MIT */
/* The kinds of value that an attribute may have. What each reads and where it puts it: */
#ifndef CONF_TYPES_H
#define CONF_TYPES_H

#include <stdarg.h>
#include <stdint.h>

#include "conf/access.h"
#include "conf/attr.h"

extern const struct attr_type type_bool;     /* bool */
extern const struct attr_type type_number;   /* int or unsigned; choices: names of special values */
extern const struct attr_type type_mode;     /* mode_t, written in octal */
extern const struct attr_type type_choice;   /* int or an enum; choices */
extern const struct attr_type type_word;     /* char *: one word without blanks */
extern const struct attr_type type_path;     /* char *: a full path */
extern const struct attr_type type_port;     /* char *: a number or the name of a port */
extern const struct attr_type type_user;     /* char *: the name or number of a user or group */
extern const struct attr_type type_signal;   /* int */
extern const struct attr_type type_duration; /* int64_t, milliseconds */
extern const struct attr_type type_limit_size;   /* struct rlimit_conf, bytes */
extern const struct attr_type type_limit_number; /* struct rlimit_conf, a count or seconds */
extern const struct attr_type type_flags;        /* unsigned, a bit for each of the choices */
extern const struct attr_type type_ids;          /* struct strings, case does not count */
extern const struct attr_type type_words;        /* struct strings: arguments, taken as they are */
extern const struct attr_type type_names;     /* struct strings: names of environment variables */
extern const struct attr_type type_variables; /* struct strings: NAME=VALUE */
extern const struct attr_type type_addresses; /* struct strings: addresses or host names */
extern const struct attr_type type_access;    /* struct strings: who may connect */
extern const struct attr_type type_times;     /* struct strings: H:MM-H:MM */
extern const struct attr_type type_cps;       /* struct cps_conf */
extern const struct attr_type type_rate;      /* struct rate_conf */
extern const struct attr_type type_load;      /* unsigned, hundredths */
extern const struct attr_type type_redirect;  /* char *: "host port" */
extern const struct attr_type type_device;    /* char *: a network device */
extern const struct attr_type type_listen;    /* struct strings: ADDRESS:PORT or unix:PATH */
extern const struct attr_type type_log;       /* struct sink_target */

/* One entry of a listen list, cut into its parts. */
struct listen_parts {
	bool is_unix;
	char host
	    [256]; /* without brackets; "*" for every address; the path of a unix socket is not copied */
	const char *port; /* within the text; NULL for unix sockets */
	const char *path; /* within the text; NULL for others */
};

/* False, and the reason in why (which may be NULL), if text is no such entry. */
bool listen_split(struct listen_parts *out, const char *text, char why[ATTR_WHY_SIZE]);

/* "8:30-17:00", "22:00-06:00", "12:00-24:00". False, and the reason in why (which may be NULL), if text is no such range. */
bool time_range_parse(struct time_range *out, const char *text, char why[ATTR_WHY_SIZE]);

/* An id stands unquoted in log lines and names sockets that are handed over, where a colon separates. */
#define ID_NEVER_HOLDS " \t\"'=\\:"

/* The port that text writes as a number: 1 to 65535. -ENOENT if text is a name, -EINVAL if it is neither. */
int port_number(const char *text);

/* For the types: fills why, and returns false. */
bool type_refuse(char why[ATTR_WHY_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for a value that is accepted: fills why, and returns true. */
bool type_remark(char why[ATTR_WHY_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A decimal number within min and max; a sign is allowed. */
bool type_read_number(
    long long *out, const char *text, long long min, long long max, char why[ATTR_WHY_SIZE]);
/* Bytes, with k, M, G or T behind the number. */
bool type_read_size(int64_t *out, const char *text, char why[ATTR_WHY_SIZE]);
/* One word so that it reads back to the same: in quotes, with a backslash before quotes and backslashes. */
void type_print_word(const char *word, FILE *out);

#endif
