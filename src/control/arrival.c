/* SPDX-License-Identifier: MIT */
#include "control/arrival.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/journal.h"
#include "base/mem.h"
#include "control/command.h"
#include "control/daemon.h"
#include "control/live.h"
#include "control/notify.h"
#include "control/pidfile.h"
#include "run/service.h"
#include "upgrade/state_file.h"

#define MOST_FD (1 << 30)

#define ROWS(type, rows)                                                  \
 {                                                                        \
  .size = sizeof(struct type), .fields = (rows), .count = ARRAY_LEN(rows) \
 }

static const struct field name_fields[] = { FIELD_PLAIN(kept_name, name, TEXT) };
const struct record kept_name_record = ROWS(kept_name, name_fields);

static const struct field setting_fields[] = {
	FIELD_PLAIN(kept_setting, service, TEXT_OR_NULL),
	FIELD_PLAIN(kept_setting, attribute, TEXT),
};
const struct record kept_setting_record = ROWS(kept_setting, setting_fields);

static const struct field daemon_fields[] = {
	FIELD_PLAIN(kept_daemon, binary, TEXT),
	FIELD_PLAIN(kept_daemon, directory, TEXT_OR_NULL),
	FIELD_PLAIN(kept_daemon, notify_path, TEXT_OR_NULL),
	FIELD_ROW(kept_daemon, pid_fd, INT, -1, MOST_FD),
	FIELD_ROW(kept_daemon, lock_fd, INT, -1, MOST_FD),
	FIELD_PLAIN(kept_daemon, started, I64),
	FIELD_PLAIN(kept_daemon, started_ms, I64),
	FIELD_PLAIN(kept_daemon, reloads, UNSIGNED),
	FIELD_PLAIN(kept_daemon, refused_reloads, UNSIGNED),
	FIELD_PLAIN(kept_daemon, upgrades, UNSIGNED),
	FIELD_PLAIN(kept_daemon, reload_refusal, TEXT_OR_NULL),
	FIELD_PLAIN(kept_daemon, asker, U64),
	FIELD_OF(kept_daemon, forced, LIST, 0, kept_name_record),
	FIELD_OF(kept_daemon, set, LIST, 0, kept_setting_record),
};
const struct record kept_daemon_record = ROWS(kept_daemon, daemon_fields);

static const struct field line_fields[] = {
	FIELD_PLAIN(kept_line, wall_ms, I64),
	FIELD_ROW(kept_line, kind, INT, 0, JOURNAL_TRACE),
	FIELD_ROW(kept_line, level, INT, 0, LOG_LEVEL_DEBUG),
	FIELD_PLAIN(kept_line, connection, U64),
	FIELD_PLAIN(kept_line, service, TEXT_OR_NULL),
	FIELD_PLAIN(kept_line, text, TEXT),
};
const struct record kept_line_record = ROWS(kept_line, line_fields);

/* The journal: {"first":N,"lines":[…]}. */
struct kept_journal {
	uint64_t first;
	struct record_list lines;
};

static const struct field journal_fields[] = {
	FIELD_PLAIN(kept_journal, first, U64),
	FIELD_OF(kept_journal, lines, LIST, 0, kept_line_record),
};
static const struct record journal_record = ROWS(kept_journal, journal_fields);

/* "take:12"; the descriptor, or -1. */
static int
parse_variable(struct arrival *a, const char *text)
{
	static const struct {
		const char *word;
		enum arrival_mode mode;
	} modes[] = { { "take:", ARRIVAL_TAKE }, { "trial:", ARRIVAL_TRIAL } };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		size_t len = strlen(modes[i].word);
		unsigned long fd;
		char *end;

		if (strncmp(text, modes[i].word, len) != 0)
			continue;
		a->mode = modes[i].mode;
		fd = strtoul(text + len, &end, 10);
		return end != text + len && *end == '\0' && fd < MOST_FD ? (int)fd : -1;
	}
	return -1;
}

static bool
read_parts(struct arrival *a)
{
	struct kept_journal journal = { 0 };
	int r = kept_read(&a->reader, a->state, &a->kept);

	if (r == 0)
		r = record_read(&a->reader, &kept_daemon_record, a->kept.daemon, &a->daemon);
	if (r == 0 && a->kept.journal != NULL)
		r = record_read(&a->reader, &journal_record, a->kept.journal, &journal);
	a->first_line = journal.first;
	a->lines = journal.lines;
	if (r < 0)
		snprintf(a->why, sizeof(a->why), "the state of the daemon is not understood: %s",
		    a->reader.why);
	return r == 0;
}

