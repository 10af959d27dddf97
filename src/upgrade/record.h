/* SPDX-License-Identifier: MIT */
/* Structures as JSON and back: one row a member, which both directions read. What comes back is checked as if a stranger
 * had written it: every member must be there, be of its kind and within its bounds; members without a row are left alone. */
#ifndef UPGRADE_RECORD_H
#define UPGRADE_RECORD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
	FIELD_BOOL,     /* bool */
	FIELD_INT,      /* int, or an enum */
	FIELD_UNSIGNED, /* unsigned */
	FIELD_U16,      /* uint16_t */
	FIELD_I64,      /* int64_t */
	FIELD_U64,      /* uint64_t; all 64 bits cross, and bounds do not apply */
	FIELD_NUMBERS, /* an array of uint64_t, `max` of them; a shorter one leaves the rest at 0 */
	FIELD_TEXT,    /* const char *, never NULL */
	FIELD_TEXT_OR_NULL,
	FIELD_BYTES,   /* struct record_bytes, at most `max` */
	FIELD_ADDR,    /* struct addr */
	FIELD_RECORD,  /* another structure within this one */
	FIELD_RECORDS, /* an array of them, `max`; a shorter one leaves the rest at 0 */
	FIELD_POINTER, /* a pointer to another structure; NULL: none */
	FIELD_LIST,    /* struct record_list */
	FIELD_VALUE,   /* json_t *, taken as it is; NULL: none */
	FIELD_MAX
};

struct record_bytes {
	const void *data;
	size_t len;
};

/* Any number of structures. Written from `json`, an array that is taken over; read to `item`. */
struct record_list {
	json_t *json;
	void *item;
	size_t count;
};

struct record;

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	int64_t min, max;
	const struct record *record;
};

struct record {
	size_t size;
	const struct field *fields;
	size_t count;
};

/* Rows: a member of struct `type`; FIELD_ROW for those with bounds. */
#define FIELD_ROW(type, member, kind, min, max)                        \
 {                                                                     \
#  member, FIELD_##kind, offsetof(struct type, member), min, max, NULL \
 }
#define FIELD_PLAIN(type, member, kind) FIELD_ROW(type, member, kind, 0, 0)
#define FIELD_OF(type, member, kind, max, of)                       \
 {                                                                  \
#  member, FIELD_##kind, offsetof(struct type, member), 0, max, &of \
 }

/* Owns what was read; strings and values are borrowed from the JSON, which must live as long. */
struct record_reader {
	void **memory;
	size_t count;
	char why[256]; /* after a failure: which member, and what is wrong with it */
};

json_t *record_write(const struct record *r, const void *object); /* a new reference */
/* Fills the object, which was all zero. 0, or -EINVAL and the reason in reader->why. */
int record_read(
    struct record_reader *reader, const struct record *r, const json_t *from, void *object);
void record_reader_done(struct record_reader *reader);

#endif
