/* SPDX-License-Identifier: MIT */
#include "daemon.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors of the harness move up here while 3 and following are filled for the daemon. */
#define HIGH_FD         100
#define FIRST_LISTEN_FD 3
#define ENV_MAX         128
/* Lines of the daemon's log may wait for others that long. */
#define LINES_WAIT_MS   20
/* Some processors have no poll(2) of the kernel. */
#ifndef SYS_poll
# define SYS_poll (-1)
#endif

extern char **environ;

/* What must never stand on standard error, whatever a test did. */
static const char *const alarms[] = {
	"AddressSanitizer",
	"LeakSanitizer",
	"runtime error:",
	"UndefinedBehavior",
	"Assertion",
	"assertion",
	"stack smashing",
	"double free",
	"corrupted",
	"==ERROR",
	"Invalid read",
	"Invalid write",
};

static struct daemon daemons[4];
static size_t daemon_count;

struct daemon *
daemon_new(void)
{
	ck_assert_uint_lt(daemon_count, ARRAY_LEN(daemons));
	struct daemon *d = &daemons[daemon_count++];

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	*d = (struct daemon){ .pid = -1, .log_fd = -1, .notify_fd = -1 };
	const char *dir = make_directory();
	ck_assert_uint_lt(strlen(dir), sizeof(d->dir));
	strcpy(d->dir, dir);
	snprintf(d->conf_path, sizeof(d->conf_path), "%s/porterd.conf", dir);
	ck_assert_int_eq(mkdir(text_format("%s/run", d->dir), 0755), 0);
	daemon_clear(d);
	return d;
}

/* 127.0.0.0/8 without 127.0.0.0/16, which people use: unique while this process lives. */
const char *
own_address(unsigned which)
{
	unsigned pid = (unsigned)getpid();

	return text_format(
	    "127.%u.%u.%u", 64 + 64 * which + (pid >> 14 & 63), pid >> 7 & 127, (pid & 127) + 1);
}

static const char *
replacement(const struct daemon *d, const char *at, size_t *len)
{
	const struct {
		const char *key, *value;
	} rows[] = {
		{ "@USER@", user_name() },
		{ "@DIR@", d->dir },
		{ "@PROGRAMS@", BUILD_DIR "/tests/programs" },
		{ "@ADDR@", own_address(0) },
		{ "@ADDR2@", own_address(1) },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strncmp(at, rows[i].key, strlen(rows[i].key)) == 0) {
			*len = strlen(rows[i].key);
			return rows[i].value;
		}
	*len = 1;
	return NULL;
}

const char *
daemon_text(const struct daemon *d, const char *text)
{
	static char *out;
	size_t len = 0;

	free(out);
	FILE *f = open_memstream(&out, &len);
	ck_assert_ptr_nonnull(f);
	while (*text != '\0') {
		size_t used = 1;
		const char *value = *text == '@' ? replacement(d, text, &used) : NULL;

		if (value != NULL)
			fputs(value, f);
		else
			fputc(*text, f);
		text += used;
	}
	fclose(f);
	return out;
}

void
daemon_clear(struct daemon *d)
{
	free(d->conf);
	d->conf = strdup("");
}

static void
append(struct daemon *d, const char *text)
{
	const char *ready = daemon_text(d, text);
	size_t len = strlen(d->conf);

	d->conf = realloc(d->conf, len + strlen(ready) + 1);
	ck_assert_ptr_nonnull(d->conf);
	strcpy(d->conf + len, ready);
}

void
daemon_add(struct daemon *d, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	ck_assert_int_ge(vasprintf(&text, format, ap), 0);
	va_end(ap);
	append(d, text);
	free(text);
}

static bool
has_attribute(const char *attributes, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = attributes; (at = strstr(at, name)) != NULL; at += len) {
		bool starts = at == attributes || strchr(" \t\n", at[-1]) != NULL;

		if (starts && at[len + strspn(at + len, " \t")] == '=')
			return true;
	}
	return false;
}

