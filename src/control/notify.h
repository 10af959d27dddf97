/* SPDX-License-Identifier: MIT */
/* Readiness notification: the protocol of sd_notify(3), by hand. */
#ifndef CONTROL_NOTIFY_H
#define CONTROL_NOTIFY_H

/* Takes NOTIFY_SOCKET out of the environment. Without it notify_send does nothing. */
void notify_init(void);
/* The same with a path that is known already; NULL: none. */
void notify_use(const char *path);
const char *notify_path(void); /* NULL: nobody is notified */
/* Lines such as "READY=1\nSTATUS=…". Never blocks. */
void notify_send(const char *text);
/* RELOADING=1 with the monotonic time that systemd.service(5) asks for with Type=notify-reload. */
void notify_reloading(void);

#endif
