/* SPDX-License-Identifier: MIT */
#include "run/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "conf/config.h"
#include "launch/start.h"
#include "net/drain.h"
#include "policy/ban.h"
#include "run/address_files.h"
#include "run/dialog.h"
#include "run/leftover.h"
#include "run/lobby.h"
#include "run/mux.h"
#include "run/network_watch.h"
#include "run/service.h"
#include "run/stderr_log.h"

/* Descriptors that the daemon keeps for itself, its logs and its listeners beyond those of programs. */
#define RESERVED_DESCRIPTORS 128UL
/* The part of all descriptors that pipes of standard error may take. */
#define STDERR_PART          4

static void
say_stuck(void *arg, pid_t pid)
{
	const struct runtime *rt = arg;
	const struct server *server = servers_find(rt->servers, pid);

	log_warn(
	    "event=start-stuck service=%s pid=%d action=kill reason=\"it has not become its program\"",
	    server != NULL ? server->service->conf->id : "", (int)pid);
}

void
runtime_init(struct runtime *rt, struct loop *loop, const struct listener_handler *handler,
    const struct origin *origin)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);

	*rt = (struct runtime){ .loop = loop, .handler = handler, .origin = *origin };
	TAILQ_INIT(&rt->services);
	rt->servers = servers_new(RUNTIME_MOST_SERVERS);
	rt->starts = starts_new(loop, say_stuck, rt);
	rt->max_servers = RUNTIME_MOST_SERVERS;
	rt->drains = drains_new(loop);
	rt->leftovers = leftovers_new(loop, rt->servers, rt->drains);
	rt->null_fd = fd;
	if (rt->null_fd < 0)
		log_fatal("event=start-refused path=/dev/null error=\"%s\"", strerror(errno));
	rt->lobby = lobby_new(rt);
	reaper_init(rt);
	stderr_log_init(loop);
}

void
runtime_done(struct runtime *rt)
{
	stderr_log_close_all();
	network_watch_close(rt);
	leftovers_free(rt->leftovers);
	mux_free(rt->mux);
	drains_free(rt->drains);
	dialogs_free(rt->dialogs);
	reaper_done(rt);
	starts_free(rt->starts);
	servers_free(rt->servers);
	bans_free(rt->bans);
	lobby_free(rt->lobby);
	address_files_free(rt->files);
	close(rt->null_fd);
}

void
runtime_set_max_servers(struct runtime *rt, unsigned configured)
{
	unsigned possible = RUNTIME_MOST_SERVERS;
	struct rlimit nofile;

	if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
		nofile.rlim_cur = 1024;
	if (nofile.rlim_cur < possible + RESERVED_DESCRIPTORS)
		possible = nofile.rlim_cur > RESERVED_DESCRIPTORS
			       ? (unsigned)(nofile.rlim_cur - RESERVED_DESCRIPTORS)
			       : 1;
	rt->max_servers = configured < possible ? configured : possible;
	nofile.rlim_cur /= STDERR_PART;
	stderr_log_set_most(nofile.rlim_cur < UINT_MAX ? (unsigned)nofile.rlim_cur : UINT_MAX);
	if (configured != CONF_UNLIMITED && configured > possible)
		log_warn(
		    "event=limit-clamped max_servers=%u configured=%u reason=\"limit of open files\"",
		    possible, configured);
	else if (configured == CONF_UNLIMITED)
		log_info("event=limit max_servers=%u reason=\"limit of open files\"", possible);
}
