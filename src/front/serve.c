/* SPDX-License-Identifier: MIT */
/* The daemon's own files, its way into the background, its start and end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "control/arrival.h"
#include "control/background.h"
#include "control/daemon.h"
#include "control/pidfile.h"
#include "front/front.h"
#include "front/personality.h"

/* What pidfile_open refuses, in words of pid files. */
static const struct {
	int error;
	const char *reason;
} pidfile_refusals[] = {
	{ EINVAL, "it is no regular file" },
	{ EISDIR, "it is a directory" },
	{ ELOOP, "it is a symbolic link" },
	{ EMLINK, "it has a second name (hard link)" },
	{ EPERM, "it belongs to another user" },
};

static const char *
pidfile_reason(int error)
{
	for (size_t i = 0; i < ARRAY_LEN(pidfile_refusals); i++)
		if (pidfile_refusals[i].error == error)
			return pidfile_refusals[i].reason;
	return strerror(error);
}

/* True if the pid file is ours; the reason for false is said. */
static bool
hold_pidfile(const struct settings *s, struct pidfile *p, const char *path)
{
	const char *name = s->personality->name;
	int r = pidfile_open(p, path);

	if (r == 0)
		return true;
	if (r == -EWOULDBLOCK)
		fprintf(stderr,
		    "%s: another porterd holds %s, its pid is %d; stop it first, or use another --pidfile\n",
		    name, path, (int)pidfile_read(path));
	else
		fprintf(stderr,
		    "%s: pid file %s: %s; name another place with --pidfile or --rundir\n", name,
		    p->lock_fd < 0 ? p->lock_path : path, pidfile_reason(-r));
	pidfile_remove(p);
	return false;
}

/* A daemon of before has left its files open and locked. */
static bool
has_place(const struct settings *s, struct pidfile *p, const char *path)
{
	if (s->arrival == NULL)
		return hold_pidfile(s, p, path);
	arrival_restore_pidfile(s->arrival, p, path);
	return true;
}

/* Everything between the pid file and the end. */
static int
run_daemon(
    const struct settings *s, const struct daemon_options *options, const struct origin *origin)
{
	struct daemon d;
	int status = EXIT_ERRORS, r;

	if (daemon_start(&d, options, origin) == 0) {
		status = EXIT_OK;
		r = options->pidfile != NULL && s->arrival == NULL
			? pidfile_write(options->pidfile, getpid())
			: 0;
		if (r < 0)
			log_warn("event=pidfile-failed error=\"%s\"", strerror(-r));
		if (!s->is_foreground)
			daemon_leave_terminal(&d);
		if (!s->is_foreground && s->arrival == NULL)
			background_release(EXIT_OK);
		if (s->arrival != NULL)
			arrival_done(s->arrival); /* as long as the daemon runs, nobody needs it */
		daemon_run(&d);
	}
	daemon_done(&d);
	return status;
}

/* Where the daemon puts what is its own. */
struct places {
	char *rundir, *config, *dump, *pid;
	char *control; /* NULL: no control socket is wanted */
};

static void
find_places(struct places *p, const struct settings *s)
{
	const struct personality *as = s->personality;

	p->rundir = self_absolute(&s->self, s->rundir != NULL ? s->rundir : as->rundir);
	p->config = settings_config_path(s);
	p->dump = mem_format("%s/%s", p->rundir, as->dump_name);
	p->pid = s->pidfile != NULL ? self_absolute(&s->self, s->pidfile)
				    : mem_format("%s/%s", p->rundir, as->pid_name);
	if (s->control != NULL)
		p->control =
		    strcmp(s->control, "none") == 0 ? NULL : self_absolute(&s->self, s->control);
	else if (s->rundir != NULL)
		p->control = mem_format("%s/control", p->rundir);
	else
		p->control = mem_dup(as->control);
}

static void
forget_places(struct places *p)
{
	free(p->rundir);
	free(p->config);
	free(p->dump);
	free(p->pid);
	free(p->control);
}

static void
say_notes(const struct settings *s)
{
	for (size_t i = 0; s->arrival == NULL && i < s->notes.count; i++)
		fprintf(stderr, "%s: %s\n", s->personality->name, s->notes.item[i]);
}

/* What is written there says so if it is not there. */
static void
make_directories(const struct settings *s, const struct places *p)
{
	(void)!mkdir(p->rundir, 0755);
	if (s->rundir == NULL && s->control == NULL)
		(void)!mkdir(RUN_DIR, 0755);
}

int
front_serve(const struct settings *s, const struct origin *origin)
{
	bool has_pidfile = !s->is_foreground || s->pidfile != NULL;
	struct pidfile pidfile;
	struct places p;
	int status = EXIT_ERRORS;

	find_places(&p, s);
	struct daemon_options options = { .config_path = p.config,
		.dump_path = p.dump,
		.control_path = p.control,
		.is_foreground = s->is_foreground,
		.needs_services = s->needs_services,
		.manner = s->personality->manner,
		.self = &s->self,
		.arrival = s->arrival,
		.load = s->load };
	say_notes(s);
	if (!s->is_foreground && s->arrival == NULL)
		background_start();
	make_directories(s, &p);
	if (has_pidfile && has_place(s, &pidfile, p.pid))
		options.pidfile = &pidfile;
	if (!has_pidfile || options.pidfile != NULL)
		status = run_daemon(s, &options, origin);
	forget_places(&p);
	return status;
}
