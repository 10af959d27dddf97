/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "control/commands.h"
#include "control/live.h"
#include "control/upgrade.h"

json_t *
cmd_upgrade(struct request *r)
{
	int error;

	if (!live_is_running(r))
		return NULL;
	error = -upgrade_begin(r->daemon, client_number(r->client));
	if (error == EBUSY)
		return request_fail(r, "busy", "an upgrade is under way");
	if (error > 0)
		return request_fail(r, "failed", "the upgrade cannot begin: %s", strerror(error));
	return REQUEST_LATER;
}
