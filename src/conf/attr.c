/* SPDX-License-Identifier: MIT */
#include "conf/attr.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/config.h"
#include "conf/types.h"

/* A row whose field has another C type than the row says does not compile. */
#define AT(owner, ctype, f) \
 .offset = offsetof(struct owner, f) + 0 * sizeof(char[_Generic(((struct owner *)0)->f, ctype : 1)])
#define FIELD(ctype, f)  AT(service_conf, ctype, f)
#define GLOBAL(ctype, f) AT(global_conf, ctype, f)
#define GIVEN(f)         .given = offsetof(struct service_conf, f)
#define LIMIT(which)                                                                      \
 .offset = offsetof(struct service_conf, rlimits) + (which) * sizeof(struct rlimit_conf), \
 .scope = ATTR_BOTH, .restricts = true

#include "conf/choices.h"

/* clang-format off */
const struct attr attrs[] = {
	/* what it is */
	{ .name = "id", .type = &type_word, FIELD(char *, id), .scope = ATTR_SERVICE,
	  .is_derived = true,
	  .text = "The name of the service in logs, in enabled and in disabled; without it the name behind \"service\"." },
	{ .name = "disable", .type = &type_bool, FIELD(bool, disable), .scope = ATTR_BOTH, .restricts = true,
	  .initial = "no",
	  .text = "Whether the service is switched off." },
	{ .name = "enabled", .type = &type_ids, GLOBAL(struct strings, enabled), .scope = ATTR_GLOBAL,
	  .given = offsetof(struct global_conf, has_enabled), .repeat = REPEAT_ADDS, .restricts = true,
	  .text = "Ids of the only services that are on; a service with disable = yes stays off." },
	{ .name = "disabled", .type = &type_ids, GLOBAL(struct strings, disabled), .scope = ATTR_GLOBAL,
	  .repeat = REPEAT_ADDS, .restricts = true,
	  .text = "Ids of services that are off, whatever enabled says." },
	{ .name = "type", .type = &type_flags, FIELD(unsigned, type), .scope = ATTR_SERVICE, .choices = choices_type,
	  .text = "INTERNAL for a service that porterd itself provides (echo, discard, daytime, time, chargen, tcpmux, servers, services); "
	          "UNLISTED for one that is not in /etc/services; TCPMUX for one that is reached by its name through the service "
	          "tcpmux, and TCPMUXPLUS for one whose clients are told + first." },
	{ .name = "flags", .type = &type_flags, FIELD(unsigned, flags), .scope = ATTR_BOTH, .choices = choices_flags,
	  .text = "NODELAY and KEEPALIVE set these options on TCP connections; IPv4 and IPv6 choose the kind of address; "
	          "NAMEINARGS takes the program's own name from server_args; NORETRY gives up when a fork fails; SENSOR, with type = "
	          "INTERNAL, shuts out whoever connects, see deny_time; NOLIBWRAP leaves hosts.allow and hosts.deny aside." },

	/* where it listens */
	{ .name = "socket_type", .type = &type_choice, FIELD(int, socket_type), .scope = ATTR_SERVICE,
	  .choices = choices_socket, .is_derived = true,
	  .text = "Connections or datagrams; without it what goes with protocol, and stream if that is missing too." },
	{ .name = "protocol", .type = &type_choice, FIELD(int, protocol), .scope = ATTR_SERVICE,
	  .choices = choices_protocol, .is_derived = true,
	  .text = "The protocol; without it what goes with socket_type: tcp with stream, udp with dgram." },
	{ .name = "port", .type = &type_port, FIELD(char *, port), .scope = ATTR_SERVICE, .min = 1, .max = 65535,
	  .text = "The number or name of the port; without it the service's name is looked up in /etc/services." },
	{ .name = "bind", .alias = "interface", .type = &type_addresses, FIELD(struct strings, bind),
	  .scope = ATTR_BOTH, .repeat = REPEAT_FIRST, .restricts = true,
	  .text = "Addresses or host names to listen on, all of them; without it every address of the machine." },
	{ .name = "listen", .type = &type_listen, FIELD(struct strings, listen), .scope = ATTR_SERVICE,
	  .restricts = true,
	  .text = "Addresses with their ports, such as 127.0.0.1:3600, [::1]:3600, *:3600 or unix:/run/x.sock, "
	          "in place of bind and port." },
	{ .name = "v6only", .type = &type_bool, FIELD(bool, v6only), .scope = ATTR_BOTH, .restricts = true,
	  .initial = "no",
	  .text = "Whether a socket for every IPv6 address takes IPv6 clients alone." },
	{ .name = "listen_mode", .alias = "mode", .type = &type_mode, FIELD(mode_t, listen_mode), .scope = ATTR_BOTH, .max = 0777,
	  .restricts = true, .initial = "0666",
	  .text = "The mode of unix sockets; connecting takes the right to write." },
	{ .name = "listen_owner", .alias = "owner", .type = &type_user, FIELD(char *, listen_owner), .scope = ATTR_BOTH,
	  .restricts = true,
	  .text = "The user who owns unix sockets." },
	{ .name = "listen_group", .type = &type_user, FIELD(char *, listen_group), .scope = ATTR_BOTH,
	  .restricts = true,
	  .text = "The group that owns unix sockets; group is that of the program." },
	{ .name = "backlog", .type = &type_number, FIELD(unsigned, backlog), .scope = ATTR_BOTH, .min = 1, .max = 65535,
	  .initial = "4096",
	  .text = "How many connections the kernel keeps waiting; it clamps this at net.core.somaxconn." },
	{ .name = "freebind", .type = &type_bool, FIELD(bool, freebind), .scope = ATTR_BOTH, .initial = "no",
	  .text = "Whether addresses are listened on that the machine does not have yet." },
	{ .name = "device", .type = &type_device, FIELD(char *, device), .scope = ATTR_BOTH, .restricts = true,
	  .text = "The network device that clients come by, such as eth0; it may appear later." },

	/* how many */
	{ .name = "wait", .type = &type_bool, FIELD(bool, wait), .scope = ATTR_SERVICE, .initial = "no",
	  .is_derived = true,
	  .text = "Whether one program gets the listening socket itself and porterd waits until it ends; "
	          "no starts a program for each connection." },
	{ .name = "instances", .type = &type_number, FIELD(unsigned, instances), .scope = ATTR_BOTH, .max = 1000000,
	  .is_live = true, .choices = choices_unlimited, .restricts = true, .initial = "UNLIMITED",
	  .text = "How many programs of the service run at a time at most." },
	{ .name = "max_servers", .type = &type_number, GLOBAL(unsigned, max_servers), .scope = ATTR_GLOBAL,
	  .is_live = true, .max = 1000000, .choices = choices_unlimited, .restricts = true, .initial = "UNLIMITED",
	  .text = "How many programs of all services together run at a time at most." },
	{ .name = "on_limit", .type = &type_choice, FIELD(enum conf_on_limit, on_limit), .scope = ATTR_BOTH,
	  .is_live = true, .choices = choices_on_limit, .is_derived = true, .initial = "refuse",
	  .text = "What happens to a client when instances are reached, or all workers of a pool are busy: it is refused, or it "
	          "waits in the queue; without it clients of a pool wait, and others are refused." },

	/* who may connect, and when */
	{ .name = "only_from", .type = &type_access, FIELD(struct strings, only_from), GIVEN(has_only_from),
	  .scope = ATTR_BOTH, .repeat = REPEAT_ADDS, .restricts = true,
	  .text = "The only clients that are served: addresses (192.0.2.1, 192.0.2.0/24, 192.0.2.0/255.255.255.0, 192.0.2.0 for "
	          "192.0.2.0/24, 10.1.{2,3}, 2001:db8::/32), host names, names of networks, and @/path for a file with one address "
	          "a line, which is read again when it changes; an empty list serves nobody." },
	{ .name = "no_access", .type = &type_access, FIELD(struct strings, no_access), .scope = ATTR_BOTH,
	  .repeat = REPEAT_ADDS, .restricts = true,
	  .text = "Clients that are not served, written as for only_from; it wins over only_from." },
	{ .name = "reverse_dns", .type = &type_choice, FIELD(enum conf_reverse_dns, reverse_dns), .scope = ATTR_BOTH,
	  .choices = choices_reverse_dns, .initial = "off",
	  .text = "Whether only_from and no_access may hold names such as .example.org: then (confirmed) the name of a client is looked "
	          "up by its address, and counts if it has that address in turn." },
	{ .name = "access_times", .type = &type_times, FIELD(struct strings, access_times), .scope = ATTR_BOTH,
	  .restricts = true,
	  .text = "Times of the day at which clients are served, as 8:30-17:00; both ends count, 24:00 is the end of the day, and "
	          "22:00-6:00 goes over midnight." },
	{ .name = "per_source", .type = &type_number, FIELD(unsigned, per_source), .scope = ATTR_BOTH, .max = 1000000,
	  .is_live = true, .choices = choices_unlimited, .restricts = true, .initial = "UNLIMITED",
	  .text = "How many programs of the service run for one source at a time at most; a source is an IPv4 address, or an IPv6 "
	          "network, see per_source_prefix." },
	{ .name = "per_source_prefix", .type = &type_number, FIELD(unsigned, per_source_prefix), .scope = ATTR_BOTH, .min = 1,
	  .max = 128, .restricts = true, .initial = "64",
	  .text = "How many bits of an IPv6 address make a source." },
	{ .name = "cps", .type = &type_cps, FIELD(struct cps_conf, cps), .scope = ATTR_BOTH, .is_live = true,
	  .restricts = true,
	  .text = "How many connections a second are taken, and for how many seconds nobody is served when there are more: cps = 50 "
	          "10; 0 sets no limit." },
	{ .name = "rate", .type = &type_rate, FIELD(struct rate_conf, rate), .scope = ATTR_BOTH, .is_live = true,
	  .restricts = true,
	  .text = "How many connections are taken in a second, minute or hour: rate = 10/second burst 20; what is more is refused, "
	          "or waits with on_limit = queue." },
	{ .name = "rate_per_source", .type = &type_rate, FIELD(struct rate_conf, rate_per_source), .scope = ATTR_BOTH,
	  .is_live = true, .restricts = true,
	  .text = "The same for each source by itself; what is more is refused." },
	{ .name = "max_load", .type = &type_load, FIELD(unsigned, max_load), .scope = ATTR_BOTH, .is_live = true,
	  .restricts = true,
	  .text = "The load of the machine, as the average of a minute, from which on nobody is served; 0 sets no limit." },
	{ .name = "deny_time", .type = &type_number, FIELD(int, deny_time), .scope = ATTR_BOTH, .max = 5256000,
	  .choices = choices_deny_time, .initial = "NEVER",
	  .text = "For how many minutes a client of a service with the flag SENSOR is shut out of every service; FOREVER, or NEVER." },
	{ .name = "libwrap", .type = &type_word, FIELD(char *, libwrap), .scope = ATTR_SERVICE, .restricts = true,
	  .text = "The name to look for in /etc/hosts.allow and /etc/hosts.deny; without it that of the program, where these files hold "
	          "any rule." },

	/* ready workers */
	{ .name = "pool", .type = &type_choice, FIELD(enum conf_pool, pool), .scope = ATTR_SERVICE,
	  .choices = choices_pool, .initial = "none",
	  .text = "Whether connections are handed to workers that are there already: always pool_max of them (static), "
	          "as many as are needed and some spare ones (dynamic), or none until a client comes (ondemand)." },
	{ .name = "pool_accept", .type = &type_choice, FIELD(enum conf_pool_accept, pool_accept), .scope = ATTR_SERVICE,
	  .choices = choices_pool_accept, .initial = "daemon",
	  .text = "Who accepts: porterd, which hands each connection to a worker, or the workers themselves, which all get the "
	          "listening socket as descriptor 0 and by LISTEN_FDS." },
	{ .name = "pool_exec", .type = &type_choice, FIELD(enum conf_pool_exec, pool_exec), .scope = ATTR_SERVICE,
	  .choices = choices_pool_exec, .initial = "once",
	  .text = "Whether the program is written as a worker, which serves one connection after the other (once), or knows "
	          "nothing of pools (fresh): then a process that is ready but for its exec waits for each connection." },
	{ .name = "pool_protocol", .type = &type_choice, FIELD(enum conf_pool_protocol, pool_protocol),
	  .scope = ATTR_SERVICE, .choices = choices_pool_protocol, .initial = "porter",
	  .text = "What workers speak on descriptor 0, see porter-worker(7): porter, or plain, which is one byte with each "
	          "descriptor and one byte back." },
	{ .name = "pool_channel", .type = &type_choice, FIELD(int, pool_channel), .scope = ATTR_SERVICE,
	  .choices = choices_pool_channel, .initial = "seqpacket",
	  .text = "The kind of socket that descriptor 0 of a worker is; stream goes with pool_protocol = plain alone." },
	{ .name = "pool_max", .type = &type_number, FIELD(unsigned, pool_max), .scope = ATTR_BOTH, .min = 1, .max = 10000,
	  .is_live = true, .restricts = true, .is_derived = true, .initial = "8",
	  .text = "How many workers there are at most; no more than instances." },
	{ .name = "pool_min_spare", .type = &type_number, FIELD(unsigned, pool_min_spare), .scope = ATTR_BOTH, .max = 10000,
	  .is_live = true, .is_derived = true, .initial = "1",
	  .text = "How many idle workers a dynamic pool has at least." },
	{ .name = "pool_max_spare", .type = &type_number, FIELD(unsigned, pool_max_spare), .scope = ATTR_BOTH, .max = 10000,
	  .is_live = true, .is_derived = true, .initial = "4",
	  .text = "How many idle workers a dynamic pool has at most; more are ended, one a second." },
	{ .name = "pool_start", .type = &type_number, FIELD(unsigned, pool_start), .scope = ATTR_BOTH, .max = 10000,
	  .is_derived = true, .initial = "1",
	  .text = "How many workers a dynamic pool begins with; without it as many as pool_min_spare says." },
	{ .name = "pool_max_requests", .type = &type_number, FIELD(unsigned, pool_max_requests), .scope = ATTR_BOTH, .min = 1,
	  .is_live = true, .max = 1000000000, .choices = choices_unlimited, .restricts = true, .initial = "UNLIMITED",
	  .text = "After how many connections a worker is replaced at the latest; each one by its own number, up to a tenth less, "
	          "so that they do not all end together." },
	{ .name = "pool_idle_timeout", .type = &type_duration, FIELD(int64_t, pool_idle_timeout_ms), .scope = ATTR_BOTH,
	  .is_live = true, .min = 1, .max = 86400000, .initial = "10s",
	  .text = "How long a worker that is not needed stays idle before it is ended: any of an ondemand pool, and of a dynamic one "
	          "those above pool_min_spare." },
	{ .name = "pool_request_timeout", .type = &type_duration, FIELD(int64_t, pool_request_timeout_ms), .scope = ATTR_BOTH,
	  .is_live = true, .max = 86400000, .restricts = true, .initial = "0",
	  .text = "How long a worker may keep one connection before it is ended, by stop_signal and after stop_grace by a kill; "
	          "0 sets no limit." },
	{ .name = "pool_spawn_rate", .type = &type_number, FIELD(unsigned, pool_spawn_rate), .scope = ATTR_BOTH, .min = 1,
	  .is_live = true, .max = 10000, .restricts = true, .initial = "32",
	  .text = "How many workers are started in a second at most, but for those that the pool begins with and, with "
	          "pool_exec = fresh, those that clients take." },

	/* how long, and what else is said */
	{ .name = "timeout", .type = &type_duration, FIELD(int64_t, timeout_ms), .scope = ATTR_BOTH, .max = 2592000000,
	  .is_live = true, .restricts = true, .initial = "0",
	  .text = "How long a program may serve one connection before it is ended, by stop_signal and after stop_grace by a kill; "
	          "0 sets no limit." },
	{ .name = "idle_timeout", .type = &type_duration, FIELD(int64_t, idle_timeout_ms), .scope = ATTR_BOTH, .max = 2592000000,
	  .restricts = true, .initial = "0",
	  .text = "How long both sides of a redirect may be silent, and for how long the program of a UDP client is kept that sends no "
	          "more; 0 sets no limit." },
	{ .name = "linger", .type = &type_duration, FIELD(int64_t, linger_ms), .scope = ATTR_BOTH, .max = 300000, .initial = "0",
	  .text = "For how long, after a program has ended, what its client has still sent is read and thrown away, so that the client "
	          "sees the answer and no reset." },
	{ .name = "banner", .type = &type_path, FIELD(char *, banner), .scope = ATTR_BOTH,
	  .text = "A file that every client is sent first." },
	{ .name = "banner_success", .type = &type_path, FIELD(char *, banner_success), .scope = ATTR_BOTH,
	  .text = "A file that a client is sent before its program starts." },
	{ .name = "banner_fail", .type = &type_path, FIELD(char *, banner_fail), .scope = ATTR_BOTH,
	  .text = "A file that a client is sent who is refused." },

	/* which program, and as whom */
	{ .name = "redirect", .type = &type_redirect, FIELD(char *, redirect), .scope = ATTR_SERVICE,
	  .text = "Host and port that connections are passed on to, in place of a program: redirect = 192.0.2.1 80; a name is looked up "
	          "for each connection." },
	{ .name = "connect_timeout", .type = &type_duration, FIELD(int64_t, connect_timeout_ms), .scope = ATTR_BOTH, .min = 1,
	  .max = 86400000, .initial = "30s",
	  .text = "How long a redirect tries to reach its host." },
	{ .name = "server", .type = &type_path, FIELD(char *, server), .scope = ATTR_SERVICE,
	  .text = "The full path of the program." },
	{ .name = "server_args", .type = &type_words, FIELD(struct strings, server_args), .scope = ATTR_SERVICE,
	  .text = "The program's arguments, without its own name unless NAMEINARGS is among the flags." },
	{ .name = "user", .type = &type_user, FIELD(char *, user), .scope = ATTR_BOTH, .restricts = true,
	  .text = "The user that the program runs as; needed where porterd runs as root." },
	{ .name = "group", .type = &type_user, FIELD(char *, group), .scope = ATTR_BOTH, .restricts = true,
	  .text = "The group that the program runs as; without it the user's own." },
	{ .name = "groups", .type = &type_bool, FIELD(bool, groups), .scope = ATTR_BOTH, .restricts = true,
	  .initial = "no",
	  .text = "Whether the program gets the user's supplementary groups, too." },
	{ .name = "chroot", .type = &type_path, FIELD(char *, chroot), .scope = ATTR_BOTH, .restricts = true,
	  .text = "The directory that is the program's root; server and directory are paths within it." },
	{ .name = "directory", .type = &type_path, FIELD(char *, directory), .scope = ATTR_BOTH,
	  .text = "The directory that the program starts in; without it the root directory." },

	/* its surroundings */
	{ .name = "env", .type = &type_variables, FIELD(struct strings, env), .scope = ATTR_BOTH, .is_secret = true,
	  .text = "Variables for the program's environment, as NAME=VALUE." },
	{ .name = "passenv", .type = &type_names, FIELD(struct strings, passenv), GIVEN(has_passenv),
	  .scope = ATTR_BOTH, .restricts = true,
	  .text = "Names of porterd's own variables that the program gets; an empty list drops PATH, TZ, LANG and LC_*, too." },
	{ .name = "umask", .type = &type_mode, FIELD(mode_t, umask), GIVEN(has_umask), .scope = ATTR_BOTH,
	  .max = 0777, .restricts = true,
	  .text = "The file mode creation mask in octal; without it the one that porterd was started with, and 022." },
	{ .name = "nice", .type = &type_number, FIELD(int, nice), .scope = ATTR_BOTH, .min = -20, .max = 19,
	  .initial = "0",
	  .text = "How much is added to the program's niceness." },
	{ .name = "stderr", .type = &type_choice, FIELD(enum conf_stderr, stderr_to), .scope = ATTR_BOTH,
	  .choices = choices_stderr, .initial = "socket",
	  .text = "Where the program's standard error goes: to the client, to the error log, or nowhere; workers have no client, "
	          "and for them socket is the log, too." },
	{ .name = "spawn", .type = &type_choice, FIELD(enum conf_spawn, spawn), .scope = ATTR_BOTH,
	  .choices = choices_spawn, .initial = "auto",
	  .text = "How a process is made for a connection: shared copies nothing of porterd, files copies its memory and fork its table "
	          "of descriptors, too; auto is shared where that is safe, and where it is not, shared is auto." },
	{ .name = "rlimit_as", .type = &type_limit_size, LIMIT(CONF_RLIMIT_AS), .skips_zero = true,
	  .text = "Limit of the program's address space." },
	{ .name = "rlimit_cpu", .type = &type_limit_number, LIMIT(CONF_RLIMIT_CPU), .skips_zero = true,
	  .text = "Limit of the program's processor time, in seconds." },
	{ .name = "rlimit_data", .type = &type_limit_size, LIMIT(CONF_RLIMIT_DATA), .skips_zero = true,
	  .text = "Limit of the program's data segment." },
	{ .name = "rlimit_rss", .type = &type_limit_size, LIMIT(CONF_RLIMIT_RSS), .skips_zero = true,
	  .text = "Limit of the program's resident memory, which Linux does not enforce." },
	{ .name = "rlimit_stack", .type = &type_limit_size, LIMIT(CONF_RLIMIT_STACK), .skips_zero = true,
	  .text = "Limit of the program's stack." },
	{ .name = "rlimit_files", .alias = "rlimit_nofile", .type = &type_limit_number, LIMIT(CONF_RLIMIT_FILES),
	  .text = "Limit of the program's open files." },
	{ .name = "rlimit_nproc", .type = &type_limit_number, LIMIT(CONF_RLIMIT_NPROC),
	  .text = "Limit of the processes of the program's user." },
	{ .name = "rlimit_fsize", .type = &type_limit_size, LIMIT(CONF_RLIMIT_FSIZE),
	  .text = "Limit of the size of files that the program writes." },
	{ .name = "rlimit_core", .type = &type_limit_size, LIMIT(CONF_RLIMIT_CORE),
	  .text = "Limit of the size of core dumps." },

	/* what is said about it */
	{ .name = "log_type", .type = &type_log, FIELD(struct sink_target, log_type), .scope = ATTR_BOTH,
	  .text = "Where lines about clients go: SYSLOG FACILITY [LEVEL], FILE PATH [SOFT [HARD]], or stderr; "
	          "an empty value is silence." },
	{ .name = "log_format", .type = &type_choice, FIELD(enum conf_log_format, log_format), .scope = ATTR_BOTH,
	  .choices = choices_log_format, .initial = "xinetd",
	  .text = "The form of these lines: the words of xinetd, key=value pairs (logfmt), or one JSON object a line; "
	          "the latter two hold their time themselves, with milliseconds." },
	{ .name = "log_on_success", .type = &type_flags, FIELD(unsigned, log_on_success), .scope = ATTR_BOTH,
	  .is_live = true, .repeat = REPEAT_ADDS, .choices = choices_success, .initial = "PID HOST EXIT DURATION",
	  .text = "What is logged when a program starts and ends; TRAFFIC counts bytes where porterd sees them, see LOGS." },
	{ .name = "log_on_failure", .type = &type_flags, FIELD(unsigned, log_on_failure), .scope = ATTR_BOTH,
	  .is_live = true, .repeat = REPEAT_ADDS, .choices = choices_failure, .initial = "HOST",
	  .text = "What is logged when a client is not served." },
	{ .name = "daemon_log", .type = &type_log, GLOBAL(struct sink_target, daemon_log), .scope = ATTR_GLOBAL,
	  .text = "Where porterd's own messages go, written as for log_type." },
	{ .name = "daemon_log_format", .type = &type_choice, GLOBAL(enum log_format, daemon_log_format),
	  .scope = ATTR_GLOBAL, .choices = choices_daemon_log_format, .initial = "logfmt",
	  .text = "The form of porterd's own messages: key=value pairs (logfmt), or one JSON object a line." },

	/* who may ask the daemon */
	{ .name = "control_mode", .type = &type_mode, GLOBAL(mode_t, control_mode), .scope = ATTR_GLOBAL, .max = 0777,
	  .given = offsetof(struct global_conf, has_control_mode), .initial = "0600",
	  .text = "The mode of the control socket, where connecting takes the right to write; without it 0660 where "
	          "control_group is set, and 0600 elsewhere." },
	{ .name = "control_owner", .type = &type_user, GLOBAL(char *, control_owner), .scope = ATTR_GLOBAL,
	  .text = "The user who owns the control socket, and who may look at everything." },
	{ .name = "control_group", .type = &type_user, GLOBAL(char *, control_group), .scope = ATTR_GLOBAL,
	  .text = "The group that owns the control socket; its members may look at everything." },

	/* how it ends */
	{ .name = "stop_signal", .type = &type_signal, FIELD(int, stop_signal), .scope = ATTR_BOTH, .initial = "TERM",
	  .is_live = true,
	  .text = "The signal that asks the program to end." },
	{ .name = "stop_grace", .type = &type_duration, FIELD(int64_t, stop_grace_ms), .scope = ATTR_BOTH,
	  .is_live = true, .max = 86400000, .initial = "10s",
	  .text = "How long the program has after that signal before it is killed." },
};
/* clang-format on */

