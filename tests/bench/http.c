/* SPDX-License-Identifier: MIT */
/* The smallest answer to a request of HTTP on standard input, for clients that others wrote. */
#include <string.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.0 200 OK\r\n"
			     "Content-Type: text/plain\r\n"
			     "Content-Length: 3\r\n"
			     "Connection: close\r\n"
			     "\r\n"
			     "ok\n";

int
main(void)
{
	char head[4096];
	size_t len = 0;
	ssize_t n;

	do {
		n = read(STDIN_FILENO, head + len, sizeof(head) - len);
		if (n <= 0)
			return 1;
		len += (size_t)n;
	} while (memmem(head, len, "\r\n\r\n", 4) == NULL);
	return write(STDOUT_FILENO, answer, sizeof(answer) - 1) < 0;
}
