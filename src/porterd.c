/* SPDX-License-Identifier: MIT */
/* porterd: options, start order, stop order. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/help.h"
#include "control/arrival.h"
#include "control/background.h"
#include "control/daemon.h"
#include "control/notify.h"
#include "control/pidfile.h"
#include "control/self.h"
#include "run/builtin.h"
#include "run/inherit.h"
#include "upgrade/restore.h"

enum { EXIT_OK = 0, EXIT_ERRORS = 1, EXIT_USAGE = 2 };

/* What the daemon keeps is numbered from 64. */
#define LEAST_DESCRIPTORS 128ULL

enum mode { MODE_SERVE, MODE_CHECK, MODE_DUMP };

struct settings {
	enum mode mode;
	bool is_foreground;
	const char *config, *pidfile, *rundir, *control;
	struct load_options load;
	struct self self;
	unsigned inherited;      /* sockets that came with it */
	struct arrival *arrival; /* in place of another daemon; NULL: it starts anew */
};

enum { OPT_CHECK = 256, OPT_DUMP, OPT_ATTRIBUTES, OPT_PIDFILE, OPT_RUNDIR, OPT_CONTROL, OPT_TRUST };

static const struct option_row {
	const char *name;
	int value;
	int has_arg;
	const char *arg;
	const char *text;
} option_rows[] = {
	{ "config", 'f', required_argument, "FILE",
	    "main configuration file (default " CONFIG_FILE ")" },
	{ "foreground", 'F', no_argument, NULL,
	    "stay in the foreground, log to standard error as well" },
	{ "check", OPT_CHECK, no_argument, NULL,
	    "print what is wrong with the configuration, and end: 0 no errors, 1 errors" },
	{ "dump", OPT_DUMP, no_argument, NULL, "print the effective configuration, and end" },
	{ "help-attributes", OPT_ATTRIBUTES, optional_argument, "mdoc",
	    "print the table of attributes, and end" },
	{ "pidfile", OPT_PIDFILE, required_argument, "FILE",
	    "default: pid in the run directory; in the foreground none" },
	{ "rundir", OPT_RUNDIR, required_argument, "DIR",
	    "for pid file, control socket and state dump (default " RUN_DIR ")" },
	{ "control", OPT_CONTROL, required_argument, "PATH",
	    "control socket, or none (default: control in the run directory)" },
	{ "trust-owner", OPT_TRUST, required_argument, "USER",
	    "as root, read configuration that belongs to USER, too" },
	{ "debug", 'd', no_argument, NULL, "log debug messages, too" },
	{ "version", 'V', no_argument, NULL, "print the version, and end" },
	{ "help", 'h', no_argument, NULL, "print this list, and end" },
};

static void
print_help(FILE *out)
{
	fputs("usage: porterd [-F] [-f FILE] [options]\n", out);
	for (size_t i = 0; i < ARRAY_LEN(option_rows); i++) {
		const struct option_row *r = &option_rows[i];
		char left[48];
		const char *before = r->arg == NULL                    ? ""
				     : r->has_arg == optional_argument ? "[="
								       : " ";

		snprintf(left, sizeof(left), "--%s%s%s%s", r->name, before,
		    r->arg != NULL ? r->arg : "", r->has_arg == optional_argument ? "]" : "");
		if (r->value < 256)
			fprintf(out, "  -%c, %-26s %s\n", r->value, left, r->text);
		else
			fprintf(out, "      %-26s %s\n", left, r->text);
	}
}

static _Noreturn void
usage_error(const char *text, const char *arg)
{
	fprintf(stderr, "porterd: %s%s; see porterd --help\n", text, arg);
	exit(EXIT_USAGE);
}

/* What getopt_long found: ':' is a value that is missing. */
static _Noreturn void
option_error(int found, const char *word)
{
	const char letter[] = { '-', (char)optopt, '\0' };

	if (found == ':')
		usage_error("a value is missing behind ", word);
	if (optopt >= 256 || (optopt != 0 && strncmp(word, "--", 2) == 0))
		usage_error("an option that takes no value: ", word);
	usage_error("there is no option ", optopt != 0 ? letter : word);
}

static void
trust(struct settings *s, const char *name)
{
	const struct passwd *pw = getpwnam(name);
	char *end;
	unsigned long uid = strtoul(name, &end, 10);

	if (pw == NULL && (*name < '0' || *name > '9' || *end != '\0' || uid >= UINT_MAX))
		usage_error("no such user: ", name);
	if (s->load.trust.owner_count == ARRAY_LEN(s->load.trust.owners))
		usage_error("--trust-owner is given too often", "");
	s->load.trust.owners[s->load.trust.owner_count++] = pw != NULL ? pw->pw_uid : (uid_t)uid;
}

