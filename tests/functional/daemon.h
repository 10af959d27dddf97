/* SPDX-License-Identifier: MIT */
/* A porterd of one test: its configuration, its sockets, its log, its notifications. Everything is an event with a
 * deadline; when one does not come, the test fails and the whole log is printed. */
#ifndef FUNCTIONAL_DAEMON_H
#define FUNCTIONAL_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "functional/client.h"
#include "functional/harness.h"
#include "functional/preload/inject.h"

#define DAEMON_LISTENERS 8

struct listener {
	char name[64];
	int fd; /* the test's own copy, -1 after daemon_start unless keep_listeners */
	int type;
	struct sockaddr_storage addr;
	socklen_t len;
};

struct daemon {
	pid_t pid;
	char dir[72]; /* everything lies in here */
	char conf_path[96];
	char *conf;
	char *log; /* its standard error so far */
	size_t log_len, mark;
	int log_fd, notify_fd;
	char *env[24]; /* added to its environment */
	size_t env_count;
	const char *binary;   /* another than the one that was built; NULL: that one */
	const char *args[12]; /* added to its command line */
	size_t arg_count;
	bool has_own_args; /* args are the whole command line, behind --rundir */
	struct listener listeners[DAEMON_LISTENERS];
	size_t listener_count;
	struct inject *inject; /* NULL unless daemon_inject() */
	/* Called in the daemon's process, when everything else is done. */
	void (*before_exec)(struct daemon *d);
	bool keep_listeners; /* the test keeps its copies of the listening sockets */
	/* daemon_closed waits for other processes to end and reaps them, instead of complaining. */
	bool leaves_children;
};

struct daemon *daemon_new(void);

/* Configuration. In all texts @USER@ is who runs the tests, @DIR@ the daemon's directory, @PROGRAMS@ where the service
 * programs are, @ADDR@ and @ADDR2@ addresses of 127.0.0.0/8 that no other test uses. */
void daemon_clear(struct daemon *d);
void daemon_add(struct daemon *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A whole service and its listening socket. kind: "tcp", "tcp6", "udp", "udp6", "dual"; attributes are lines; wait = no,
 * user, socket_type and protocol are added where they are missing. */
void daemon_service(struct daemon *d, const char *name, const char *kind, const char *attributes);
/* The same without the socket: the attributes say where to listen. */
void daemon_entry(struct daemon *d, const char *name, const char *attributes);
/* text with @…@ replaced; static */
const char *daemon_text(const struct daemon *d, const char *text);
const char *own_address(unsigned which); /* 0: @ADDR@, 1: @ADDR2@ */

/* A listening socket that the daemon gets with this name; its port. */
unsigned daemon_listen(struct daemon *d, const char *name, const char *kind);
void daemon_setenv(struct daemon *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void daemon_arg(struct daemon *d, const char *arg); /* arg is borrowed */
void daemon_inject(struct daemon *d);               /* loads the shim, all rules off */
void inject_fail(struct daemon *d, enum inject_call call, int error, int count);
unsigned inject_calls(struct daemon *d, enum inject_call call);

void daemon_write(struct daemon *d); /* writes the configuration file */
void daemon_spawn(struct daemon *d); /* starts it, waits for nothing */
void daemon_start(struct daemon *d); /* starts it with -F, waits until it is ready */
/* porterd without -F: returns the exit status of the starting command, and its output in *output (static). After status
 * 0 the daemon runs: d->pid is from its pid file. */
int daemon_background(struct daemon *d, const char **output);
const char *daemon_command(
    struct daemon *d); /* for a shell: starts it in the foreground; its READY=1 comes to us */
void daemon_signal(struct daemon *d, int signo);
void daemon_reload(struct daemon *d); /* writes the file, SIGHUP, waits until it is ready again */
int daemon_wait(struct daemon *d);    /* until it ends: its exit status, 128 + signal */
void daemon_closed(
    struct daemon *d); /* after its end: reads the log to its end, looks for children and reports */
void daemon_stop(
    struct daemon *d); /* SIGTERM; exit status 0, no process left, nothing odd on standard error */

/* The log. '*' in a pattern stands for anything within a line. */
const char *expect_line(struct daemon *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
unsigned count_lines(struct daemon *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void expect_no_line(struct daemon *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void expect_lines(struct daemon *d, unsigned count, const char *pattern); /* at least so many */
void expect_count(struct daemon *d, unsigned count,
    const char *pattern);           /* so many, and no more when they are there */
void daemon_mark(struct daemon *d); /* all five look at what comes after this alone */
void daemon_fail(struct daemon *d, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));
void expect_notify(struct daemon *d, const char *line);
bool has_notify(struct daemon *d, const char *line); /* among the messages that are there already */
void daemon_idle(struct daemon *d);    /* until it sleeps: everything that came so far is done */
unsigned daemon_fds(struct daemon *d); /* when it sleeps */
long daemon_rss_kb(struct daemon *d);

/* Clients. */
int daemon_connect(struct daemon *d, const char *name);   /* connected, or the test fails */
int connect_address(const char *address, unsigned port);  /* TCP; -errno when refused */
bool is_served(const char *address, unsigned port);       /* somebody listens there, and answers */
int connect_unix(const char *path);                       /* -errno when refused */
int datagram_socket(const char *address, unsigned port);  /* UDP, bound; port 0: any */
int stream_socket(const char *address, unsigned port);    /* TCP, bound, does not listen */
int listen_at(const char *address, unsigned port);        /* TCP, bound, listens */
int datagram_to(struct daemon *d, const char *name);      /* UDP, connected to the listener */
int hold_open(struct daemon *d, const char *name);        /* connected to "hold", which runs */
const char *shown_by(struct daemon *d, const char *name); /* connects to "show", reads all of it */
unsigned bound_port(int fd);
/* false: at the one port among those the kernel hands out from which a builtin answers nothing, see is_automaton(). */
bool is_answered_at(int fd);

#endif