const size_t attr_count = ARRAY_LEN(attrs);
_Static_assert(ARRAY_LEN(attrs) <= PLACES_MOST, "each attribute has a place");

/* In any case. Nearly all of those that are looked through for a name begin with another letter. */
static bool
is_named(const char *own, const char *name)
{
	return ((own[0] ^ name[0]) & ~0x20) == 0 && strcasecmp(own, name) == 0;
}

const struct attr *
attr_find(const char *name)
{
	for (size_t i = 0; i < attr_count; i++) {
		if (is_named(attrs[i].name, name))
			return &attrs[i];
		if (attrs[i].alias != NULL && is_named(attrs[i].alias, name))
			return &attrs[i];
	}
	return NULL;
}

void *
attr_field(void *base, const struct attr *a)
{
	return (char *)base + a->offset;
}

const void *
attr_field_const(const void *base, const struct attr *a)
{
	return (const char *)base + a->offset;
}

bool
attr_set(void *base, const struct attr *a, const char *text, char why[ATTR_WHY_SIZE])
{
	if (!a->type->set(attr_field(base, a), a, text, why))
		return false;
	attr_mark(base, a);
	return true;
}

void
attr_mark(void *base, const struct attr *a)
{
	if (a->given != 0)
		*(bool *)((char *)base + a->given) = true;
}

