/* SPDX-License-Identifier: MIT */
#include "launch/traffic.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/* States of a connection whose client has said its last word, as of the kernel's net/tcp_states.h. */
enum {
	STATE_TIME_WAIT = 6,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LAST_ACK = 9,
	STATE_CLOSING = 11
};

/* The kernel counts the FIN with the bytes that it has received. A connection that is closed has had one as well, unless it
 * was reset, which cannot be told by now: the last byte of such a one is not counted. */
static bool
has_fin(unsigned state)
{
	static const unsigned states = 1u << STATE_TIME_WAIT | 1u << STATE_CLOSE |
				       1u << STATE_CLOSE_WAIT | 1u << STATE_LAST_ACK |
				       1u << STATE_CLOSING;

	return state < 32 && (states & 1u << state) != 0;
}

bool
traffic_read(int fd, struct traffic *t)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
	    len < offsetof(struct tcp_info, tcpi_bytes_retrans) + sizeof(info.tcpi_bytes_retrans))
		return false;
	t->in = info.tcpi_bytes_received;
	if (t->in > 0 && has_fin(info.tcpi_state))
		t->in--;
	/* Acknowledged or on the way, and what still waits for its turn; unlike the acknowledged bytes alone this does not
	 * depend on how far the client is. */
	t->out = info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
	return true;
}
