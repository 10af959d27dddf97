/* SPDX-License-Identifier: MIT */
/* Clients of a line echo on loopback: line_clients PORT AT_A_TIME EACH
 * AT_A_TIME processes side by side make EACH connections one after another. On every connection each of a few lines,
 * which no other connection sends, has to come back as it is, and then the end. Exit status 0 if all did. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES     3
#define TIMEOUT_S 20

static void
give_up(const char *what)
{
	perror(what);
	exit(1);
}

static int
connect_to(int port)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		give_up("socket");
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		give_up("connect");
	return fd;
}

/* Sends one line and reads exactly it. */
static void
converse(int fd, int number, int line)
{
	char sent[100], got[100];
	int len = snprintf(
	    sent, sizeof(sent), "line %d of connection %d of %d\n", line, number, getpid());

	if (send(fd, sent, (size_t)len, MSG_NOSIGNAL) != len)
		give_up("send");
	if (recv(fd, got, (size_t)len, MSG_WAITALL) != len)
		give_up("recv");
	if (memcmp(sent, got, (size_t)len) != 0) {
		fprintf(stderr, "sent: %sgot: %.*s\n", sent, len, got);
		exit(1);
	}
}

static void
be_client(int port, int each)
{
	for (int i = 0; i < each; i++) {
		int fd = connect_to(port);
		char rest;

		for (int line = 0; line < LINES; line++)
			converse(fd, i, line);
		if (shutdown(fd, SHUT_WR) < 0 || recv(fd, &rest, 1, 0) != 0)
			give_up("end of the connection");
		close(fd);
	}
	exit(0);
}

int
main(int argc, char **argv)
{
	int failed = 0, status;

	if (argc != 4)
		return 2;
	for (int i = 0; i < atoi(argv[2]); i++) {
		pid_t pid = fork();

		if (pid < 0)
			give_up("fork");
		if (pid == 0)
			be_client(atoi(argv[1]), atoi(argv[3]));
	}
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			failed = 1;
	return failed;
}
