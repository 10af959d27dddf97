/* SPDX-License-Identifier: MIT */
/* An echo as a worker of porterd, with libporter: cc echo_library.c $(pkg-config --cflags --libs porter) */
#include <porter/worker.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
echo(struct porter_connection *c, void *arg)
{
	char data[65536];
	ssize_t len;

	(void)arg;
	while ((len = read(c->fd, data, sizeof(data))) > 0) {
		if (write(c->fd, data, (size_t)len) != len)
			return 1; /* The client has gone: nobody else is to suffer for it. */
	}
	return len < 0;
}

int
main(void)
{
	int r = porter_serve(PORTER_CHANNEL, echo, NULL);

	if (r < 0)
		fprintf(stderr,
		    "echo_library: descriptor 0 is no channel of porterd (%s): this program is a worker, for a service "
		    "with pool = dynamic\n",
		    strerror(-r));
	return r < 0;
}
