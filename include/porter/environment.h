/* SPDX-License-Identifier: MIT */
/*
 * Names of the environment variables that porterd gives to the programs it starts.
 *
 * They are set after the inherited variables (PATH, TZ, LANG, LC_*), after passenv and after env, and win over all of
 * them. A variable whose value is not known is absent: a program started with wait = yes learns nothing of a peer, and
 * a unix socket has no peer address. Values hold only characters of [A-Za-z0-9._:%/@-]. Addresses are numeric; IPv4
 * clients of a dual-stack socket appear as plain IPv4. Ports are decimal, in host order.
 *
 * The names TCPREMOTEIP to PROTO are those of the UCSPI protocol (https://cr.yp.to/proto/ucspi.txt).
 */
#ifndef PORTER_ENVIRONMENT_H
#define PORTER_ENVIRONMENT_H

#define PORTER_REMOTE_HOST "REMOTE_HOST"       /* the client's address, as xinetd sets it; never a host name */
#define PORTER_REMOTE_ADDR "REMOTE_ADDR"       /* the same */
#define PORTER_REMOTE_PORT "REMOTE_PORT"
#define PORTER_LOCAL_ADDR "LOCAL_ADDR"         /* the address that the client connected to; a path for unix sockets */
#define PORTER_LOCAL_PORT "LOCAL_PORT"
#define PORTER_SERVICE_ID "SERVICE_ID"         /* id of the service, as in the logs */
#define PORTER_CONNECTION_ID "CONNECTION_ID"   /* unique for the life of the daemon; in its logs as conn= */
#define PORTER_PROTO "PROTO"                   /* "TCP", "UDP" or "UNIX" */
#define PORTER_TCPREMOTEIP "TCPREMOTEIP"
#define PORTER_TCPREMOTEPORT "TCPREMOTEPORT"
#define PORTER_TCPLOCALIP "TCPLOCALIP"
#define PORTER_TCPLOCALPORT "TCPLOCALPORT"

#endif