void
daemon_entry(struct daemon *d, const char *name, const char *attributes)
{
	bool is_internal = strstr(attributes, "INTERNAL") != NULL;

	daemon_add(d, "service %s\n{\n%s\n", name, attributes);
	if (!has_attribute(attributes, "wait"))
		daemon_add(d, "\twait = no\n");
	if (!has_attribute(attributes, "user") && !is_internal)
		daemon_add(d, "\tuser = @USER@\n");
	if (!has_attribute(attributes, "type"))
		daemon_add(d, "\ttype = UNLISTED\n");
	daemon_add(d, "}\n");
}

void
daemon_service(struct daemon *d, const char *name, const char *kind, const char *attributes)
{
	bool is_udp = strncmp(kind, "udp", 3) == 0;
	const char *text = text_format("%s\n%s%s", attributes,
	    has_attribute(attributes, "socket_type") ? ""
	    : is_udp                                 ? "\tsocket_type = dgram\n"
						     : "\tsocket_type = stream\n",
	    has_attribute(attributes, "protocol") ? ""
	    : is_udp                              ? "\tprotocol = udp\n"
						  : "\tprotocol = tcp\n");

	daemon_entry(d, name, text);
	daemon_listen(d, name, kind);
}

/* Bound to the loopback address, or for "dual" to every one; port 0: any. */
static int
bound_socket(const char *kind, unsigned port)
{
	bool is_udp = strncmp(kind, "udp", 3) == 0, is_dual = strcmp(kind, "dual") == 0;
	bool is_v6 = is_dual || strchr(kind, '6') != NULL;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(is_v6 ? AF_INET6 : AF_INET,
	    (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0;

	ck_assert_msg(fd >= 0, "socket: %s", strerror(errno));
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v6.sin6_addr = is_dual ? in6addr_any : in6addr_loopback;
	if (!is_udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (is_dual)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	int r = is_v6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6))
		      : bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	ck_assert_msg(r == 0, "bind: %s", strerror(errno));
	return fd;
}

/* Bound by number: a socket whose port the kernel chose loses it when it is shut down. */
static int
listening_socket(const char *kind)
{
	int scout = bound_socket(kind, 0);

	if (strncmp(kind, "udp", 3) == 0)
		return scout;
	int fd = bound_socket(kind, bound_port(scout));
	close(scout);
	ck_assert_int_eq(listen(fd, 1024), 0);
	return fd;
}

unsigned
bound_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

unsigned
daemon_listen(struct daemon *d, const char *name, const char *kind)
{
	ck_assert_uint_lt(d->listener_count, DAEMON_LISTENERS);
	struct listener *l = &d->listeners[d->listener_count++];

	snprintf(l->name, sizeof(l->name), "%s", name);
	l->fd = listening_socket(kind);
	l->type = strncmp(kind, "udp", 3) == 0 ? SOCK_DGRAM : SOCK_STREAM;
	l->len = sizeof(l->addr);
	ck_assert_int_eq(getsockname(l->fd, (struct sockaddr *)&l->addr, &l->len), 0);
	if (strcmp(kind, "dual") == 0)
		((struct sockaddr_in6 *)&l->addr)->sin6_addr = in6addr_loopback;
	return bound_port(l->fd);
}

void
daemon_setenv(struct daemon *d, const char *format, ...)
{
	va_list ap;

	ck_assert_uint_lt(d->env_count, ARRAY_LEN(d->env));
	va_start(ap, format);
	ck_assert_int_ge(vasprintf(&d->env[d->env_count++], format, ap), 0);
	va_end(ap);
}

void
daemon_arg(struct daemon *d, const char *arg)
{
	ck_assert_uint_lt(d->arg_count, ARRAY_LEN(d->args));
	d->args[d->arg_count++] = arg;
}

void
daemon_inject(struct daemon *d)
{
	const char *path = text_format("%s/inject", d->dir), *options = getenv("ASAN_OPTIONS");
	struct inject none;

	memset(&none, 0, sizeof(none));
	write_bytes(path, &none, sizeof(none));
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = mmap(NULL, sizeof(none), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_msg(p != MAP_FAILED, "%s: %s", path, strerror(errno));
	close(fd);
	d->inject = p;
	daemon_setenv(d, "PORTER_INJECT=%s", path);
	daemon_setenv(d, "LD_PRELOAD=%s", BUILD_DIR "/tests/preload/inject.so");
	daemon_setenv(d, "ASAN_OPTIONS=%s%sverify_asan_link_order=0",
	    options != NULL ? options : "", options != NULL ? ":" : "");
}

void
inject_fail(struct daemon *d, enum inject_call call, int error, int count)
{
	atomic_store(&d->inject->rule[call].error, error);
	atomic_store(&d->inject->rule[call].count, count);
}

unsigned
inject_calls(struct daemon *d, enum inject_call call)
{
	return atomic_load(&d->inject->rule[call].calls);
}

/* Empties the lines that set the attribute, in place. */
static void
drop_attribute(char *text, const char *name)
{
	size_t len = strlen(name);

	for (char *line = text; *line != '\0'; line += *line == '\n') {
		char *end = line + strcspn(line, "\n"), *word = line + strspn(line, " \t");

		if (strncmp(word, name, len) == 0 && strspn(word + len, " \t+-=") > 0)
			memset(line, ' ', (size_t)(end - line));
		line = end;
	}
}

/* In the defaults, before their end; of a configuration without any they stand at its end, so that no line changes its number. */
static void
add_default(struct daemon *d, const char *line)
{
	const char *block = strstr(d->conf, "defaults\n{"), *end = block;
	char *text;

	if (block != NULL)
		end = strstr(block, "\n}");
	if (end == NULL)
		ck_assert_int_ge(asprintf(&text, "%s\ndefaults\n{\n%s\n}\n", d->conf, line), 0);
	else
		ck_assert_int_ge(
		    asprintf(&text, "%.*s\n%s%s", (int)(end - d->conf), d->conf, line, end), 0);
	free(d->conf);
	d->conf = text;
}

/* PORTER_SPAWN says how programs are started, see spawn in porterd.conf(5); PORTER_DROP names an attribute that is taken out of every configuration: some test must fail then. */
void
daemon_write(struct daemon *d)
{
	const char *spawn = getenv("PORTER_SPAWN");

	if (spawn != NULL && strstr(d->conf, "\tspawn = ") == NULL)
		add_default(d, text_format("\tspawn = %s", spawn));
	if (getenv("PORTER_DROP") != NULL)
		drop_attribute(d->conf, getenv("PORTER_DROP"));
	write_file(d->conf_path, 0600, d->conf);
}

static void
open_notify(struct daemon *d)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify", d->dir);
	d->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_msg(bind(d->notify_fd, (struct sockaddr *)&sa, sizeof(sa)) == 0, "%s: %s",
	    sa.sun_path, strerror(errno));
	daemon_setenv(d, "NOTIFY_SOCKET=%s", sa.sun_path);
}

static bool
is_name_equal(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len + 1) == 0 && a[len] == '=';
}

