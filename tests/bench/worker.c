/* SPDX-License-Identifier: MIT */
/* An echo that is there before its clients: worker porter|plain|shared, as the service's pool says. */
#include <errno.h>

#include "porter/worker.h"
#include "serve.h"

static int
serve(struct porter_connection *c, void *arg)
{
	(void)arg;
	echo_until_end(c->fd, c->fd);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "porter") == 0)
		return porter_serve(PORTER_CHANNEL, serve, NULL) < 0;
	if (strcmp(argv[1], "plain") == 0)
		serve_passed(PORTER_CHANNEL);
	else if (strcmp(argv[1], "shared") == 0)
		serve_accepted(0);
	else
		return 2;
	return 0;
}
