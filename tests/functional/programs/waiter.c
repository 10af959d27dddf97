/* SPDX-License-Identifier: MIT */
/* A program for wait = yes: gets the listening socket (or the datagram socket) as descriptor 0.
 *   waiter stream N [ACTION]   accepts N connections one after another, echoes one line to each as "PID line"
 *   waiter dgram N [ACTION]    answers N datagrams with "PID text", each to its sender
 * and then does ACTION, if there is one: unblock (clears O_NONBLOCK of descriptor 0), shutdown (shuts the socket
 * down), connect (connects the datagram socket to itself: it hears nobody else then), close, hold (waits until it is
 * ended), fail (exit status 3), crash. N may be 0. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
wait_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	while (poll(&pfd, 1, -1) <= 0)
		;
}

static void
serve_stream(void)
{
	char line[4096], answer[4200];
	int fd;

	do
		wait_readable(0);
	while ((fd = accept(0, NULL, NULL)) < 0);
	ssize_t n = read(fd, line, sizeof(line));
	int len = snprintf(answer, sizeof(answer), "%d %.*s", getpid(), (int)(n > 0 ? n : 0), line);
	if (write(fd, answer, (size_t)len) != len)
		exit(1);
	close(fd);
}

static void
serve_datagram(void)
{
	static char text[65536], answer[65600];
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof(peer);

	wait_readable(0);
	ssize_t n = recvfrom(0, text, sizeof(text), 0, (struct sockaddr *)&peer, &peer_len);
	if (n < 0)
		return;
	int len = snprintf(answer, sizeof(answer), "%d %.*s", getpid(), (int)n, text);
	if (sendto(0, answer, (size_t)len, 0, (struct sockaddr *)&peer, peer_len) != len)
		exit(1);
}

static int
connect_to_itself(void)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);

	if (getsockname(0, (struct sockaddr *)&own, &len) < 0)
		return 1;
	return connect(0, (struct sockaddr *)&own, len) < 0;
}

static int
act(const char *action)
{
	if (strcmp(action, "unblock") == 0)
		return fcntl(0, F_SETFL, fcntl(0, F_GETFL) & ~O_NONBLOCK) < 0;
	if (strcmp(action, "shutdown") == 0)
		return shutdown(0, SHUT_RDWR) < 0;
	if (strcmp(action, "connect") == 0)
		return connect_to_itself();
	if (strcmp(action, "close") == 0)
		return close(0) < 0;
	if (strcmp(action, "fail") == 0)
		return 3;
	if (strcmp(action, "crash") == 0)
		abort();
	while (strcmp(action, "hold") == 0)
		pause();
	return 2;
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	for (int left = atoi(argv[2]); left > 0; left--)
		if (strcmp(argv[1], "stream") == 0)
			serve_stream();
		else
			serve_datagram();
	return argc > 3 ? act(argv[3]) : 0;
}
