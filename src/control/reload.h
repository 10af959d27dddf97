/* SPDX-License-Identifier: MIT */
/* Another configuration for the running daemon, all or nothing. When it is loaded, and for whom: see loading.h. */
#ifndef CONTROL_RELOAD_H
#define CONTROL_RELOAD_H

#include <stdbool.h>

#include "conf/config.h"
#include "reload/apply.h"

struct daemon;

struct reload_result {
	bool is_done;                /* false: refused, and nothing was changed */
	const char *refusal;         /* why; NULL if it was done */
	struct config *config;       /* what was loaded: places point into it */
	struct problems problems;    /* all that was found in it */
	struct apply_result applied; /* of one that was done */
};

/* Takes what was loaded in place of what runs, or refuses it: for the reason that is there already, or for its problems. same: see
 * apply_config. */
void daemon_finish_reload(struct daemon *d, struct reload_result *result, const struct same *same);
void reload_result_done(struct reload_result *result);

/* Loads the configuration with what persons have enabled, here and now, and changes nothing. One reference is the caller's. */
struct config *daemon_load(struct daemon *d, struct problems *problems);
/* Why a configuration with these problems is not taken in place of the running one; NULL: it is. */
const char *reload_refusal(const struct problems *problems);

/* The parts of a start. */

/* A person who starts the daemon gets lines with carets, the log one line a problem. */
void daemon_say_problems(struct daemon *d, const struct problems *problems, bool is_start);
/* Opens the logs that the configuration names, in place of those that are open. */
void daemon_open_logs(struct daemon *d, const struct config *config);
/* Takes the reference; the configuration before is let go. */
void daemon_take_config(struct daemon *d, struct config *config);

#endif