bool
attr_is_given(const void *base, const struct attr *a)
{
	return a->given == 0 || *(const bool *)((const char *)base + a->given);
}

void
attr_clear(void *base, const struct attr *a)
{
	a->type->clear(attr_field(base, a), a);
	if (a->given != 0)
		*(bool *)((char *)base + a->given) = false;
}

/* The words of a list's default are separated by single blanks. */
static void
set_words(void *field, const struct attr *a, const char *text)
{
	char word[64], why[ATTR_WHY_SIZE];

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		memcpy(word, text, len);
		word[len] = '\0';
		a->type->set(field, a, word, why);
		text += len + (text[len] == ' ');
	}
}

void
attr_reset(void *base, const struct attr *a)
{
	char why[ATTR_WHY_SIZE];

	attr_clear(base, a);
	if (a->initial != NULL && a->type->is_list)
		set_words(attr_field(base, a), a, a->initial);
	else if (a->initial != NULL)
		a->type->set(attr_field(base, a), a, a->initial, why);
}

void
attr_copy(void *to, const void *from, const struct attr *a)
{
	a->type->copy(attr_field(to, a), attr_field_const(from, a), a);
	if (a->given != 0)
		*(bool *)((char *)to + a->given) = *(const bool *)((const char *)from + a->given);
}

bool
attr_equal(const void *x, const void *y, const struct attr *a)
{
	if (a->given != 0 && *(const bool *)((const char *)x + a->given) !=
				 *(const bool *)((const char *)y + a->given))
		return false;
	return a->type->equal(attr_field_const(x, a), attr_field_const(y, a), a);
}

const struct attr_choice *
attr_choice_find(const struct attr *a, const char *text)
{
	for (const struct attr_choice *c = a->choices; c != NULL && c->name != NULL; c++)
		if (strcasecmp(c->name, text) == 0)
			return c;
	return NULL;
}