/* The environment of the daemon: ours, with the test's additions; the last entry is for LISTEN_PID. */
static void
make_environment(struct daemon *d, const char **env)
{
	size_t n = 0;

	for (char **e = environ; *e != NULL && n < ENV_MAX - 32; e++) {
		bool is_replaced = false;

		for (size_t i = 0; i < d->env_count; i++)
			is_replaced = is_replaced || is_name_equal(*e, d->env[i]);
		if (!is_replaced)
			env[n++] = *e;
	}
	for (size_t i = 0; i < d->env_count; i++)
		env[n++] = d->env[i];
	env[n] = NULL;
}

static void
place_descriptors(struct daemon *d, int log_fd)
{
	int high[DAEMON_LISTENERS + 1];

	for (size_t i = 0; i < d->listener_count; i++)
		high[i] = fcntl(d->listeners[i].fd, F_DUPFD_CLOEXEC, HIGH_FD);
	int log_high = fcntl(log_fd, F_DUPFD_CLOEXEC, HIGH_FD);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int null_high = fcntl(null, F_DUPFD_CLOEXEC, HIGH_FD);

	close(null);
	dup2(null_high, 0);
	dup2(log_high, 1);
	dup2(log_high, 2);
	for (size_t i = 0; i < d->listener_count; i++)
		dup2(high[i], FIRST_LISTEN_FD + (int)i);
}