static _Noreturn void
print_attributes(const char *format)
{
	if (format == NULL)
		attr_help(stdout);
	else if (strcmp(format, "mdoc") == 0)
		attr_help_mdoc(stdout);
	else
		usage_error("no such format of the attributes: ", format);
	exit(fflush(stdout) == 0 ? EXIT_OK : EXIT_ERRORS);
}

static void
take_option(struct settings *s, int option)
{
	switch (option) {
	case 'f':
		s->config = optarg;
		break;
	case 'F':
		s->is_foreground = true;
		break;
	case 'd':
		log_set_level(LOG_LEVEL_DEBUG);
		break;
	case OPT_CHECK:
		s->mode = MODE_CHECK;
		break;
	case OPT_DUMP:
		s->mode = MODE_DUMP;
		break;
	case OPT_ATTRIBUTES:
		print_attributes(optarg);
	case OPT_PIDFILE:
		s->pidfile = optarg;
		break;
	case OPT_RUNDIR:
		s->rundir = optarg;
		break;
	case OPT_CONTROL:
		s->control = optarg;
		break;
	case OPT_TRUST:
		trust(s, optarg);
		break;
	case 'V':
		puts("porterd " VERSION);
		exit(EXIT_OK);
	case 'h':
		print_help(stdout);
		exit(EXIT_OK);
	}
}

static void
read_options(struct settings *s, int argc, char **argv)
{
	struct option longs[ARRAY_LEN(option_rows) + 1] = { 0 };
	int option;

	for (size_t i = 0; i < ARRAY_LEN(option_rows); i++)
		longs[i] = (struct option){ option_rows[i].name, option_rows[i].has_arg, NULL,
			option_rows[i].value };
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":f:FdVh", longs, NULL)) != -1) {
		if (option == '?' || option == ':')
			option_error(option, argv[optind - 1]);
		take_option(s, option);
	}
	if (optind < argc)
		usage_error("an argument too many: ", argv[optind]);
}

/* Paths must mean the same after the daemon has left the directory it was started in. */
static char *
absolute(const struct settings *s, const char *path)
{
	return self_absolute(&s->self, path);
}

/* For a person who asks; programs look at the exit status. */
static void
say_summary(const struct config *config, const struct problems *problems)
{
	size_t served = 0, off = 0;

	for (size_t i = 0; i < config->count; i++) {
		served += config->services[i]->state == CONF_OK;
		off += config->services[i]->state == CONF_DISABLED;
	}
	fflush(stdout);
	fprintf(stderr,
	    "porterd: %zu services to serve, %zu off, %zu left out; errors: %zu, warnings: %zu, notes: %zu\n",
	    served, off, config->count - served - off, problems->by_severity[SEVERITY_ERROR],
	    problems->by_severity[SEVERITY_WARNING], problems->by_severity[SEVERITY_NOTE]);
}

static int
check(const struct settings *s, const char *config_path)
{
	struct problems problems = { 0 };
	struct config *config = config_load(config_path, &s->load, &problems);
	int status;

	problems_print(&problems, s->mode == MODE_CHECK ? stdout : stderr);
	if (s->mode == MODE_DUMP)
		config_dump(config, stdout);
	else if (isatty(STDERR_FILENO))
		say_summary(config, &problems);
	status =
	    problems.by_severity[SEVERITY_ERROR] > 0 || fflush(stdout) != 0 ? EXIT_ERRORS : EXIT_OK;
	config_unref(config);
	problems_done(&problems);
	return status;
}

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
hold_pidfile(struct pidfile *p, const char *path)
{
	int r = pidfile_open(p, path);

	if (r == 0)
		return true;
	if (r == -EWOULDBLOCK)
		fprintf(stderr,
		    "porterd: another porterd holds %s, its pid is %d; stop it first, or use another --pidfile\n",
		    path, (int)pidfile_read(path));
	else
		fprintf(stderr,
		    "porterd: pid file %s: %s; name another place with --pidfile or --rundir\n",
		    p->lock_fd < 0 ? p->lock_path : path, pidfile_reason(-r));
	pidfile_remove(p);
	return false;
}

