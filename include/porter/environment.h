/* SPDX-License-Identifier: MIT */
/*
 * Names of the environment variables that porterd gives to the programs it starts.
 *
 * They are set after the inherited variables (PATH, TZ, LANG, LC_*), after passenv and after env,
 * and win over all of them. A variable whose value is not known is absent: over TCP a program with
 * wait = yes learns nothing of a peer, over UDP it learns who sent the first datagram, and a unix
 * socket has no peer address. Nothing of the client's stands in a value but its numeric address and
 * port. IPv4 clients of a dual-stack socket appear as plain IPv4. Ports are decimal, in host order.
 *
 * A worker of a pool, which serves many connections, gets SERVICE_ID and PROTO, and LOCAL_ADDR,
 * LOCAL_PORT and their TCP twins where its service has one address; what is known of a connection
 * comes with it, see <porter/worker.h>.
 *
 * No value that such a name has elsewhere, in the environment of porterd or in a service's env, is
 * ever passed on.
 *
 * The names TCPREMOTEIP to PROTO are those of UCSPI (https://cr.yp.to/proto/ucspi.txt).
 */
#ifndef PORTER_ENVIRONMENT_H
#define PORTER_ENVIRONMENT_H

/* The client's address, twice: the first is xinetd's name for it. Never a host name. */
#define PORTER_REMOTE_HOST "REMOTE_HOST"
#define PORTER_REMOTE_ADDR "REMOTE_ADDR"
#define PORTER_REMOTE_PORT "REMOTE_PORT"

/* What the client connected to; the path of a unix socket. Absent where it is any address. */
#define PORTER_LOCAL_ADDR "LOCAL_ADDR"
#define PORTER_LOCAL_PORT "LOCAL_PORT"

/* The service's id, as in the logs, and a number that no other connection of this daemon has; it is
 * conn= in the logs. */
#define PORTER_SERVICE_ID    "SERVICE_ID"
#define PORTER_CONNECTION_ID "CONNECTION_ID"

/* "TCP", "UDP" or "UNIX". */
#define PORTER_PROTO         "PROTO"
#define PORTER_TCPREMOTEIP   "TCPREMOTEIP"
#define PORTER_TCPREMOTEPORT "TCPREMOTEPORT"
#define PORTER_TCPLOCALIP    "TCPLOCALIP"
#define PORTER_TCPLOCALPORT  "TCPLOCALPORT"

/* For workers that accept by themselves, and for nobody else: how many listening sockets there are
 * from descriptor 3 on, the service's id for each of them, separated by colons, and the pid of the
 * process that they are meant for. See sd_listen_fds(3). */
#define PORTER_LISTEN_FDS     "LISTEN_FDS"
#define PORTER_LISTEN_FDNAMES "LISTEN_FDNAMES"
#define PORTER_LISTEN_PID     "LISTEN_PID"

#endif