/* In the new process. is_foreground decides about -F; wrapper words from PORTERD_WRAPPER stand in front. */
static void
run_daemon(struct daemon *d, bool is_foreground, int log_fd)
{
	static char wrapper[512], listen_pid[32], rundir[300];
	const char *argv[64], *env[ENV_MAX];
	size_t n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(wrapper, sizeof(wrapper), "%s",
	    getenv("PORTERD_WRAPPER") != NULL ? getenv("PORTERD_WRAPPER") : "");
	for (char *word = strtok(wrapper, " "); word != NULL && n < 32; word = strtok(NULL, " "))
		argv[n++] = word;
	snprintf(rundir, sizeof(rundir), "%s/run", d->dir);
	argv[n++] = d->binary != NULL ? d->binary : PORTERD;
	if (is_foreground && !d->has_own_args)
		argv[n++] = "-F";
	if (!d->has_own_args) {
		argv[n++] = "-f";
		argv[n++] = d->conf_path;
	}
	argv[n++] = "--rundir";
	argv[n++] = rundir;
	for (size_t i = 0; i < d->arg_count; i++)
		argv[n++] = d->args[i];
	argv[n] = NULL;

	make_environment(d, env);
	for (n = 0; env[n] != NULL; n++)
		;
	snprintf(listen_pid, sizeof(listen_pid), "LISTEN_PID=%d", (int)getpid());
	if (d->listener_count > 0)
		env[n++] = listen_pid;
	env[n] = NULL;
	place_descriptors(d, log_fd);
	signal(SIGPIPE, SIG_DFL);
	if (d->before_exec != NULL)
		d->before_exec(d);
	execvpe(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	_exit(127);
}

static pid_t
spawn(struct daemon *d, bool is_foreground)
{
	char names[DAEMON_LISTENERS * 65] = "";
	int fds[2];

	daemon_write(d);
	if (d->notify_fd < 0)
		open_notify(d);
	for (size_t i = 0; i < d->listener_count; i++) {
		strcat(names, i > 0 ? ":" : "");
		strcat(names, d->listeners[i].name);
	}
	if (d->listener_count > 0) {
		daemon_setenv(d, "LISTEN_FDS=%zu", d->listener_count);
		daemon_setenv(d, "LISTEN_FDNAMES=%s", names);
	}
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	d->log_fd = fds[0];
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		run_daemon(d, is_foreground, fds[1]);
	close(fds[1]);
	for (size_t i = 0; i < d->listener_count && !d->keep_listeners; i++) {
		close(d->listeners[i].fd);
		d->listeners[i].fd = -1;
	}
	return pid;
}

void
daemon_spawn(struct daemon *d)
{
	d->pid = spawn(d, true);
}

void
daemon_start(struct daemon *d)
{
	daemon_spawn(d);
	expect_notify(d, "READY=1");
}

/* Reads what is there; false at the end of the log. */
static bool
drain_log(struct daemon *d)
{
	for (;;) {
		d->log = realloc(d->log, d->log_len + 65536 + 1);
		ck_assert_ptr_nonnull(d->log);
		ssize_t n = read(d->log_fd, d->log + d->log_len, 65536);
		if (n > 0)
			d->log_len += (size_t)n;
		d->log[d->log_len] = '\0';
		if (n == 0)
			return false;
		if (n < 0)
			return true;
	}
}

const char *
daemon_command(struct daemon *d)
{
	const char *wrapper = getenv("PORTERD_WRAPPER");

	daemon_write(d);
	open_notify(d);
	return text_format("NOTIFY_SOCKET=%s/notify %s %s -F -f %s --rundir %s/run", d->dir,
	    wrapper != NULL ? wrapper : "", PORTERD, d->conf_path, d->dir);
}

int
daemon_background(struct daemon *d, const char **output)
{
	int64_t deadline = deadline_after();
	pid_t pid = spawn(d, false);

	/* The process between the starting command and the daemon becomes ours. */
	d->leaves_children = true;
	while (drain_log(d))
		if (!wait_for(d->log_fd, POLLIN, deadline))
			daemon_fail(d, "the starting command keeps standard error open");
	int status = wait_exit(pid);
	*output = d->log;
	if (!WIFEXITED(status))
		daemon_fail(d, "the starting command ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) == 0) {
		d->pid = (pid_t)atoi(read_file(text_format("%s/run/pid", d->dir)));
		if (d->pid <= 1)
			daemon_fail(d, "no pid file");
	}
	return WEXITSTATUS(status);
}

void
daemon_signal(struct daemon *d, int signo)
{
	if (kill(d->pid, signo) < 0)
		daemon_fail(d, "kill: %s", strerror(errno));
}

void
daemon_reload(struct daemon *d)
{
	daemon_write(d);
	daemon_signal(d, SIGHUP);
	expect_notify(d, "RELOADING=1");
	expect_notify(d, "READY=1");
}

int
daemon_wait(struct daemon *d)
{
	int64_t deadline = deadline_after();
	int status = 0;

	/* The log ends with the daemon; reading it meanwhile keeps the daemon from waiting for us. */
	while (!process_is_gone(d->pid)) {
		if (now_ms() > deadline)
			daemon_fail(d, "the daemon does not end");
		if (drain_log(d))
			wait_for(d->log_fd, POLLIN, now_ms() + 20);
		else
			wait_gone(d->pid);
	}
	ck_assert_int_eq(waitpid(d->pid, &status, 0), d->pid);
	d->pid = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Until all of them have ended, or the deadline. */
static void
reap_leftovers(void)
{
	int64_t deadline = deadline_after();
	sigset_t child;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		int64_t left = deadline - now_ms();
		struct timespec ts = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };

		if (left <= 0)
			break;
		if (pid == 0)
			sigtimedwait(&child, NULL, &ts);
	}
}

