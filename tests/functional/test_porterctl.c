/* SPDX-License-Identifier: MIT */
/* Each command of porterctl against a daemon: what people read, what programs read, and the exit status. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/command_row.h"
#include "functional/control.h"

#define HOLD "\tserver = @PROGRAMS@/hold\n"
#define ASSERT_HAS(text, part) \
 ck_assert_msg(strstr((text), (part)) != NULL, "no '%s' in:\n%.3000s", (part), (text))
#define ASSERT_HAS_NOT(text, part) \
 ck_assert_msg(strstr((text), (part)) == NULL, "'%s' in:\n%.3000s", (part), (text))

/* "web" and "idle" serve, "off" is disabled. */
static struct daemon *
started(void)
{
	struct daemon *d = daemon_new();

	daemon_service(d, "web", "tcp", HOLD);
	daemon_service(d, "idle", "tcp", HOLD "\tinstances = 5\n");
	daemon_entry(d, "off", HOLD "\tdisable = yes\n\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	return d;
}

/* The output of a command that succeeds. */
#define OUTPUT(d, ...)            output_of(porterctl((d), __VA_ARGS__, NULL), 0)
/* That of one that ends with a status. */
#define OUTPUT_OF(status, d, ...) output_of(porterctl((d), __VA_ARGS__, NULL), (status))
/* Its standard output as JSON. */
#define JSON(d, ...)              json_of(OUTPUT((d), __VA_ARGS__, "--json"))

static const char *
output_of(struct run_result r, int status)
{
	ck_assert_msg(r.status == status, "status %d: %s", r.status, r.output);
	return text_format("%s", r.output);
}

static json_t *
json_of(const char *text)
{
	json_error_t error;
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(j != NULL, "%s: %s", error.text, text);
	return j;
}

/* A command that goes on: its output comes through the descriptor. */
static pid_t
begin(struct daemon *d, int *out, const char *const *args)
{
	const char *argv[16] = { PORTERCTL, "--control", control_path(d) };
	int fds[2];

	for (size_t i = 0; args[i] != NULL; i++)
		argv[3 + i] = args[i];
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

static int
exit_status(pid_t pid)
{
	int status = wait_exit(pid);

	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

START_TEST(status)
{
	struct daemon *d = started();
	int fd = hold_open(d, "web");
	const char *text = OUTPUT(d, "status");

	ASSERT_HAS(text, text_format("pid %d\n", (int)d->pid));
	ASSERT_HAS(text, text_format("configuration   %s, loaded 2", d->conf_path));
	ASSERT_HAS(text, "services        2 serving, 1 disabled\n");
	ASSERT_HAS(text, "listeners       2, 0 not bound\n");
	ASSERT_HAS(text, "running         1 of at most ");
	ASSERT_HAS(text, "\nwrong           nothing\n");
	json_t *j = JSON(d, "status");
	ck_assert_int_eq(json_number_at(j, "pid"), d->pid);
	ck_assert_int_eq(json_number_at(j, "running"), 1);
	ck_assert_int_eq(json_number_at(j, "services.serving"), 2);
	json_decref(j);
	OUTPUT(d, "disable", "idle");
	text = OUTPUT(d, "status");
	ASSERT_HAS(text, "SERVICE  WRONG  WHAT\nidle     off    ");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(services)
{
	struct daemon *d = started();
	int fd = hold_open(d, "web");
	const char *text = OUTPUT(d, "services");

	ck_assert_int_eq(strncmp(text, "SERVICE  STATE     RUNNING  LIMIT  QUEUED  ", 43), 0);
	ASSERT_HAS(
	    text, "\nweb      serving         1      -       0         1        0       0  2");
	ASSERT_HAS(
	    text, "\nidle     serving         0      5       0         0        0       0  -");
	ASSERT_HAS(text, "\noff      disabled        0 ");
	ASSERT_HAS(text, "/hold\n");
	json_t *j = JSON(d, "services");
	ck_assert_uint_eq(json_array_size(json_at(j, "services")), 3);
	ck_assert_str_eq(json_text_at(j, "services.0.id"), "web");
	const char *address = text_format("%s", json_text_at(j, "services.0.listeners.0.address"));
	json_decref(j);
	ck_assert_str_eq(OUTPUT(d, "services", "--ids"), "web\nidle\noff\n");
	ASSERT_HAS_NOT(OUTPUT(d, "services", "idle"), "web");
	ASSERT_HAS(OUTPUT(d, "services", text_format("web@%s", address)), "\nweb ");
	ASSERT_HAS(OUTPUT_OF(1, d, "services", "web@tcp:1.2.3.4:5"), "porterctl: ");
	ck_assert_str_eq(OUTPUT_OF(1, d, "services", "nobody", "--ids"), "");
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(show)
{
	struct daemon *d = started();
	const char *text = OUTPUT(d, "show", "idle");

	ASSERT_HAS(text, "service         idle\nstate           serving\nwritten in      ");
	ASSERT_HAS(text, "\nlisteners       inherited:stream:idle listening\n");
	ASSERT_HAS(text, "\nATTRIBUTE ");
	ASSERT_HAS(text, text_format("\ninstances%*s5  ", 13, ""));
	OUTPUT(d, "set", "idle", "instances", "7");
	text = OUTPUT(d, "show", "idle");
	ASSERT_HAS(text, "  set\n");
	json_t *j = JSON(d, "show", "idle");
	ck_assert_int_eq(json_number_at(j, "services.0.instances"), 7);
	ck_assert_str_eq(json_text_at(j, "services.0.overrides.0.name"), "instances");
	json_decref(j);
	ASSERT_HAS(OUTPUT(d, "show", "off"), "state           disabled");
	daemon_stop(d);
}

END_TEST

START_TEST(connections)
{
	struct daemon *d = started();
	int fd = hold_open(d, "web"), other = hold_open(d, "idle");
	pid_t pid = ask_pid(fd);
	const char *text = OUTPUT(d, "connections");

	ck_assert_int_eq(strncmp(text, "CONN  SERVICE ", 14), 0);
	ASSERT_HAS(text, "   1  web ");
	ASSERT_HAS(text, text_format("  %d  127.0.0.1 port ", (int)pid));
	ASSERT_HAS_NOT(OUTPUT(d, "connections", "web"), "idle");
	json_t *j = JSON(d, "connections", "web");
	ck_assert_uint_eq(json_array_size(json_at(j, "connections")), 1);
	ck_assert_int_eq(json_number_at(j, "connections.0.pid"), pid);
	ck_assert_int_ge(json_number_at(j, "connections.0.cpu_ms"), 0);
	ck_assert_int_gt(json_number_at(j, "connections.0.rss_kb"), 0);
	json_decref(j);
	/* A tenth of a second of it is seen. */
	send_text(fd, "burn\n");
	ck_assert_str_eq(read_line(fd), "burnt");
	j = JSON(d, "connections", "web");
	ck_assert_int_ge(json_number_at(j, "connections.0.cpu_ms"), 50);
	json_decref(j);
	close(fd);
	close(other);
	daemon_stop(d);
}

END_TEST

START_TEST(top_in_batches)
{
	struct daemon *d = started();
	int fd = hold_open(d, "idle");
	const char *text = OUTPUT(d, "top", "-d", "0.1");

	ck_assert_int_eq(strncmp(text, "porterd ", 8), 0);
	ASSERT_HAS(text, "\nsorted by running\nSERVICE  STATE    RUNNING ");
	/* The one that runs is first; disabled ones are not there. */
	ASSERT_HAS(text, "PROCESSES\nidle     serving        1 ");
	ASSERT_HAS_NOT(text, "disabled");
	text = OUTPUT(d, "top", "-d", "0.1", "--sort", "name", "-n", "2");
	ASSERT_HAS(text, "\nsorted by name\n");
	ASSERT_HAS(text, "\n\nporterd ");
	text = OUTPUT(d, "top", "--json", "-d", "0.1", "-n", "3");
	unsigned lines = 0;
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1, lines++) {
		json_t *j = json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES, NULL);

		ck_assert_str_eq(json_text_at(j, "services.0.id"), "idle");
		ck_assert_int_eq(json_number_at(j, "services.0.running"), 1);
		ck_assert_int_gt(json_number_at(j, "services.0.rss_kb"), 0);
		ck_assert(json_is_real(json_at(j, "services.0.accepted_rate")));
		json_decref(j);
	}
	ck_assert_uint_eq(lines, 3);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(logs)
{
	struct daemon *d = started();
	int fd = hold_open(d, "web"), other = hold_open(d, "idle");
	const char *text = OUTPUT(d, "logs");

	ASSERT_HAS(text, "info     event=ready ");
	ASSERT_HAS(text, "activity START: web pid=");
	ck_assert_int_eq(strncmp(text, "20", 2), 0);
	text = OUTPUT(d, "logs", "--service", "idle", "--kind", "activity");
	ASSERT_HAS(text, "START: idle ");
	ASSERT_HAS_NOT(text, "web");
	text = OUTPUT(d, "logs", "--connection", "1");
	ASSERT_HAS(text, "START: web ");
	ASSERT_HAS_NOT(text, "idle");
	ck_assert_str_eq(OUTPUT(d, "logs", "--level", "error", "--kind", "daemon"), "");
	text = OUTPUT(d, "logs", "--match", "event=ready", "-n", "1");
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	text = OUTPUT(d, "logs", "-n", "1", "--kind", "activity", "--json");
	char *end = strchr(text, '\n');
	ck_assert_ptr_nonnull(end);
	json_t *j = json_loadb(text, (size_t)(end - text), 0, NULL);
	ck_assert_str_eq(json_text_at(j, "event"), "line");
	ck_assert_str_eq(json_text_at(j, "service"), "idle");
	json_decref(j);
	ASSERT_HAS(end, "{\"event\":\"end\"}");
	close(fd);
	close(other);
	daemon_stop(d);
}

END_TEST

/* Until all who follow have asked and are told of somebody: from then on nothing gets lost. The number of the next connection, which is
 * alone. */
static unsigned
until_told(struct daemon *d, const int *followers, size_t count)
{
	unsigned connection = 1;

	for (size_t i = 0; i < count;) {
		close(hold_open(d, "web"));
		expect_line(d, "EXIT: web *conn=%u", connection++);
		while (i < count && wait_for(followers[i], POLLIN, now_ms() + 10))
			i++;
	}
	return connection;
}

/* The next line that has the text; the others are of no interest. */
static const char *
line_with(int fd, const char *text)
{
	const char *line;

	do
		line = read_line(fd);
	while (strstr(line, text) == NULL);
	return line;
}

START_TEST(logs_that_follow)
{
	struct daemon *d = started();
	const char *const follow[] = { "logs", "-f", "-n", "0", "--kind", "activity", NULL };
	const char *const trace[] = { "trace", "web", NULL };
	const char *const trace_json[] = { "trace", "web", "--json", NULL };
	int out, traced, objects;
	pid_t pid = begin(d, &out, follow), tracer = begin(d, &traced, trace);
	pid_t json_tracer = begin(d, &objects, trace_json);

	unsigned count = until_told(d, (int[]){ out, traced, objects }, 3);
	int fd = hold_open(d, "web");
	ASSERT_HAS(line_with(out, text_format(" conn=%u", count)), " activity START: web pid=");
	line_with(traced, text_format(" trace    web conn=%u ", count));
	json_t *event = json_of(line_with(objects, text_format("\"connection\":%u", count)));
	ck_assert_str_eq(json_text_at(event, "kind"), "trace");
	ck_assert_int_eq(json_number_at(event, "connection"), count);
	json_decref(event);
	close(fd);
	ASSERT_HAS(line_with(out, text_format(" conn=%u", count)), " activity EXIT: web status=0 ");
	/* The daemon's end is that of the stream. */
	daemon_signal(d, SIGTERM);
	ASSERT_HAS(read_all(out), "porterctl: porterd has ended\n");
	ck_assert_int_eq(exit_status(pid), 1);
	ck_assert_int_eq(exit_status(tracer), 1);
	ck_assert_int_eq(exit_status(json_tracer), 1);
	ck_assert_int_eq(daemon_wait(d), 0);
	daemon_closed(d);
	close(out);
	close(traced);
	close(objects);
}

END_TEST

START_TEST(bans)
{
	struct daemon *d = started();

	ck_assert_str_eq(OUTPUT(d, "bans"), "ADDRESS  UNTIL  LEFT  REFUSED\n");
	ASSERT_HAS(OUTPUT(d, "ban", "192.0.2.7", "--for", "10m"), "192.0.2.7 is banned until 2");
	ck_assert_str_eq(
	    OUTPUT(d, "ban", "2001:db8::/32"), "2001:db8::/32 is banned until unban\n");
	const char *text = OUTPUT(d, "bans");
	ASSERT_HAS(text, "\n192.0.2.7      2");
	ASSERT_HAS(text, "\n2001:db8::/32  unban ");
	ck_assert(strstr(text, "  10m 0s  ") != NULL || strstr(text, "   9m 59s  ") != NULL);
	json_t *j = JSON(d, "bans");
	ck_assert_uint_eq(json_array_size(json_at(j, "bans")), 2);
	json_decref(j);
	j = JSON(d, "ban", "198.51.100.1", "--for", "90");
	ck_assert_str_eq(json_text_at(j, "address"), "198.51.100.1");
	ck_assert_int_gt(json_number_at(j, "until"), 0);
	json_decref(j);
	ck_assert_str_eq(OUTPUT(d, "unban", "192.0.2.7"), "192.0.2.7 is served again\n");
	j = JSON(d, "unban", "198.51.100.1");
	ck_assert_str_eq(json_text_at(j, "address"), "198.51.100.1");
	json_decref(j);
	ASSERT_HAS(OUTPUT_OF(1, d, "unban", "198.51.100.1"), "porterctl: ");
	ASSERT_HAS(OUTPUT_OF(1, d, "ban", "nonsense"), "porterctl: nonsense ");
	ASSERT_HAS(OUTPUT_OF(2, d, "ban", "192.0.2.1", "--for", "soon"), "--for takes a time");
	daemon_stop(d);
}

END_TEST

START_TEST(enable_and_disable)
{
	struct daemon *d = started();

	ck_assert_str_eq(OUTPUT(d, "disable", "web"), "web: off\n");
	ASSERT_HAS(OUTPUT(d, "services", "web"), "\nweb      off ");
	json_t *j = JSON(d, "enable", "web");
	ck_assert_str_eq(json_text_at(j, "services.0.state"), "serving");
	json_decref(j);
	j = JSON(d, "disable", "web");
	ck_assert_str_eq(json_text_at(j, "services.0.state"), "off");
	json_decref(j);
	ck_assert_str_eq(OUTPUT(d, "enable", "web"), "web: serving\n");
	ASSERT_HAS(OUTPUT_OF(1, d, "disable", "wbe"), "porterctl: ");
	daemon_stop(d);
}

END_TEST

START_TEST(drain)
{
	struct daemon *d = started();
	const char *const args[] = { "drain", "web", NULL };
	int fd = hold_open(d, "web"), out;

	ASSERT_HAS(OUTPUT_OF(1, d, "drain", "web", "--timeout", "1"),
	    "web: 1 running\nporterctl: the time is over: 1 programs of web still run; it stays off");
	/* Ctrl-C ends the waiting, not the draining. */
	pid_t pid = begin(d, &out, args);
	ck_assert_str_eq(read_line(out), "web: 1 running");
	kill(pid, SIGINT);
	ASSERT_HAS(read_all(out), "porterctl: interrupted: 1 programs of web still run");
	ck_assert_int_eq(exit_status(pid), 130);
	close(out);
	ASSERT_HAS(OUTPUT(d, "services", "web"), "\nweb      off ");
	expect_echo(fd, "still served");
	pid = begin(d, &out, args);
	ck_assert_str_eq(read_line(out), "web: 1 running");
	close(fd);
	ck_assert_str_eq(read_all(out), "web: drained\n");
	ck_assert_int_eq(exit_status(pid), 0);
	close(out);
	json_t *j = JSON(d, "drain", "idle");
	ck_assert_str_eq(json_text_at(j, "services.0.id"), "idle");
	ck_assert_int_eq(json_number_at(j, "services.0.running"), 0);
	json_decref(j);
	daemon_stop(d);
}

END_TEST

START_TEST(drain_of_a_service_that_a_reload_removes)
{
	struct daemon *d = daemon_new();
	const char *const args[] = { "drain", "old", NULL };
	int out;

	daemon_entry(d, "web", HOLD "\tlisten = @ADDR@:3600\n");
	char *rest = strdup(d->conf);
	daemon_entry(d, "old", HOLD "\tlisten = @ADDR@:3601\n");
	daemon_start(d);
	int fd = connect_address(own_address(0), 3601);
	expect_echo(fd, "there");
	pid_t pid = begin(d, &out, args);
	ck_assert_str_eq(read_line(out), "old: 1 running");
	daemon_clear(d);
	daemon_add(d, "%s", rest);
	daemon_reload(d);
	close(fd);
	ck_assert_str_eq(read_all(out), "old: drained\n");
	ck_assert_int_eq(exit_status(pid), 0);
	close(out);
	free(rest);
	daemon_stop(d);
}

END_TEST

START_TEST(drain_when_the_daemon_goes_away)
{
	struct daemon *d = started();
	const char *const args[] = { "drain", "web", NULL };
	int fd = hold_open(d, "web"), out;
	pid_t pid = begin(d, &out, args);

	ck_assert_str_eq(read_line(out), "web: 1 running");
	daemon_signal(d, SIGKILL);
	ck_assert_str_eq(
	    read_all(out), "porterctl: porterd answers no more; web stays off while it runs\n");
	ck_assert_int_eq(exit_status(pid), 1);
	d->leaves_children = true;
	daemon_wait(d);
	close(fd);
	close(out);
	daemon_closed(d);
}

END_TEST

START_TEST(kill_programs)
{
	struct daemon *d = started();
	int fd = hold_open(d, "web"), other = hold_open(d, "web");
	pid_t pid = ask_pid(fd);

	ck_assert_str_eq(OUTPUT(d, "kill", text_format("%d", (int)pid)),
	    text_format("signalled %d\n", (int)pid));
	expect_closed(fd);
	expect_line(d, "EXIT: web signal=%d pid=%d *", SIGTERM, (int)pid);
	expect_echo(other, "not this one");
	json_t *j = JSON(d, "kill", "web", "--signal", "KILL");
	ck_assert_uint_eq(json_array_size(json_at(j, "signalled")), 1);
	json_decref(j);
	expect_closed(other);
	expect_line(d, "EXIT: web signal=%d *", SIGKILL);
	ck_assert_str_eq(OUTPUT(d, "kill", "web"), "no program runs\n");
	ASSERT_HAS(OUTPUT_OF(1, d, "kill", "1"), "porterctl: ");
	ASSERT_HAS(OUTPUT_OF(1, d, "kill", "web", "-s", "NONSENSE"), "porterctl: ");
	close(fd);
	close(other);
	daemon_stop(d);
}

END_TEST

START_TEST(set)
{
	struct daemon *d = started();

	ck_assert_str_eq(OUTPUT(d, "set", "idle", "instances", "9"),
	    "idle: instances was 5, is 9 until the next reload\n");
	json_t *j = JSON(d, "set", "idle", "instances", "11");
	ck_assert_str_eq(json_text_at(j, "services.0.old"), "9");
	ck_assert_str_eq(json_text_at(j, "services.0.new"), "11");
	json_decref(j);
	ASSERT_HAS(OUTPUT_OF(1, d, "set", "idle", "instances", "many"), "porterctl: ");
	ASSERT_HAS(OUTPUT_OF(1, d, "set", "idle", "server", "/bin/true"), "porterctl: ");
	daemon_stop(d);
}

END_TEST

/* All from the file: --check knows nothing of sockets that are handed over. */
static struct daemon *
started_alone(void)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "web", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_start(d);
	return d;
}

START_TEST(reload_and_diff)
{
	struct daemon *d = started_alone();

	ck_assert_str_eq(OUTPUT(d, "diff"), "a reload would change nothing\n");
	daemon_entry(d, "fresh", HOLD "\tlisten = @ADDR@:3602\n");
	daemon_write(d);
	const char *text = OUTPUT(d, "diff");
	ASSERT_HAS(text, "+ service fresh\n");
	ASSERT_HAS(text, text_format("+ listener tcp:%s:3602\n", own_address(0)));
	json_t *j = JSON(d, "diff");
	ck_assert_str_eq(json_string_value(json_at(j, "added.0")), "fresh");
	json_decref(j);
	ASSERT_HAS(
	    OUTPUT(d, "reload", "--dry-run"), "a reload would be taken: 2 services, 2 listeners");
	ASSERT_HAS_NOT(OUTPUT(d, "services"), "\nfresh ");
	ASSERT_HAS(OUTPUT(d, "reload"), "reloaded: 2 services, 2 listeners, 0 not bound");
	ASSERT_HAS(OUTPUT(d, "services"), "\nfresh ");
	j = JSON(d, "reload");
	ck_assert_int_eq(json_number_at(j, "services"), 2);
	json_decref(j);
	daemon_stop(d);
}

END_TEST

START_TEST(reload_shows_a_note_of_many_lines_once)
{
	struct daemon *d = started_alone();

	for (unsigned i = 1; i <= 3; i++)
		daemon_entry(d, text_format("more%u", i),
		    text_format(HOLD "\tlisten = @ADDR@:361%u\n\tflags = REUSE\n", i));
	daemon_entry(d, "other", HOLD "\tlisten = @ADDR@:3614\n\tlog_on_failure = HOST ATTEMPT\n");
	daemon_write(d);
	const char *text = OUTPUT(d, "reload"), *first = strstr(text, "note: flags: REUSE ");

	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(strstr(first + 1, "note: flags: REUSE "));
	ASSERT_HAS(first, " (and 2 more like it)\n");
	ASSERT_HAS(text, "note: log_on_failure: ATTEMPT ");
	daemon_stop(d);
}

END_TEST

START_TEST(what_is_not_there_is_not_shown_as_something)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "web", HOLD "\tlisten = @ADDR@:3600\n");
	daemon_entry(d, "lost", "\tlisten = @ADDR@:3615\n");
	daemon_start(d);
	ASSERT_HAS(OUTPUT(d, "show", "lost"), "\nprogram         -\n");
	ASSERT_HAS(OUTPUT(d, "show", "web"), "\nrlimit_as                  ");
	daemon_stop(d);
}

END_TEST

/* What --check prints of the file. */
static const char *
checked(struct daemon *d)
{
	const char *const argv[] = { PORTERD, "--check", "-f", d->conf_path, NULL };

	return text_format("%s", run_command(argv).output);
}

START_TEST(refused_reload_prints_what_check_prints)
{
	struct daemon *d = started_alone();

	daemon_entry(d, "bad", HOLD "\tlisten = @ADDR@:3603\n\tinstances = some\n\tnise = 3\n");
	daemon_entry(d, "worse", "\tserver = @DIR@/missing\n\tlisten = @ADDR@:3604\n\tnice = 99\n");
	daemon_write(d);
	const char *problems = checked(d);
	ASSERT_HAS(problems, ": error: ");
	ASSERT_HAS(problems, "      | ");
	const char *text = OUTPUT_OF(1, d, "reload");
	ck_assert_msg(strncmp(text, problems, strlen(problems)) == 0, "%s---\n%s", text, problems);
	ASSERT_HAS(text + strlen(problems), "porterctl: ");
	text = OUTPUT_OF(1, d, "diff");
	ck_assert_msg(strncmp(text, problems, strlen(problems)) == 0, "%s---\n%s", text, problems);
	ASSERT_HAS(text, "a reload would be refused\n");
	ck_assert_int_eq(porterctl(d, "reload", "--dry-run", NULL).status, 1);
	ck_assert_str_eq(OUTPUT(d, "services", "--ids"), "web\n");
	struct run_result r = porterctl(d, "reload", "--json", NULL);
	ck_assert_int_eq(r.status, 1);
	*strchr(r.output, '\n') = '\0';
	json_t *j = json_of(r.output);
	ck_assert_str_eq(json_text_at(j, "error.code"), "refused");
	ck_assert_uint_ge(json_array_size(json_at(j, "error.problems")), 2);
	json_decref(j);
	daemon_stop(d);
}

END_TEST

START_TEST(check_does_as_porterd_does)
{
	struct daemon *d = daemon_new();

	daemon_entry(d, "bad", HOLD "\tlisten = @ADDR@:3603\n\tinstances = some\n\tnise = 3\n");
	daemon_write(d);
	ck_assert_str_eq(OUTPUT_OF(1, d, "check", d->conf_path), checked(d));
	struct run_result r = porterctl(d, "check", d->conf_path, "--json", NULL);
	ck_assert_int_eq(r.status, 1);
	json_t *j = json_of(r.output);
	ck_assert_int_ge(json_number_at(j, "errors"), 1);
	ck_assert_str_eq(json_text_at(j, "problems.0.severity"), "error");
	json_decref(j);
	daemon_clear(d);
	daemon_entry(d, "good", HOLD "\tlisten = @ADDR@:3603\n");
	daemon_write(d);
	ck_assert_str_eq(OUTPUT(d, "check", d->conf_path), checked(d));
	j = JSON(d, "check", d->conf_path);
	ck_assert_int_eq(json_number_at(j, "services"), 1);
	json_decref(j);
	ck_assert_int_eq(porterctl(d, "check", "/nonexistent", NULL).status, 1);
}

END_TEST

START_TEST(metrics)
{
	struct daemon *d = started();
	int fd = hold_open(d, "web");
	const char *text = OUTPUT(d, "metrics");
	size_t len = strlen(text);

	ASSERT_HAS(text, "# TYPE porterd_service_accepted counter\n");
	ASSERT_HAS(text,
	    "\nporterd_service_accepted_total{service=\"web\",address=\"inherited:stream:web\"} 1\n");
	ck_assert_str_eq(text + len - 6, "# EOF\n");
	json_t *j = JSON(d, "metrics");
	ck_assert_str_eq(json_text_at(j, "services.0.id"), "web");
	ck_assert_int_eq(json_number_at(j, "services.0.figures.service_accepted"), 1);
	json_decref(j);
	close(fd);
	daemon_stop(d);
}

END_TEST

START_TEST(upgrade)
{
	const char *const follow[] = { "logs", "-f", "-n", "0", "--kind", "activity", NULL };
	struct daemon *d = started();
	int out;
	pid_t pid = begin(d, &out, follow);
	unsigned count = until_told(d, &out, 1);
	int fd = hold_open(d, "web");

	line_with(out, text_format("START: web pid=%d ", (int)ask_pid(fd)));
	ck_assert_str_eq(OUTPUT(d, "upgrade"), "porterd " VERSION " serves now\n");
	json_t *j = JSON(d, "upgrade");
	ck_assert_str_eq(json_text_at(j, "version"), VERSION);
	json_decref(j);
	expect_echo(fd, "still here");
	j = JSON(d, "status");
	ck_assert_int_eq(json_number_at(j, "upgrades"), 2);
	ck_assert_int_eq(json_number_at(j, "running"), 1);
	json_decref(j);
	/* Who follows the log goes on with the new one. */
	close(fd);
	ASSERT_HAS(line_with(out, text_format(" conn=%u", count)), " activity EXIT: web status=0 ");
	kill(pid, SIGTERM);
	ck_assert_int_eq(exit_status(pid), 128 + SIGTERM);
	close(out);
	daemon_stop(d);
}

END_TEST

START_TEST(stop)
{
	struct daemon *d = started();
	int fd = hold_open(d, "web");
	const char *text = OUTPUT(d, "stop");

	ck_assert_str_eq(text, "porterd ends; 1 programs run\nporterd has ended\n");
	ck_assert_int_eq(daemon_wait(d), 0);
	expect_closed(fd);
	close(fd);
	daemon_closed(d);
	ASSERT_HAS(OUTPUT_OF(3, d, "status"), "porterctl: there is no socket ");
	d = started();
	json_t *j = JSON(d, "stop", "--now");
	ck_assert_int_eq(json_number_at(j, "running"), 0);
	json_decref(j);
	ck_assert_int_eq(daemon_wait(d), 0);
	daemon_closed(d);
}

END_TEST

static const struct {
	const char *args[6];
	const char *text;
} wrong_uses[] = {
	{ { NULL }, "porterctl: a command is missing; see porterctl help\n" },
	{ { "stauts" },
	    "porterctl: unknown command 'stauts', perhaps 'status'; see porterctl help\n" },
	{ { "xyzzy" }, "porterctl: unknown command 'xyzzy'; see porterctl help\n" },
	{ { "show" }, "porterctl: show needs ID; see porterctl help show\n" },
	{ { "set", "a", "b" }, "porterctl: set needs ID ATTRIBUTE VALUE; " },
	{ { "status", "more" },
	    "porterctl: an argument too many: more; see porterctl help status\n" },
	{ { "status", "--follow" },
	    "porterctl: unknown option --follow; see porterctl help status\n" },
	{ { "logs", "--folow" }, "porterctl: unknown option --folow, perhaps --follow; " },
	{ { "status", "-z" }, "porterctl: unknown option -z; " },
	{ { "--bogus", "status" }, "porterctl: unknown option --bogus; see porterctl help\n" },
	{ { "logs", "--lines" }, "porterctl: --lines needs a value; " },
	{ { "logs", "-n", "ten" }, "porterctl: --lines takes a number, not 'ten'; " },
	{ { "logs", "-n", "-1" }, "porterctl: --lines takes a number, not '-1'; " },
	{ { "logs", "-n", "99999999999999999999" },
	    "porterctl: --lines takes a number from 0 to " },
	{ { "logs", "--connection", "0" }, "porterctl: --connection takes a number from 1 to " },
	{ { "logs", "--level", "waring" },
	    "porterctl: --level does not take 'waring', perhaps 'warning'; " },
	{ { "logs", "--kind", "x" },
	    "porterctl: --kind does not take 'x', but daemon, activity or trace; " },
	{ { "logs", "--follow=yes" }, "porterctl: --follow takes no value; " },
	{ { "top", "-d", "0" }, "porterctl: --delay takes seconds from 0.1 to " },
	{ { "top", "-d", "nan" }, "porterctl: --delay takes seconds from 0.1 to " },
	{ { "top", "--sort", "size" }, "porterctl: --sort does not take 'size'" },
	{ { "drain", "a", "--timeout", "0" }, "porterctl: --timeout takes a number from 1 to " },
	{ { "ban", "192.0.2.1", "--for", "-5" }, "porterctl: --for takes a time as " },
	{ { "completion", "csh" },
	    "porterctl: there is completion for bash, zsh and fish, not for 'csh'; " },
	{ { "help", "nothing" }, "porterctl: unknown command 'nothing'; see porterctl help\n" },
	{ { "help", "stauts" },
	    "porterctl: unknown command 'stauts', perhaps 'status'; see porterctl help\n" },
	{ { "show", "\xff\033[31m" }, "porterctl: there is no socket " },
};

/* Without a daemon: what is wrong is seen before one is asked. */
START_TEST(wrong_use)
{
	const char *argv[9] = { PORTERCTL };
	struct run_result r;
	bool is_use = strstr(wrong_uses[_i].text, "no socket") == NULL;

	setenv("PORTER_CONTROL", "/nonexistent/control", 1);
	for (size_t i = 0; wrong_uses[_i].args[i] != NULL; i++)
		argv[1 + i] = wrong_uses[_i].args[i];
	r = run_command(argv);
	ck_assert_int_eq(r.status, is_use ? 2 : 3);
	ck_assert_msg(strncmp(r.output, wrong_uses[_i].text, strlen(wrong_uses[_i].text)) == 0,
	    "%s", r.output);
	ck_assert_ptr_eq(strchr(r.output, '\n'), r.output + strlen(r.output) - 1);
	/* The same as JSON on standard output. */
	memmove(&argv[2], &argv[1], sizeof(argv) - 2 * sizeof(argv[0]));
	argv[1] = "--json";
	r = run_command(argv);
	ck_assert_int_eq(r.status, is_use ? 2 : 3);
	ck_assert_ptr_nonnull(strchr(r.output, '\n'));
	*strchr(r.output, '\n') = '\0';
	json_t *j = json_of(r.output);
	ck_assert_str_eq(json_text_at(j, "error.code"), is_use ? "usage" : "no-daemon");
	json_decref(j);
}

END_TEST

/* Without a daemon, too. */
START_TEST(help_of_each_command)
{
	const struct ctl_command *command = &ctl_commands[_i];
	const char *const help[] = { PORTERCTL, "help", command->name, NULL };
	const char *const list[] = { PORTERCTL, "--help", NULL };
	const char *const option[] = { PORTERCTL, command->name, "--help", NULL };
	const char *page = output_of(run_command(help), 0);

	ASSERT_HAS(page, text_format("usage: porterctl %s", command->name));
	ASSERT_HAS(page, text_format("porterctl %s", command->name));
	ASSERT_HAS(page, "\nexamples:\n");
	for (int i = 0; i < CTL_OPTION_MAX; i++)
		if ((command->options & 1UL << i) != 0)
			ASSERT_HAS(page, text_format("--%s", ctl_options[i].name));
	ck_assert_str_eq(output_of(run_command(option), 0), page);
	ASSERT_HAS(output_of(run_command(list), 0), text_format("\n  %s ", command->name));
	for (size_t i = 0; ctl_words(CTL_WORD_SHELL)[i] != NULL; i++) {
		const char *const completion[] = { PORTERCTL, "completion",
			ctl_words(CTL_WORD_SHELL)[i], NULL };

		ASSERT_HAS(output_of(run_command(completion), 0), command->name);
	}
}

END_TEST

START_TEST(version)
{
	const char *const argv[] = { PORTERCTL, "--version", NULL };

	ck_assert_str_eq(output_of(run_command(argv), 0), "porterctl " VERSION "\n");
}

END_TEST

START_TEST(full_output_is_an_error)
{
	struct daemon *d = started();
	const char *const argv[] = { "/bin/sh", "-c",
		text_format("%s --control %s status >/dev/full", PORTERCTL, control_path(d)),
		NULL };

	ASSERT_HAS(
	    output_of(run_command(argv), 1), "porterctl: standard output cannot be written\n");
	daemon_stop(d);
}

END_TEST

/* As another user, who may not open the socket; who may, but has no right; who may look. */
START_TEST(without_rights)
{
	struct daemon *d = daemon_new();
	const char *as = "setpriv --reuid=65534 --regid=65534 --clear-groups";

	if (!is_root()) {
		test_skip("without_rights", "not root");
		return;
	}
	daemon_add(d, "defaults\n{\n\tcontrol_mode = 0666\n}\n");
	daemon_service(d, "web", "tcp", HOLD);
	daemon_start(d);
	/* The directories above the socket must let others through. */
	ck_assert_int_eq(chmod(text_format("%s/run", d->dir), 0755), 0);
	const char *const refused[] = { "/bin/sh", "-c",
		text_format("%s %s --control %s status", as, PORTERCTL, control_path(d)), NULL };
	ASSERT_HAS(output_of(run_command(refused), 4), "porterctl: ");
	ck_assert_int_eq(chmod(control_path(d), 0600), 0);
	ASSERT_HAS(output_of(run_command(refused), 4), "porterctl: no permission to use ");
	daemon_clear(d);
	daemon_add(d, "defaults\n{\n\tcontrol_mode = 0666\n\tcontrol_owner = 65534\n}\n");
	daemon_service(d, "web", "tcp", HOLD);
	daemon_reload(d);
	ASSERT_HAS(output_of(run_command(refused), 0), "porterd ");
	const char *const change[] = { "/bin/sh", "-c",
		text_format("%s %s --control %s disable web", as, PORTERCTL, control_path(d)),
		NULL };
	ASSERT_HAS(output_of(run_command(change), 4), "porterctl: ");
	expect_line(d, "*event=control-denied *uid=65534 *");
	daemon_stop(d);
}

END_TEST

int
main(void)
{
	const struct suite_test tests[] = {
		TEST(status),
		TEST(services),
		TEST(show),
		TEST(connections),
		TEST(top_in_batches),
		TEST(logs),
		TEST(logs_that_follow),
		TEST(bans),
		TEST(enable_and_disable),
		TEST(drain),
		TEST(drain_of_a_service_that_a_reload_removes),
		TEST(drain_when_the_daemon_goes_away),
		TEST(kill_programs),
		TEST(set),
		TEST(reload_and_diff),
		TEST(reload_shows_a_note_of_many_lines_once),
		TEST(what_is_not_there_is_not_shown_as_something),
		TEST(refused_reload_prints_what_check_prints),
		TEST(check_does_as_porterd_does),
		TEST(metrics),
		TEST(upgrade),
		TEST(stop),
		TEST_LOOP(wrong_use, ARRAY_LEN(wrong_uses)),
		TEST_LOOP(help_of_each_command, (int)ctl_command_count),
		TEST(version),
		TEST(full_output_is_an_error),
		TEST(without_rights),
	};

	return run_functional("porterctl", tests, ARRAY_LEN(tests));
}
