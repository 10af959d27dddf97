/* SPDX-License-Identifier: MIT */
#include "control/departure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/journal.h"
#include "base/mem.h"
#include "conf/attr.h"
#include "conf/override.h"
#include "control/arrival.h"
#include "control/control.h"
#include "control/daemon.h"
#include "control/notify.h"
#include "control/pidfile.h"
#include "launch/start.h"
#include "run/service.h"
#include "upgrade/save.h"
#include "upgrade/state_file.h"

static json_t *
save_forced(const struct strings *forced)
{
	json_t *j = json_array();

	for (size_t i = 0; i < forced->count; i++) {
		const struct kept_name kept = { forced->item[i] };

		json_array_append_new(j, record_write(&kept_name_record, &kept));
	}
	return j;
}

static void
add_setting(json_t *list, const char *service, const char *attribute)
{
	const struct kept_setting kept = { service, attribute };

	json_array_append_new(list, record_write(&kept_setting_record, &kept));
}

static json_t *
save_set(const struct daemon *d)
{
	json_t *j = json_array();
	const struct service *s;
	const struct attr *a;

	if (d->has_set_limit)
		add_setting(j, NULL, "max_servers");
	TAILQ_FOREACH(s, &d->runtime.services, link) {
		size_t at = 0;

		while ((a = override_next(s->conf, &at)) != NULL)
			add_setting(j, s->conf->id, a->name);
	}
	return j;
}

static json_t *
save_daemon(const struct daemon *d, uint64_t asker)
{
	const struct pidfile *p = d->options.pidfile;
	const struct kept_daemon kept = {
		.binary = d->options.self->binary,
		.directory = d->options.self->directory,
		.notify_path = notify_path(),
		.pid_fd = p != NULL ? p->fd : -1,
		.lock_fd = p != NULL ? p->lock_fd : -1,
		.started = d->started,
		.started_ms = d->started_ms,
		.reloads = d->reloads,
		.refused_reloads = d->refused_reloads,
		.upgrades = d->upgrades,
		.reload_refusal = d->reload_refusal,
		.asker = asker,
		.forced.json = save_forced(&d->forced),
		.set.json = save_set(d),
	};

	return record_write(&kept_daemon_record, &kept);
}

static json_t *
save_journal(void)
{
	json_t *lines = json_array();
	struct journal_record r;
	uint64_t at = 0, lost = 0, first = 0;

	while (journal_read(&at, &r, &lost)) {
		const struct kept_line kept = {
			.wall_ms = r.wall_ms,
			.kind = (int)r.kind,
			.level = (int)r.level,
			.connection = r.connection,
			.service = r.service,
			.text = r.text,
		};

		if (first == 0)
			first = r.seq;
		json_array_append_new(lines, record_write(&kept_line_record, &kept));
	}
	return json_pack("{s:I, s:o}", "first", (json_int_t)first, "lines", lines);
}

static json_t *
save(struct daemon *d, uint64_t asker)
{
	const struct save_parts parts = {
		.daemon = save_daemon(d, asker),
		.control = control_save(d->control),
		.journal = save_journal(),
	};

	return save_state(&d->runtime, &parts);
}

int
departure_state(struct daemon *d, uint64_t asker, json_t **state)
{
	json_t *j = save(d, asker);
	int fd = state_file_new(j);

	if (state != NULL && fd >= 0)
		*state = j;
	else
		json_decref(j);
	return fd;
}

char **
departure_environment(const char *mode, int state_fd)
{
	size_t count = 0;
	char **env;

	while (environ[count] != NULL)
		count++;
	env = mem_array(count + 2, sizeof(*env));
	memcpy(env, environ, count * sizeof(*env));
	env[count] = mem_format(ARRIVAL_VARIABLE "=%s:%d", mode, state_fd);
	return env;
}

static void
free_environment(char **env)
{
	size_t last = 0;

	while (env[last + 1] != NULL)
		last++;
	free(env[last]);
	free(env);
}

/* A timer of ours would outlive the exec, and its signal would end the new binary. */
static int
exec(const struct daemon *d, int state_fd)
{
	const struct self *self = d->options.self;
	const struct itimerval none = { 0 };
	char **env = departure_environment("take", state_fd);
	struct itimerval timer;
	int r;

	setitimer(ITIMER_REAL, &none, &timer);
	execve(self->binary, self->argv, env);
	r = -errno;
	setitimer(ITIMER_REAL, &timer, NULL);
	free_environment(env);
	return r;
}

/* What is in the state must be fit to come back. */
static int
check(const json_t *state)
{
	struct record_reader reader = { 0 };
	struct kept kept;
	int r = kept_read(&reader, state, &kept);

	if (r < 0)
		log_error("event=upgrade-failed reason=\"%s\"", reader.why);
	record_reader_done(&reader);
	return r;
}

static int
leave(const struct daemon *d, json_t *state, int state_fd)
{
	size_t count;
	int *fds = state_fds(state, &count);
	int r = check(state);

	if (r == 0)
		r = state_fds_set_cloexec(fds, count, false);
	if (r == 0)
		r = fcntl(state_fd, F_SETFD, 0) < 0 ? -errno : exec(d, state_fd);
	state_fds_set_cloexec(fds, count, true);
	free(fds);
	return r;
}

int
departure_exec(struct daemon *d, uint64_t asker)
{
	json_t *state = NULL;
	int fd, r;

	log_info("event=upgrading binary=%s", d->options.self->binary);
	notify_reloading();
	starts_leave(d->runtime.starts);
	sink_flush_all();
	fd = departure_state(d, asker, &state);
	if (fd < 0)
		r = fd;
	else {
		r = leave(d, state, fd);
		close(fd);
	}
	json_decref(state);
	notify_send("READY=1");
	return r;
}
