/* SPDX-License-Identifier: MIT */
/* A UDP service with wait = yes: gets the socket on descriptor 0, answers each datagram in capitals, and ends after some
 * idle seconds (the first argument, 10 if missing); porterd then watches the socket again. */
#include <ctype.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

int
main(int argc, char **argv)
{
	int idle_ms = (argc > 1 ? atoi(argv[1]) : 10) * 1000;
	struct pollfd socket = { .fd = 0, .events = POLLIN };
	unsigned char text[65536];

	while (poll(&socket, 1, idle_ms) > 0) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(
		    0, text, sizeof(text), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		for (ssize_t i = 0; i < len; i++)
			text[i] = (unsigned char)toupper(text[i]);
		if (len >= 0)
			sendto(0, text, (size_t)len, 0, (struct sockaddr *)&from, from_len);
	}
	return 0;
}
