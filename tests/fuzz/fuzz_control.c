/* SPDX-License-Identifier: MIT */
/* A request of a control client, any bytes: it fits a row of the table and its types, or there is a fault with a code and a
 * sentence. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/mem.h"
#include "control/json_text.h"
#include "control/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct command table[] = {
	{ "status", ROLE_LOOK, NULL, 0, { NULL }, "" },
	{ "logs", ROLE_LOOK, NULL, 0, { "follow", "lines", "service", "connection" }, "" },
	{ "set", ROLE_ADMIN, NULL, 0, { "!service", "!name", "!value" }, "" },
	{ "kill", ROLE_ADMIN, NULL, 0, { "service", "pid", "signal" }, "" },
};

static const char *const codes[] = { "bad-request", "unknown-command", "protocol" };

static void
check_fault(const struct request_fault *f)
{
	bool is_known = false;

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		is_known = is_known || (f->code != NULL && strcmp(f->code, codes[i]) == 0);
	assert(is_known);
	assert(memchr(f->text, '\0', sizeof(f->text)) != NULL && *f->text != '\0');
	/* The sentence goes back to the client: it must be text itself, whatever it quotes. */
	json_decref(json_text(f->text));
}

static void
check_request(const struct command *row, const json_t *args)
{
	const char *name = json_string_value(json_object_get(args, "command"));

	assert(strcmp(name, row->name) == 0);
	for (size_t i = 0; i < ARRAY_LEN(row->args) && row->args[i] != NULL; i++)
		assert(*row->args[i] != '!' || json_object_get(args, row->args[i] + 1) != NULL);
	assert(json_object_size(args) <= 3 + ARRAY_LEN(row->args));
}

static void
check_text(const uint8_t *data, size_t size)
{
	char *text = mem_dupn((const char *)data, size);
	json_t *j = json_text(text);

	assert(json_is_string(j) && json_string_length(j) >= strlen(text));
	json_decref(j);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request_fault f = { 0 };
	json_t *args = request_parse((const char *)data, size, &f);
	const struct command *row;

	check_text(data, size);
	if (args == NULL) {
		check_fault(&f);
		return 0;
	}
	row = request_find(table, ARRAY_LEN(table), args, &f);
	if (row != NULL && request_check(row, args, &f))
		check_request(row, args);
	else
		check_fault(&f);
	json_decref(args);
	return 0;
}
