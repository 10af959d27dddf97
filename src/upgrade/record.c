/* SPDX-License-Identifier: MIT */
#include "upgrade/record.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/mem.h"

/* ---- writing ---- */

static json_t *
write_hex(const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;
	char *text = mem_alloc(2 * len + 1);
	json_t *j;

	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	j = json_string(text);
	free(text);
	return j;
}

/* What is no UTF-8 cannot be a string of JSON. */
static json_t *
write_text(const struct field *f, const void *at)
{
	const char *text = *(const char *const *)at;
	json_t *j;

	(void)f;
	if (text == NULL)
		return json_null();
	j = json_string(text);
	return j != NULL ? j : json_pack("{s:o}", "hex", write_hex(text, strlen(text)));
}

/* How many of an array's items there are up to the last that is not all zero: the rest is zero anyway when it is read. */
static size_t
count_used(const char *items, size_t size, size_t count)
{
	size_t bytes = size * count;

	while (bytes > 0 && items[bytes - 1] == 0)
		bytes--;
	return (bytes + size - 1) / size;
}

static json_t *
write_numbers(const struct field *f, const void *at)
{
	const uint64_t *numbers = at;
	size_t count = count_used(at, sizeof(*numbers), (size_t)f->max);
	json_t *j = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(j, json_integer((json_int_t)numbers[i]));
	return j;
}

static json_t *
write_records(const struct field *f, const void *at)
{
	const char *first = at;
	size_t count = count_used(first, f->record->size, (size_t)f->max);
	json_t *j = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(j, record_write(f->record, first + i * f->record->size));
	return j;
}

static json_t *
write_pointer(const struct field *f, const void *at)
{
	const void *const *object = at;

	return *object == NULL ? json_null() : record_write(f->record, *object);
}

static json_t *
write_list(const struct field *f, const void *at)
{
	const struct record_list *list = at;

	(void)f;
	return list->json != NULL ? list->json : json_array();
}

static json_t *
write_value(const struct field *f, const void *at)
{
	json_t *const *value = at;

	(void)f;
	return *value != NULL ? json_incref(*value) : json_null();
}

static json_t *
write_bytes(const struct field *f, const void *at)
{
	const struct record_bytes *bytes = at;

	(void)f;
	return write_hex(bytes->data, bytes->len);
}

static json_t *
write_addr(const struct field *f, const void *at)
{
	const struct addr *a = at;

	(void)f;
	return write_hex(&a->u, a->len);
}

static json_t *
write_record(const struct field *f, const void *at)
{
	return record_write(f->record, at);
}

static json_t *
write_bool(const struct field *f, const void *at)
{
	(void)f;
	return json_boolean(*(const bool *)at);
}

/* The kinds of numbers differ in their size alone. Those of 64 bits may stand in a structure without gaps. */
static json_t *
write_number(const struct field *f, const void *at)
{
	int64_t n;

	switch (f->kind) {
	case FIELD_INT:
		return json_integer(*(const int *)at);
	case FIELD_UNSIGNED:
		return json_integer(*(const unsigned *)at);
	case FIELD_U16:
		return json_integer(*(const uint16_t *)at);
	default:
		memcpy(&n, at, sizeof(n));
		return json_integer(n);
	}
}

/* ---- reading ---- */

static void *
keep(struct record_reader *reader, void *memory)
{
	reader->memory = mem_grow(reader->memory, reader->count + 1, sizeof(*reader->memory));
	reader->memory[reader->count++] = memory;
	return memory;
}