void
daemon_closed(struct daemon *d)
{
	drain_log(d);
	for (size_t i = 0; i < ARRAY_LEN(alarms); i++)
		if (d->log != NULL && strstr(d->log, alarms[i]) != NULL)
			daemon_fail(d, "found '%s' in the log", alarms[i]);
	if (d->leaves_children)
		reap_leftovers();
	if (has_child())
		daemon_fail(d, "the daemon left a process behind");
	close(d->log_fd);
	d->log_fd = -1;
}

void
daemon_stop(struct daemon *d)
{
	daemon_signal(d, SIGTERM);
	int status = daemon_wait(d);

	if (status != 0)
		daemon_fail(d, "exit status %d", status);
	if (!has_notify(d, "STOPPING=1"))
		daemon_fail(d, "STOPPING=1 was not sent");
	daemon_closed(d);
}

void
daemon_fail(struct daemon *d, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (d->log_fd >= 0)
		drain_log(d);
	fprintf(stderr, "--- %s\n--- configuration\n%.4000s--- log\n%s---\n", text, d->conf,
	    d->log != NULL ? d->log : "");
	ck_abort_msg("%s", text);
	abort();
}

/* True if the pieces between the '*' of the pattern follow one another in the line. */
static bool
line_matches(const char *line, size_t len, const char *pattern)
{
	const char *end = line + len;

	while (*pattern != '\0') {
		size_t piece = strcspn(pattern, "*");
		const char *at = memmem(line, (size_t)(end - line), pattern, piece);

		if (at == NULL)
			return false;
		line = at + piece;
		pattern += piece + (pattern[piece] == '*');
	}
	return true;
}