/* Whose state it is, and whether what it names is there. */
static void
check_origin(struct arrival *a)
{
	pid_t expected = a->mode == ARRIVAL_TAKE ? getpid() : getppid();

	if (a->kept.pid != expected)
		snprintf(a->why, sizeof(a->why), "the state is that of process %d, and not of %d",
		    a->kept.pid, (int)expected);
	else if (a->mode == ARRIVAL_TAKE && state_fds_set_cloexec(a->fds, a->fd_count, true) < 0)
		snprintf(a->why, sizeof(a->why), "a descriptor that the state names is not open");
}

void
arrival_receive(struct arrival *a)
{
	const char *text = getenv(ARRIVAL_VARIABLE), *why;
	int fd;

	*a = (struct arrival){ .mode = ARRIVAL_NONE };
	if (text == NULL)
		return;
	fd = parse_variable(a, text);
	unsetenv(ARRIVAL_VARIABLE);
	if (fd < 0) {
		snprintf(a->why, sizeof(a->why), "%s is none of ours", ARRIVAL_VARIABLE);
		a->mode = ARRIVAL_TAKE;
		return;
	}
	a->state = state_file_read(fd, &why);
	if (a->state == NULL) {
		snprintf(a->why, sizeof(a->why), "no state of a daemon: %s", why);
		return;
	}
	a->fds = state_fds(a->state, &a->fd_count);
	if (read_parts(a))
		check_origin(a);
}

void
arrival_done(struct arrival *a)
{
	record_reader_done(&a->reader);
	json_decref(a->state);
	free(a->fds);
	*a = (struct arrival){ .mode = ARRIVAL_NONE };
	malloc_trim(0); /* it lies between what the daemon keeps */
}

void
arrival_self(const struct arrival *a, struct self *self)
{
	free(self->binary);
	free(self->directory);
	self->binary = mem_dup(a->daemon.binary);
	self->directory = a->daemon.directory != NULL ? mem_dup(a->daemon.directory) : NULL;
}

void
arrival_restore_pidfile(const struct arrival *a, struct pidfile *p, const char *path)
{
	pidfile_adopt(p, path, a->daemon.pid_fd, a->daemon.lock_fd);
}

static void
restore_journal(const struct arrival *a)
{
	if (a->first_line == 0)
		return;
	journal_go_on(a->first_line);
	KEPT_EACH(kept_line, l, &a->lines)
	{
		const struct journal_record r = {
			.wall_ms = l->wall_ms,
			.kind = (enum journal_kind)l->kind,
			.level = (enum log_level)l->level,
			.connection = l->connection,
			.service = l->service,
			.text = l->text,
		};

		journal_add(&r);
	}
}

void
arrival_restore_daemon(const struct arrival *a, struct daemon *d)
{
	const struct kept_daemon *kept = &a->daemon;

	restore_journal(a);
	d->started = (time_t)kept->started;
	d->started_ms = kept->started_ms;
	d->reloads = kept->reloads;
	d->refused_reloads = kept->refused_reloads;
	d->upgrades = kept->upgrades + 1;
	d->reload_refusal = kept->reload_refusal != NULL ? mem_dup(kept->reload_refusal) : NULL;
	KEPT_EACH(kept_name, n, &kept->forced)
	strings_add(&d->forced, n->name);
}

/* Clients who wait for the end of a program that they have asked for. */
static void
watch_runs(struct daemon *d)
{
	struct service *s;
	struct server *server;

	TAILQ_FOREACH(s, &d->runtime.services, link)
		LIST_FOREACH(server, &s->servers, in_service)
			if (server->asker != 0)
				run_watch(d, server);
}

static void
say_set_ended(const struct kept_daemon *kept)
{
	KEPT_EACH(kept_setting, s, &kept->set)
	log_info("event=set-ended %s%s%sattribute=%s "
		 "reason=\"the configuration says it again\"",
	    s->service != NULL ? "service=" : "", s->service != NULL ? s->service : "",
	    s->service != NULL ? " " : "", s->attribute);
}

void
arrival_finish(const struct arrival *a, struct daemon *d)
{
	struct client_conn *asker = NULL;

	watch_runs(d);
	say_set_ended(&a->daemon);
	if (a->daemon.asker != 0 && d->control != NULL)
		asker = client_find(d, a->daemon.asker);
	log_info("event=upgraded version=%s from=%s programs=%u", VERSION, a->kept.version,
	    d->runtime.running);
	if (asker != NULL)
		client_answer(asker, json_pack("{s:s}", "version", VERSION));
}
