/* SPDX-License-Identifier: MIT */
#include "front/personality.h"

#include <string.h>

#include "base/mem.h"
#include "front/settings.h"

/* The first one is taken where no name fits. */
static const struct personality personalities[] = {
	{
	    .name = "porterd",
	    .usage = "[-F] [-f FILE | --inetd [FILE...]] [options]",
	    .options = &porterd_options,
	    .style = OPTIONS_LETTERS,
	    .usage_status = EXIT_USAGE,
	    .config = CONFIG_FILE,
	    .rundir = RUN_DIR,
	    .control = RUN_DIR "/control",
	    .pid_name = "pid",
	    .dump_name = "dump",
	    .manner = DAEMON_PORTERD,
	},
	{
	    .name = "xinetd",
	    .usage = "[-d] [-f FILE] [-filelog FILE | -syslog FACILITY] [options]",
	    .options = &xinetd_options,
	    .style = OPTIONS_WORDS,
	    .usage_status = EXIT_ERRORS,
	    .config = "/etc/xinetd.conf",
	    .needs_services = true,
	    .rundir = "/var/run",
	    .control = RUN_DIR "/control",
	    .pid_name = "xinetd.pid",
	    .dump_name = "xinetd.dump",
	    .manner = DAEMON_XINETD,
	},
	{
	    .name = "inetd",
	    .usage = "[-di] [-c N] [-C N] [-R N] [-s N] [-a ADDRESS] [-p FILE] [FILE...]",
	    .options = &inetd_options,
	    .style = OPTIONS_LETTERS,
	    .usage_status = EXIT_ERRORS,
	    .config = INETD_CONFIG,
	    .reads_inetd = true,
	    .rundir = "/var/run",
	    .control = RUN_DIR "/control",
	    .pid_name = "inetd.pid",
	    .dump_name = "inetd.dump",
	    .manner = DAEMON_INETD,
	},
};

const struct personality *
personality_find(const char *argv0)
{
	const char *slash = argv0 != NULL ? strrchr(argv0, '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argv0 != NULL ? argv0 : "";

	for (size_t i = 0; i < ARRAY_LEN(personalities); i++)
		if (strcmp(personalities[i].name, name) == 0)
			return &personalities[i];
	return &personalities[0];
}