static const char *
find_lines(struct daemon *d, const char *pattern, unsigned *count)
{
	const char *found = NULL;

	*count = 0;
	for (const char *at = d->log + d->mark; d->log != NULL && *at != '\0';) {
		const char *end = strchr(at, '\n');

		if (end == NULL)
			break;
		if (line_matches(at, (size_t)(end - at), pattern)) {
			if ((*count)++ == 0)
				found = text_format("%.*s", (int)(end - at), at);
		}
		at = end + 1;
	}
	return found;
}

static const char *
await_lines(struct daemon *d, unsigned wanted, const char *pattern)
{
	int64_t deadline = deadline_after();
	unsigned count;

	for (;;) {
		bool more = drain_log(d);
		const char *line = find_lines(d, pattern, &count);

		if (count >= wanted)
			return line;
		if (!more || !wait_for(d->log_fd, POLLIN, deadline))
			daemon_fail(d, "%u of %u lines '%s' in the log", count, wanted, pattern);
	}
}

static const char *pattern_format(const char *format, va_list ap)
    __attribute__((format(printf, 1, 0)));

static const char *
pattern_format(const char *format, va_list ap)
{
	static char *text;

	free(text);
	ck_assert_int_ge(vasprintf(&text, format, ap), 0);
	return text;
}

const char *
expect_line(struct daemon *d, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	const char *pattern = pattern_format(format, ap);
	va_end(ap);
	return await_lines(d, 1, pattern);
}

void
expect_lines(struct daemon *d, unsigned count, const char *pattern)
{
	await_lines(d, count, pattern);
}

void
expect_count(struct daemon *d, unsigned count, const char *pattern)
{
	await_lines(d, count, pattern);
	ck_assert_uint_eq(count_lines(d, "%s", pattern), count);
}

unsigned
count_lines(struct daemon *d, const char *format, ...)
{
	unsigned count;
	va_list ap;

	va_start(ap, format);
	const char *pattern = pattern_format(format, ap);
	va_end(ap);
	if (d->log_fd >= 0)
		drain_log(d);
	find_lines(d, pattern, &count);
	return count;
}

void
expect_no_line(struct daemon *d, const char *format, ...)
{
	unsigned count;
	va_list ap;

	va_start(ap, format);
	const char *pattern = pattern_format(format, ap);
	va_end(ap);
	if (d->log_fd >= 0)
		drain_log(d);
	find_lines(d, pattern, &count);
	if (count > 0)
		daemon_fail(d, "'%s' is in the log", pattern);
}

void
daemon_mark(struct daemon *d)
{
	drain_log(d);
	d->mark = d->log_len;
}