/* A daemon of before has left its files open and locked. */
static bool
has_place(const struct settings *s, struct pidfile *p, const char *path)
{
	if (s->arrival == NULL)
		return hold_pidfile(p, path);
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

/* Heap; NULL: no control socket is wanted. */
static char *
control_path_of(const struct settings *s, const char *rundir)
{
	if (s->control == NULL)
		return mem_format("%s/control", rundir);
	return strcmp(s->control, "none") == 0 ? NULL : absolute(s, s->control);
}

static int
serve(const struct settings *s, const struct origin *origin)
{
	char *config_path = absolute(s, s->config), *rundir = absolute(s, s->rundir);
	char *dump_path = mem_format("%s/dump", rundir);
	char *pid_path =
	    s->pidfile != NULL ? absolute(s, s->pidfile) : mem_format("%s/pid", rundir);
	char *control_path = control_path_of(s, rundir);
	struct daemon_options options = { .config_path = config_path,
		.dump_path = dump_path,
		.control_path = control_path,
		.is_foreground = s->is_foreground,
		.self = &s->self,
		.arrival = s->arrival,
		.load = s->load };
	bool has_pidfile = !s->is_foreground || s->pidfile != NULL;
	struct pidfile pidfile;
	int status = EXIT_ERRORS;

	if (!s->is_foreground && s->arrival == NULL)
		background_start();
	(void)!mkdir(rundir, 0755); /* what is written there says so if it is not there */
	if (has_pidfile && has_place(s, &pidfile, pid_path))
		options.pidfile = &pidfile;
	if (!has_pidfile || options.pidfile != NULL)
		status = run_daemon(s, &options, origin);
	free(config_path);
	free(rundir);
	free(dump_path);
	free(control_path);
	free(pid_path);
	return status;
}

/* What this process gets from whoever has started it; from a daemon of before, what that one got. */
static void
take_surroundings(struct settings *s, struct arrival *arrival, struct origin *origin)
{
	if (arrival->mode == ARRIVAL_TAKE && arrival->why[0] != '\0') {
		fprintf(stderr, "porterd: the upgrade has failed: %s\n", arrival->why);
		exit(EXIT_ERRORS);
	}
	if (arrival->mode == ARRIVAL_TAKE) {
		s->arrival = arrival;
		origin_clean_but(arrival->fds, arrival->fd_count);
		restore_origin(&arrival->kept.origin, origin);
		restore_inherited(&arrival->kept.runtime);
		notify_use(arrival->daemon.notify_path);
		return;
	}
	s->inherited = arrival->mode == ARRIVAL_NONE ? inherit_announced() : 0;
	origin_clean(s->inherited);
	origin_take(origin);
}

/* The daemon, or what else was asked for. */
static int
run(struct settings *s, const struct arrival *arrival, const struct origin *origin)
{
	char *path;
	int status;

	if (s->mode == MODE_CHECK)
		s->load.is_root = true; /* most files that are checked will be served by root */
	if (s->mode != MODE_SERVE)
		return check(s, s->config);
	if (origin->nofile.rlim_max < LEAST_DESCRIPTORS) {
		fprintf(stderr,
		    "porterd: the limit of open files is %llu, at least %llu are needed; raise it (ulimit -n)\n",
		    (unsigned long long)origin->nofile.rlim_max, LEAST_DESCRIPTORS);
		return EXIT_ERRORS;
	}
	if (arrival->mode == ARRIVAL_NONE) {
		inherit_take(s->inherited);
		notify_init();
	}
	if (arrival->mode != ARRIVAL_TRIAL)
		return serve(s, origin);
	path = absolute(s, s->config);
	status = arrival_answer(arrival, &s->load, path);
	free(path);
	return status;
}

int
main(int argc, char **argv)
{
	struct lookup lookup = lookup_system;
	struct settings s = { .config = CONFIG_FILE, .rundir = RUN_DIR };
	struct arrival arrival;
	struct origin origin;
	int status;

	arrival_receive(&arrival);
	take_surroundings(&s, &arrival, &origin);
	self_take(&s.self, argv);
	if (arrival.mode != ARRIVAL_NONE && arrival.why[0] == '\0')
		arrival_self(&arrival, &s.self);
	lookup.is_builtin = builtin_exists;
	lookup.is_inherited = inherit_has;
	s.load = (struct load_options){
		.lookup = &lookup,
		.is_root = geteuid() == 0,
		.uid = geteuid(),
		.trust = { .is_checked = geteuid() == 0, .owners = { 0 }, .owner_count = 1 },
	};
	read_options(&s, argc, argv);
	status = run(&s, &arrival, &origin);
	self_done(&s.self);
	arrival_done(&arrival);
	return status;
}