static int
bad(struct record_reader *reader, const char *reason)
{
	snprintf(reader->why, sizeof(reader->why), ": %s", reason);
	return -EINVAL;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes, at most `most`, with a NUL behind them; NULL if it is no text of hexadecimal digits, or a longer one. */
static char *
read_hex(struct record_reader *reader, const json_t *from, size_t most, size_t *len)
{
	const char *text = json_string_value(from);
	size_t digits = text != NULL ? strlen(text) : 1;
	char *bytes;

	if (digits % 2 != 0 || digits / 2 > most)
		return NULL;
	bytes = keep(reader, mem_alloc(digits / 2 + 1));
	for (size_t i = 0; i < digits / 2; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return NULL;
		bytes[i] = (char)(high << 4 | low);
	}
	*len = digits / 2;
	return bytes;
}

/* The longest text: paths, names and ids are far shorter. */
#define MOST_TEXT 65536

static int
read_text(struct record_reader *reader, const struct field *f, json_t *from, void *at)
{
	const char **to = at;
	size_t len = 0;

	if (json_is_null(from) && f->kind == FIELD_TEXT_OR_NULL)
		return 0;
	*to = json_is_object(from) ? read_hex(reader, json_object_get(from, "hex"), MOST_TEXT, &len)
				   : json_string_value(from);
	if (*to == NULL)
		return bad(reader, "no text");
	return json_is_object(from) && strlen(*to) != len ? bad(reader, "a NUL in a text") : 0;
}

static int
read_number(
    struct record_reader *reader, const json_t *from, int64_t min, int64_t max, int64_t *out)
{
	if (!json_is_integer(from))
		return bad(reader, "no whole number");
	*out = json_integer_value(from);
	return *out < min || *out > max ? bad(reader, "out of range") : 0;
}

static void
store(const struct field *f, int64_t n, void *to)
{
	switch (f->kind) {
	case FIELD_INT:
		*(int *)to = (int)n;
		break;
	case FIELD_UNSIGNED:
		*(unsigned *)to = (unsigned)n;
		break;
	case FIELD_U16:
		*(uint16_t *)to = (uint16_t)n;
		break;
	default:
		memcpy(to, &n, sizeof(n));
	}
}

/* The bounds of the row; where it has none, which is 0 and 0, those of the kind. */
static int
read_scalar(struct record_reader *reader, const struct field *f, json_t *from, void *to)
{
	static const struct {
		int64_t min, max;
	} bounds[FIELD_MAX] = {
		[FIELD_INT] = { INT_MIN, INT_MAX },
		[FIELD_UNSIGNED] = { 0, UINT_MAX },
		[FIELD_U16] = { 0, UINT16_MAX },
		[FIELD_I64] = { INT64_MIN, INT64_MAX },
	};

	bool has_bounds = f->min != 0 || f->max != 0;
	int64_t n;
	int r = read_number(reader, from, has_bounds ? f->min : bounds[f->kind].min,
	    has_bounds ? f->max : bounds[f->kind].max, &n);

	if (r == 0)
		store(f, n, to);
	return r;
}

static int
read_u64(struct record_reader *reader, const struct field *f, json_t *from, void *at)
{
	int64_t n;
	int r = read_number(reader, from, INT64_MIN, INT64_MAX, &n);

	(void)f;
	if (r == 0)
		memcpy(at, &n, sizeof(n));
	return r;
}

static int
read_bool(struct record_reader *reader, const struct field *f, json_t *from, void *at)
{
	(void)f;
	if (!json_is_boolean(from))
		return bad(reader, "neither true nor false");
	*(bool *)at = json_is_true(from);
	return 0;
}

static int
read_numbers(struct record_reader *reader, const struct field *f, json_t *from, void *at)
{
	uint64_t *to = at;
	int r = 0;

	if (!json_is_array(from) || json_array_size(from) > (size_t)f->max)
		return bad(reader, "no list of so many numbers");
	for (size_t i = 0; r == 0 && i < json_array_size(from); i++)
		r = read_u64(reader, f, json_array_get(from, i), &to[i]);
	return r;
}

static int
read_bytes(struct record_reader *reader, const struct field *f, json_t *from, void *at)
{
	struct record_bytes *to = at;

	to->data = read_hex(reader, from, (size_t)f->max, &to->len);
	return to->data == NULL ? bad(reader, "no bytes, or too many") : 0;
}

/* Lengths that an address of the family can have. */
static bool
is_address(const struct addr *a)
{
	switch (addr_family(a)) {
	case AF_UNSPEC:
		return a->len == 0;
	case AF_INET:
		return a->len == sizeof(a->u.in);
	case AF_INET6:
		return a->len == sizeof(a->u.in6);
	default:
		return addr_family(a) == AF_UNIX;
	}
}

static int
read_addr(struct record_reader *reader, const struct field *f, json_t *from, void *at)
{
	struct addr *to = at;
	size_t len = 0;
	const char *bytes = read_hex(reader, from, sizeof(to->u), &len);

	(void)f;
	if (bytes == NULL || (len > 0 && len < sizeof(sa_family_t)))
		return bad(reader, "no address");
	memcpy(&to->u, bytes, len);
	to->len = (socklen_t)len;
	return is_address(to) ? 0 : bad(reader, "no address of a family that is known");
}

static int
read_each(struct record_reader *reader, const struct record *r, const json_t *from, char *to)
{
	for (size_t i = 0; i < json_array_size(from); i++) {
		int error = record_read(reader, r, json_array_get(from, i), to + i * r->size);

		if (error < 0)
			return error;
	}
	return 0;
}

static int
read_records(struct record_reader *reader, const struct field *f, json_t *from, void *to)
{
	if (!json_is_array(from) || json_array_size(from) > (size_t)f->max)
		return bad(reader, "no list of so many");
	return read_each(reader, f->record, from, to);
}

static int
read_list(struct record_reader *reader, const struct field *f, json_t *from, void *at)
{
	struct record_list *to = at;

	if (!json_is_array(from))
		return bad(reader, "no list");
	to->count = json_array_size(from);
	to->item = keep(reader, mem_array(to->count + 1, f->record->size));
	return read_each(reader, f->record, from, to->item);
}

static int
read_pointer(struct record_reader *reader, const struct field *f, json_t *from, void *at)
{
	void **to = at;

	if (json_is_null(from))
		return 0;
	*to = keep(reader, mem_alloc(f->record->size));
	return record_read(reader, f->record, from, *to);
}

static int
read_value(struct record_reader *reader, const struct field *f, json_t *from, void *at)
{
	json_t **to = at;

	(void)reader;
	(void)f;
	*to = json_is_null(from) ? NULL : from;
	return 0;
}

static int
read_record(struct record_reader *reader, const struct field *f, json_t *from, void *to)
{
	return record_read(reader, f->record, from, to);
}

static const struct {
	json_t *(*write)(const struct field *f, const void *at);
	int (*read)(struct record_reader *reader, const struct field *f, json_t *from, void *at);
} kinds[] = {
	[FIELD_BOOL] = { write_bool, read_bool },
	[FIELD_INT] = { write_number, read_scalar },
	[FIELD_UNSIGNED] = { write_number, read_scalar },
	[FIELD_U16] = { write_number, read_scalar },
	[FIELD_I64] = { write_number, read_scalar },
	[FIELD_U64] = { write_number, read_u64 },
	[FIELD_NUMBERS] = { write_numbers, read_numbers },
	[FIELD_TEXT] = { write_text, read_text },
	[FIELD_TEXT_OR_NULL] = { write_text, read_text },
	[FIELD_BYTES] = { write_bytes, read_bytes },
	[FIELD_ADDR] = { write_addr, read_addr },
	[FIELD_RECORD] = { write_record, read_record },
	[FIELD_RECORDS] = { write_records, read_records },
	[FIELD_POINTER] = { write_pointer, read_pointer },
	[FIELD_LIST] = { write_list, read_list },
	[FIELD_VALUE] = { write_value, read_value },
};

_Static_assert(ARRAY_LEN(kinds) == FIELD_MAX, "one row a kind");

json_t *
record_write(const struct record *r, const void *object)
{
	json_t *j = json_object();

	for (size_t i = 0; i < r->count; i++) {
		const struct field *f = &r->fields[i];

		json_object_set_new(
		    j, f->name, kinds[f->kind].write(f, (const char *)object + f->offset));
	}
	return j;
}

/* The member's name in front of what was wrong with it. */
static void
name_member(struct record_reader *reader, const char *name)
{
	char inner[sizeof(reader->why)];

	memcpy(inner, reader->why, sizeof(inner));
	snprintf(reader->why, sizeof(reader->why), "%s%s%.200s", name, inner[0] == ':' ? "" : ".",
	    inner);
}

int
record_read(struct record_reader *reader, const struct record *r, const json_t *from, void *object)
{
	if (!json_is_object(from))
		return bad(reader, "no structure");
	for (size_t i = 0; i < r->count; i++) {
		const struct field *f = &r->fields[i];
		json_t *member = json_object_get(from, f->name);
		int error = member == NULL ? bad(reader, "missing")
					   : kinds[f->kind].read(
						 reader, f, member, (char *)object + f->offset);

		if (error < 0) {
			name_member(reader, f->name);
			return error;
		}
	}
	return 0;
}

void
record_reader_done(struct record_reader *reader)
{
	for (size_t i = 0; i < reader->count; i++)
		free(reader->memory[i]);
	free(reader->memory);
	reader->memory = NULL;
	reader->count = 0;
}
