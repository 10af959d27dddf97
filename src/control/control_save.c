/* SPDX-License-Identifier: MIT */
/* The control socket across an upgrade. Bytes that may be cut anywhere are written in hexadecimal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/mem.h"
#include "control/client.h"
#include "control/daemon.h"
#include "control/json_text.h"

static json_t *
bytes_save(const char *bytes, size_t len)
{
	char *text = mem_array(len + 1, 2);
	json_t *j;

	for (size_t i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", (unsigned char)bytes[i]);
	j = json_string(text);
	free(text);
	return j;
}

/* Heap; NULL if there are none. */
static char *
bytes_restore(const json_t *saved, size_t *len)
{
	const char *text = json_string_value(saved);
	char *bytes;

	*len = text != NULL ? strlen(text) / 2 : 0;
	if (*len == 0)
		return NULL;
	bytes = mem_alloc(*len);
	for (size_t i = 0; i < *len; i++) {
		const char pair[] = { text[2 * i], text[2 * i + 1], '\0' };

		bytes[i] = (char)strtoul(pair, NULL, 16);
	}
	return bytes;
}

static json_t *
stream_save(const struct journal_filter *f)
{
	return json_pack("{s:I, s:b, s:I, s:i, s:I, s:b, s:o, s:o}", "from", (json_int_t)f->from,
	    "follows", f->follows, "kinds", (json_int_t)f->kinds, "level", f->level, "connection",
	    (json_int_t)f->connection, "is_trace", f->is_trace, "service", json_text(f->service),
	    "match", json_text(f->match));
}

static char *
text_restore(const json_t *saved, const char *name)
{
	const char *text = json_string_value(json_object_get(saved, name));

	return text != NULL ? mem_dup(text) : NULL;
}

static uint64_t
number_restore(const json_t *saved, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(saved, name));
}

static void
stream_restore(struct client_conn *c, const json_t *saved)
{
	struct journal_filter *f = &c->stream;

	if (!json_is_object(saved))
		return;
	*f = (struct journal_filter){
		.from = number_restore(saved, "from"),
		.follows = json_is_true(json_object_get(saved, "follows")),
		.kinds = (unsigned)number_restore(saved, "kinds"),
		.level = (int)number_restore(saved, "level"),
		.connection = number_restore(saved, "connection"),
		.is_trace = json_is_true(json_object_get(saved, "is_trace")),
		.service = text_restore(saved, "service"),
		.match = text_restore(saved, "match"),
	};
	/* A journal that begins anew counts from 1. */
	if (f->from > journal_next())
		f->from = journal_next();
	c->has_stream = c->has_records = true;
}

static json_t *
client_save(const struct client_conn *c)
{
	json_t *fds = json_array();

	for (size_t i = 0; i < CONTROL_FDS; i++)
		if (c->fds[i] >= 0)
			json_array_append_new(fds, json_integer(c->fds[i]));
	return json_pack("{s:i, s:I, s:I, s:I, s:i, s:b, s:b, s:b, s:o, s:o, s:o, s:o*, s:o*}",
	    "fd", c->io.fd, "number", (json_int_t)c->number, "uid", (json_int_t)c->uid, "pid",
	    (json_int_t)c->pid, "role", (int)c->role, "waits", c->is_waiting, "asked", c->has_asked,
	    "closes", c->is_closing, "fds", fds, "in", bytes_save(c->in, c->in_len), "out",
	    bytes_save(c->out + c->out_sent, c->out_len - c->out_sent), "id", json_incref(c->id),
	    "stream", c->has_stream ? stream_save(&c->stream) : NULL);
}

json_t *
control_save(const struct control *control)
{
	const struct client_conn *c;
	json_t *clients;

	if (control == NULL)
		return json_null();
	clients = json_array();
	LIST_FOREACH(c, &control->clients, link)
		json_array_append_new(clients, client_save(c));
	return json_pack("{s:i, s:o, s:I, s:I, s:I, s:o}", "fd", control->io.fd, "path",
	    bytes_save(control->path, strlen(control->path)), "dev", (json_int_t)control->file.dev,
	    "ino", (json_int_t)control->file.ino, "number", (json_int_t)control->last_number,
	    "clients", clients);
}

static void
client_restore(struct control *control, const json_t *saved)
{
	struct client_conn *c =
	    client_new(control, (int)number_restore(saved, "fd"), number_restore(saved, "number"));
	const json_t *fds = json_object_get(saved, "fds");

	c->uid = (uid_t)number_restore(saved, "uid");
	c->pid = (pid_t)number_restore(saved, "pid");
	c->role = (enum role)number_restore(saved, "role");
	c->is_waiting = json_is_true(json_object_get(saved, "waits"));
	c->has_asked = json_is_true(json_object_get(saved, "asked"));
	c->is_closing = json_is_true(json_object_get(saved, "closes"));
	c->id = json_incref(json_object_get(saved, "id"));
	for (size_t i = 0; i < CONTROL_FDS && i < json_array_size(fds); i++)
		c->fds[i] = (int)json_integer_value(json_array_get(fds, i));
	c->in = bytes_restore(json_object_get(saved, "in"), &c->in_len);
	c->in_room = c->in_len;
	c->line_ms = clock_now_ms();
	c->out = bytes_restore(json_object_get(saved, "out"), &c->out_len);
	c->out_room = c->out_len;
	stream_restore(c, json_object_get(saved, "stream"));
	client_settle(c);
}

struct control *
control_restore(struct daemon *d, const json_t *saved, const struct control_access *access)
{
	size_t len;
	char *bytes = bytes_restore(json_object_get(saved, "path"), &len), *path;
	const json_t *clients = json_object_get(saved, "clients");
	struct control *control;

	if (bytes == NULL)
		return NULL;
	path = mem_dupn(bytes, len);
	control = control_new(d, path, access);
	free(path);
	free(bytes);
	control->io.fd = (int)number_restore(saved, "fd");
	control->file.dev = (dev_t)number_restore(saved, "dev");
	control->file.ino = (ino_t)number_restore(saved, "ino");
	control->last_number = number_restore(saved, "number");
	if (control->io.fd >= 0)
		loop_add(d->loop, &control->io);
	for (size_t i = json_array_size(clients); i > 0; i--)
		client_restore(control, json_array_get(clients, i - 1));
	control_set_access(control, access);
	control_listen_to_journal(control);
	return control;
}
