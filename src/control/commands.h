/* SPDX-License-Identifier: MIT */
/* The functions behind the rows of the command table. */
#ifndef CONTROL_COMMANDS_H
#define CONTROL_COMMANDS_H

#include "control/command.h"

/* look_daemon.c */
command_fn cmd_status, cmd_hello, cmd_lower;
/* look_services.c */
command_fn cmd_services, cmd_show;
/* look_connections.c */
command_fn cmd_connections;
/* look_metrics.c */
command_fn cmd_metrics;
/* look_logs.c */
command_fn cmd_logs, cmd_trace;
/* look_diff.c */
command_fn cmd_diff;
/* live_service.c */
command_fn cmd_enable, cmd_disable, cmd_drain;
/* live_set.c */
command_fn cmd_set;
/* live_kill.c */
command_fn cmd_kill;
/* live_ban.c */
command_fn cmd_ban, cmd_unban, cmd_bans;
/* live_run.c */
command_fn cmd_run;
/* live_daemon.c */
command_fn cmd_reload, cmd_stop;
/* live_upgrade.c */
command_fn cmd_upgrade;

#endif
