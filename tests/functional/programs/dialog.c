/* SPDX-License-Identifier: MIT */
/* Serves one client by datagrams on descriptor 0: answers each with its process id and the datagram. "show" is answered with both
 * addresses, "size" and what follows with the length and the last byte, "quit" not at all. Arguments: "ignore" ends at once,
 * "hold" reads nothing and never ends, "once" ends after one answer. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char request[65536];

static void
format(char text[128], const struct sockaddr_storage *a)
{
	char host[INET6_ADDRSTRLEN] = "?";
	const struct sockaddr_in *in = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;

	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
	snprintf(text, 128, "%s %u", host, ntohs(in->sin_port)); /* in6's port lies there, too */
}

static int
show(char *answer, size_t size)
{
	struct sockaddr_storage local = { 0 }, peer = { 0 };
	socklen_t local_len = sizeof(local), peer_len = sizeof(peer);
	char here[128], there[128];

	getsockname(0, (struct sockaddr *)&local, &local_len);
	getpeername(0, (struct sockaddr *)&peer, &peer_len);
	format(here, &local);
	format(there, &peer);
	return snprintf(answer, size, "%s from %s", here, there);
}

static int
reply(size_t len, char *answer, size_t size)
{
	request[len] = '\0';
	if (strcmp(request, "show") == 0)
		return show(answer, size);
	if (strncmp(request, "size", 4) == 0)
		return snprintf(answer, size, "%zu %d", len, request[len - 1]);
	return snprintf(answer, size, "%d %s", (int)getpid(), request);
}

int
main(int argc, char **argv)
{
	const char *manner = argc > 1 ? argv[1] : "";
	char answer[1024];

	if (strcmp(manner, "ignore") == 0)
		return 3;
	while (strcmp(manner, "hold") == 0)
		pause();
	for (;;) {
		ssize_t n = recv(0, request, sizeof(request) - 1, 0);

		if (n < 0)
			return 1;
		if (n == 4 && memcmp(request, "quit", 4) == 0)
			return 0;
		n = reply((size_t)n, answer, sizeof(answer));
		if (send(1, answer, (size_t)n < sizeof(answer) ? (size_t)n : sizeof(answer) - 1,
			0) < 0)
			return 2;
		if (strcmp(manner, "once") == 0)
			return 0;
	}
}