static bool
holds_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)) != NULL; at += len)
		if ((at == text || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0'))
			return true;
	return false;
}

bool
has_notify(struct daemon *d, const char *line)
{
	char text[4096];
	ssize_t n;

	while ((n = recv(d->notify_fd, text, sizeof(text) - 1, MSG_DONTWAIT)) >= 0) {
		text[n] = '\0';
		if (holds_line(text, line))
			return true;
	}
	return false;
}

void
expect_notify(struct daemon *d, const char *line)
{
	int64_t deadline = deadline_after();

	while (!has_notify(d, line)) {
		/* A daemon that ends says nothing any more. */
		if (d->pid > 0 && process_is_gone(d->pid))
			daemon_fail(d, "the daemon ended before %s", line);
		drain_log(d);
		if (!wait_for(d->notify_fd, POLLIN, now_ms() + 100) && now_ms() > deadline)
			daemon_fail(d, "no %s", line);
	}
}

/* A thread of its own has woken it before it ends. */
static bool
is_alone(const struct daemon *d)
{
	return strcmp(process_status(d->pid, "Threads"), "1") == 0;
}

/* In epoll_wait, or poll, for longer than lines of its log wait for others: proc(5), /proc/pid/syscall. Where that may not be read it
 * is not known. */
static bool
sleeps_long(const struct daemon *d)
{
	long number = -1, args[6] = { 0 };
	char text[256] = "";
	int fd = open(text_format("/proc/%d/syscall", d->pid), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return true;
	if (sscanf(text, "%ld %lx %lx %lx %lx", &number, &args[0], &args[1], &args[2], &args[3]) !=
	    5)
		return false;
	int timeout_ms = (int)args[number == SYS_poll ? 2 : 3];
	return timeout_ms < 0 || timeout_ms > LINES_WAIT_MS;
}

/* What wakes it does so before the call of the one who woke it returns, so that a daemon that sleeps has seen it. */
void
daemon_idle(struct daemon *d)
{
	int64_t deadline = deadline_after();

	while (!is_alone(d) || process_status(d->pid, "State")[0] != 'S' || !sleeps_long(d) ||
	       !is_alone(d)) {
		if (now_ms() > deadline || process_is_gone(d->pid))
			daemon_fail(d, "the daemon does not come to rest");
		drain_log(d);
		sched_yield();
	}
	drain_log(d);
}

unsigned
daemon_fds(struct daemon *d)
{
	daemon_idle(d);
	return count_descriptors(d->pid);
}

long
daemon_rss_kb(struct daemon *d)
{
	return atol(process_status(d->pid, "VmRSS"));
}

static const struct listener *
find_listener(struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->listener_count; i++)
		if (strcmp(d->listeners[i].name, name) == 0)
			return &d->listeners[i];
	daemon_fail(d, "no listener %s", name);
}

int
daemon_connect(struct daemon *d, const char *name)
{
	const struct listener *l = find_listener(d, name);
	int fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_msg(fd >= 0, "socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&l->addr, l->len) < 0)
		daemon_fail(d, "connect: %s", strerror(errno));
	return fd;
}

static socklen_t
make_address(const char *address, unsigned port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (strchr(address, ':') == NULL) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		ck_assert_int_eq(inet_pton(AF_INET, address, &v4->sin_addr), 1);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	ck_assert_int_eq(inet_pton(AF_INET6, address, &v6->sin6_addr), 1);
	return sizeof(*v6);
}

int
connect_address(const char *address, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(address, port, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_msg(fd >= 0, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&ss, len) == 0)
		return fd;
	int r = -errno;
	close(fd);
	return r;
}

bool
is_served(const char *address, unsigned port)
{
	int fd = connect_address(address, port);

	if (fd < 0)
		return false;
	expect_echo(fd, "there");
	close(fd);
	return true;
}

int
connect_unix(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(strlen(path), sizeof(sa.sun_path));
	strcpy(sa.sun_path, path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	int r = -errno;
	close(fd);
	return r;
}

bool
is_answered_at(int fd)
{
	return bound_port(fd) != 37810;
}

int
datagram_socket(const char *address, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(address, port, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_msg(fd >= 0, "socket: %s", strerror(errno));
	ck_assert_msg(
	    bind(fd, (struct sockaddr *)&ss, len) == 0, "bind %s: %s", address, strerror(errno));
	if (port == 0 && !is_answered_at(fd)) {
		close(fd);
		return datagram_socket(address, port);
	}
	return fd;
}

/* Whom the address had before may still be in TIME_WAIT: numbers of processes, and with them addresses, come again. */
int
stream_socket(const char *address, unsigned port)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(address, port, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	ck_assert_msg(fd >= 0, "socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_msg(
	    bind(fd, (struct sockaddr *)&ss, len) == 0, "bind %s: %s", address, strerror(errno));
	return fd;
}

int
listen_at(const char *address, unsigned port)
{
	int fd = stream_socket(address, port);

	ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

int
datagram_to(struct daemon *d, const char *name)
{
	const struct listener *l = find_listener(d, name);
	int fd = socket(l->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&l->addr, l->len), 0);
	if (!is_answered_at(fd)) {
		close(fd);
		return datagram_to(d, name);
	}
	return fd;
}

int
hold_open(struct daemon *d, const char *name)
{
	int fd = daemon_connect(d, name);

	ask_pid(fd);
	return fd;
}

const char *
shown_by(struct daemon *d, const char *name)
{
	int fd = daemon_connect(d, name);
	const char *text = read_all(fd);

	close(fd);
	return text;
}
