/* SPDX-License-Identifier: MIT */
#include "control/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static struct sockaddr_un address;
static socklen_t address_len;
static char address_path[sizeof(address.sun_path) + 1]; /* as it was given */

void
notify_use(const char *path)
{
	size_t len = path != NULL ? strlen(path) : 0;

	if (len > 1 && len < sizeof(address.sun_path) && (path[0] == '/' || path[0] == '@')) {
		address.sun_family = AF_UNIX;
		memcpy(address.sun_path, path, len);
		address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
		if (path[0] == '@')
			address.sun_path[0] = '\0'; /* an abstract name */
		memcpy(address_path, path, len + 1);
	}
}

void
notify_init(void)
{
	notify_use(getenv("NOTIFY_SOCKET"));
	unsetenv("NOTIFY_SOCKET");
}

const char *
notify_path(void)
{
	return address_len != 0 ? address_path : NULL;
}

void
notify_send(const char *text)
{
	int fd;

	if (address_len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
			  (struct sockaddr *)&address, address_len) < 0)
		log_warn("event=notify-failed error=\"%s\"", strerror(errno));
	if (fd >= 0)
		close(fd);
}

void
notify_reloading(void)
{
	struct timespec ts;
	char text[80];

	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	notify_send(text);
}
