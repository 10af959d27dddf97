/* SPDX-License-Identifier: MIT */
/* porterd: what it gets from whoever started it, then what it was asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "conf/names.h"
#include "control/arrival.h"
#include "control/notify.h"
#include "front/front.h"
#include "front/personality.h"
#include "net/inherit.h"
#include "serve/builtin.h"
#include "upgrade/restore.h"

/* What the daemon keeps is numbered from 64. */
#define LEAST_DESCRIPTORS 128ULL

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

static int
serve(const struct settings *s, const struct arrival *arrival, const struct origin *origin)
{
	char *path;
	int status;

	if (origin->nofile.rlim_max < LEAST_DESCRIPTORS) {
		fprintf(stderr,
		    "%s: the limit of open files is %llu, at least %llu are needed; raise it (ulimit -n)\n",
		    s->personality->name, (unsigned long long)origin->nofile.rlim_max,
		    LEAST_DESCRIPTORS);
		return EXIT_ERRORS;
	}
	if (arrival->mode == ARRIVAL_NONE) {
		inherit_take(s->inherited);
		notify_init();
	}
	if (arrival->mode != ARRIVAL_TRIAL)
		return front_serve(s, origin);
	path = settings_config_path(s);
	status = arrival_answer(arrival, &s->load, path);
	free(path);
	return status;
}

int
main(int argc, char **argv)
{
	struct lookup lookup = lookup_system;
	struct settings s = { 0 };
	struct arrival arrival;
	struct origin origin;
	int status;

	if (argc > 0 && strcmp(argv[0], NAMES_PROGRAM) == 0)
		return names_serve(STDIN_FILENO, argc, argv);
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
	settings_read(&s, argc, argv);
	/* Those who read the system log look for the name that they know. */
	output_name(s.personality->name);
	if (s.mode == MODE_CONVERT)
		status = front_convert(&s);
	else if (s.mode != MODE_SERVE)
		status = front_check(&s);
	else
		status = serve(&s, &arrival, &origin);
	settings_done(&s);
	arrival_done(&arrival);
	return status;
}
