/* SPDX-License-Identifier: MIT */
/* One row an attribute: the reader, inheritance, --help-attributes, --dump, the manual page and the tests read it. */
#ifndef CONF_ATTR_H
#define CONF_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct attr;

/* Room for the reason why a text is no value of an attribute. */
#define ATTR_WHY_SIZE 256

struct attr_type {
	const char *label;  /* shown in help and manual: "number", "path", "list of words" … */
	bool is_list;       /* takes any number of words and += and -=; set() adds one word */
	bool is_raw;        /* # words are values and not comments (server_args, env) */
	bool splits_commas; /* lists: "a,b" are two words, "{a,b}" is one */
	bool notes_commas;  /* that xinetd does not split them is worth a note */
	/* Of a scalar: most words of one value, joined by blanks for set(), none at all is ""; 0: exactly one. */
	unsigned max_words;
	const char
	    *needs; /* lists: an empty one is no value, it needs "an address"; NULL: any will do */
	bool warns; /* a remark of set() is a warning, not a note */
	/* Reads text into the field. False, and the reason in why, if it is no value; the field is then unchanged.
	 * If it is one, why may get a remark on how it was understood. */
	bool (*set)(void *field, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE]);
	/* Lists: -=; false if it was not there. */
	bool (*remove)(void *field, const struct attr *a, const char *text);
	void (*clear)(void *field, const struct attr *a);
	void (*copy)(void *to, const void *from, const struct attr *a);
	bool (*equal)(const void *x, const void *y, const struct attr *a);
	/* The value in native spelling, so that it reads back to the same. */
	void (*print)(const void *field, const struct attr *a, FILE *out);
};

struct attr_choice {
	const char *name;
	long long value;
	const char *note; /* said when it is used: it has no effect here, and why; or NULL */
	const char
	    *refusal; /* why it is refused: it means something that is not done here; or NULL */
};

/* What a second = of a list does in one service, or in any of the defaults blocks. */
enum attr_repeat {
	REPEAT_LAST,  /* it replaces the first */
	REPEAT_FIRST, /* it is left out, as that of a scalar */
	REPEAT_ADDS,  /* in defaults it adds, as in xinetd; in a service it replaces the first */
};

enum attr_scope { ATTR_SERVICE = 1, ATTR_DEFAULTS = 2, ATTR_BOTH = 3, ATTR_GLOBAL = 4 };

struct attr {
	const char *name;
	const char *alias; /* a second name, or NULL */
	const struct attr_type *type;
	size_t offset; /* in struct service_conf; for ATTR_GLOBAL in struct global_conf */
	size_t given;  /* offset of a bool that becomes true when the attribute is given; 0: none */
	enum attr_scope scope;
	enum attr_repeat repeat;
	long long min, max;
	const struct attr_choice *choices;
	bool restricts;  /* a near miss of its name is an error: ignoring it would open something */
	bool skips_zero; /* of a limit: 0 sets none, as in xinetd */
	bool is_live;    /* may be changed while the service runs, see override.h */
	bool is_secret;  /* its value may hold passwords: not shown to those who may only look */
	bool is_derived; /* worked out from others where it is missing: always part of a dump */
	const char *initial; /* the default as text, read by set(); NULL: unset */
	const char *text;    /* one sentence of manual */
};

extern const struct attr attrs[];
extern const size_t attr_count;

/* By name or alias, any case. NULL if there is none. */
const struct attr *attr_find(const char *name);

/* base: a struct service_conf, or for ATTR_GLOBAL a struct global_conf. */
void *attr_field(void *base, const struct attr *a);
const void *attr_field_const(const void *base, const struct attr *a);
bool attr_set(void *base, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE]);
void attr_clear(void *base, const struct attr *a); /* unset: false, 0, NULL, empty */
void attr_mark(void *base, const struct attr *a);  /* it was given, be it with an empty value */
bool attr_is_given(
    const void *base, const struct attr *a);       /* false: its absence is like no value of it */
void attr_reset(void *base, const struct attr *a); /* its default */
void attr_copy(void *to, const void *from, const struct attr *a);
bool attr_equal(const void *x, const void *y, const struct attr *a);
/* The choice of this name in any case, or NULL. */
const struct attr_choice *attr_choice_find(const struct attr *a, const char *text);

static inline bool
attr_is_global(const struct attr *a)
{
	return a->scope == ATTR_GLOBAL;
}

#endif
