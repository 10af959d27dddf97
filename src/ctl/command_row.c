/* SPDX-License-Identifier: MIT */
#include "ctl/command_row.h"

#include <string.h>

#include "base/mem.h"
#include "conf/attr.h"

#define OPTION(name) (1UL << CTL_OPTION_##name)

/* clang-format off */
const struct ctl_option_row ctl_options[CTL_OPTION_MAX] = {
	[CTL_OPTION_CONTROL] = { "control", 0, "PATH", CTL_WORD_FILE,
	    "the daemon's control socket (default $PORTER_CONTROL, or " RUN_DIR "/control)" },
	[CTL_OPTION_JSON] = { "json", 0, NULL, CTL_WORD_NONE,
	    "the answer as JSON, errors too; streams as one object a line" },
	[CTL_OPTION_HELP] = { "help", 'h', NULL, CTL_WORD_NONE,
	    "print how the command is used" },
	[CTL_OPTION_VERSION] = { "version", 'V', NULL, CTL_WORD_NONE,
	    "print the version of porterctl" },
	[CTL_OPTION_IDS] = { "ids", 0, NULL, CTL_WORD_NONE,
	    "print the ids alone, one a line, and nothing about errors" },
	[CTL_OPTION_FOLLOW] = { "follow", 'f', NULL, CTL_WORD_NONE,
	    "go on with the lines that come" },
	[CTL_OPTION_LINES] = { "lines", 'n', "LINES", CTL_WORD_TEXT,
	    "so many of the latest lines (default 100)" },
	[CTL_OPTION_SERVICE] = { "service", 0, "ID", CTL_WORD_SERVICE,
	    "lines of this service alone" },
	[CTL_OPTION_LEVEL] = { "level", 0, "LEVEL", CTL_WORD_LEVEL,
	    "messages of this level and graver ones alone: error, warning, info, debug" },
	[CTL_OPTION_KIND] = { "kind", 0, "KIND", CTL_WORD_KIND,
	    "lines of this kind alone: daemon, activity, trace" },
	[CTL_OPTION_CONNECTION] = { "connection", 0, "N", CTL_WORD_TEXT,
	    "lines of this connection alone" },
	[CTL_OPTION_MATCH] = { "match", 0, "TEXT", CTL_WORD_TEXT,
	    "lines that contain this text alone" },
	[CTL_OPTION_DELAY] = { "delay", 'd', "SECONDS", CTL_WORD_TEXT,
	    "time between two refreshes (default 2)" },
	[CTL_OPTION_TIMES] = { "times", 'n', "N", CTL_WORD_TEXT,
	    "end after so many refreshes (default 1 where output is no terminal)" },
	[CTL_OPTION_SORT] = { "sort", 0, "COLUMN", CTL_WORD_SORT,
	    "sort by: name, running, accepted, refused, cpu, memory" },
	[CTL_OPTION_DRY_RUN] = { "dry-run", 0, NULL, CTL_WORD_NONE,
	    "say what a reload would find, and change nothing" },
	[CTL_OPTION_TIMEOUT] = { "timeout", 0, "SECONDS", CTL_WORD_TEXT,
	    "give up waiting after this time, with status 1" },
	[CTL_OPTION_SIGNAL] = { "signal", 's', "SIGNAL", CTL_WORD_SIGNAL,
	    "name or number (default: stop_signal of the service)" },
	[CTL_OPTION_FOR] = { "for", 0, "TIME", CTL_WORD_TEXT,
	    "so long, as 90, 90s, 10m, 2h or 1d (default: until unban)" },
	[CTL_OPTION_TERMINAL] = { "terminal", 't', NULL, CTL_WORD_NONE,
	    "give the program this terminal in place of a connection" },
	[CTL_OPTION_HTTP] = { "http", 0, NULL, CTL_WORD_NONE,
	    "answer one HTTP request on standard input: for use as the program of a service" },
	[CTL_OPTION_NOW] = { "now", 0, NULL, CTL_WORD_NONE,
	    "do not wait for running programs: kill them" },
};

/* In the order of help: looking first, then what changes something. */
const struct ctl_command ctl_commands[] = {
	{ .name = "status", .usage = "", .fn = ctl_status,
	  .text = "one screen: since when, with which configuration, how busy, and what is wrong",
	  .examples = "porterctl status\nporterctl status --json | jq .running" },
	{ .name = "services", .usage = "[ID]", .fn = ctl_services, .most = 1, .words = { CTL_WORD_SERVICE },
	  .options = OPTION(IDS),
	  .text = "the services, their state, listeners and counters",
	  .more = "ID@ADDRESS, here as everywhere, means one of several services of the same id.",
	  .examples = "porterctl services\nporterctl services web@tcp:127.0.0.1:8080" },
	{ .name = "show", .usage = "ID", .fn = ctl_show, .least = 1, .most = 1, .words = { CTL_WORD_SERVICE },
	  .text = "everything about a service: its attributes, and where each came from",
	  .examples = "porterctl show echo" },
	{ .name = "connections", .usage = "[ID]", .fn = ctl_connections, .most = 1, .words = { CTL_WORD_SERVICE },
	  .text = "who is being served: process, peer, age, CPU time, memory",
	  .examples = "porterctl connections\nporterctl connections ssh" },
	{ .name = "top", .usage = "", .fn = ctl_top,
	  .options = OPTION(DELAY) | OPTION(TIMES) | OPTION(SORT),
	  .text = "the services live, busiest first",
	  .more = "Keys: q leaves; n, r, a, x, c, m sort by name, running, accepted a second, refused a second, "
	          "CPU, memory; space refreshes at once. With --json, or where standard output is no terminal, "
	          "it prints -n times and ends.",
	  .examples = "porterctl top\nporterctl top -d 5 --sort cpu\nporterctl top --json -n 10" },
	{ .name = "logs", .usage = "", .fn = ctl_logs,
	  .options = OPTION(FOLLOW) | OPTION(LINES) | OPTION(SERVICE) | OPTION(LEVEL) | OPTION(KIND) |
	             OPTION(CONNECTION) | OPTION(MATCH),
	  .text = "the latest log lines that the daemon keeps in memory",
	  .examples = "porterctl logs -f\nporterctl logs --level warning\nporterctl logs --connection 4711" },
	{ .name = "trace", .usage = "ID", .fn = ctl_trace, .least = 1, .most = 1, .words = { CTL_WORD_SERVICE },
	  .text = "from now on every decision about each connection of a service, with its reason",
	  .examples = "porterctl trace ssh" },
	{ .name = "metrics", .usage = "", .fn = ctl_metrics, .options = OPTION(HTTP),
	  .text = "counters and histograms as OpenMetrics text",
	  .more = "As the program of a service (server_args = metrics --http) it gives up its rights before it reads "
	          "the request, and answers / and /metrics.",
	  .examples = "porterctl metrics\nporterctl metrics --json" },
	{ .name = "bans", .usage = "", .fn = ctl_bans,
	  .text = "addresses that are not served, until when, and how often they came",
	  .examples = "porterctl bans" },
	{ .name = "check", .usage = "[FILE]", .fn = ctl_check, .most = 1, .words = { CTL_WORD_FILE },
	  .text = "what is wrong with a configuration file, as porterd --check says it",
	  .more = "No daemon is asked. Status 1 if there are errors.",
	  .examples = "porterctl check\nporterctl check ./porterd.conf" },
	{ .name = "diff", .usage = "", .fn = ctl_diff,
	  .text = "what a reload would change",
	  .more = "Status 1 if a reload would be refused.",
	  .examples = "porterctl diff" },
	{ .name = "reload", .usage = "", .fn = ctl_reload, .options = OPTION(DRY_RUN),
	  .text = "read the configuration again; refused as a whole if its text has errors",
	  .examples = "porterctl reload --dry-run\nporterctl reload" },
	{ .name = "enable", .usage = "ID", .fn = ctl_enable, .least = 1, .most = 1, .words = { CTL_WORD_SERVICE },
	  .text = "serve a service that is off, or that the configuration disables",
	  .examples = "porterctl enable web" },
	{ .name = "disable", .usage = "ID", .fn = ctl_disable, .least = 1, .most = 1, .words = { CTL_WORD_SERVICE },
	  .text = "accept no more connections for a service; its programs go on",
	  .examples = "porterctl disable web" },
	{ .name = "drain", .usage = "ID", .fn = ctl_drain, .least = 1, .most = 1, .words = { CTL_WORD_SERVICE },
	  .options = OPTION(TIMEOUT),
	  .text = "as disable, and wait until its programs have ended",
	  .more = "Ctrl-C ends the waiting alone: the service stays off.",
	  .examples = "porterctl drain web --timeout 60" },
	{ .name = "kill", .usage = "ID|PID", .fn = ctl_kill, .least = 1, .most = 1, .words = { CTL_WORD_SERVICE },
	  .options = OPTION(SIGNAL),
	  .text = "send a signal to the programs of a service, or to one of them",
	  .examples = "porterctl kill web\nporterctl kill 4711 --signal HUP" },
	{ .name = "set", .usage = "ID ATTRIBUTE VALUE", .fn = ctl_set, .least = 3, .most = 3,
	  .words = { CTL_WORD_SERVICE, CTL_WORD_ATTRIBUTE, CTL_WORD_TEXT },
	  .text = "change a limit of a service until the next reload",
	  .examples = "porterctl set web instances 50" },
	{ .name = "ban", .usage = "ADDRESS", .fn = ctl_ban, .least = 1, .most = 1, .words = { CTL_WORD_TEXT },
	  .options = OPTION(FOR),
	  .text = "serve nobody from an address, or a network with its length (192.0.2.0/24)",
	  .examples = "porterctl ban 192.0.2.7 --for 10m\nporterctl ban 2001:db8::/32" },
	{ .name = "unban", .usage = "ADDRESS", .fn = ctl_unban, .least = 1, .most = 1, .words = { CTL_WORD_TEXT },
	  .text = "take a ban back",
	  .examples = "porterctl unban 192.0.2.7" },
	{ .name = "run", .usage = "ID", .fn = ctl_run, .least = 1, .most = 1, .words = { CTL_WORD_SERVICE },
	  .options = OPTION(TERMINAL),
	  .text = "start the program of a service here: same user, environment and limits",
	  .more = "porterctl is its client: what it reads goes to the program over a connection of the service's kind, "
	          "and what comes back is printed. The program's standard error is that of porterctl. Ends with the "
	          "program's status, 128 + N if signal N ended it.",
	  .examples = "echo hello | porterctl run myecho\nporterctl run web --terminal" },
	{ .name = "upgrade", .usage = "", .fn = ctl_upgrade,
	  .text = "execute the porterd that is on disk now, without losing a connection",
	  .more = "If the new one does not start or does not understand the state, the old one goes on and says why.",
	  .examples = "porterctl upgrade" },
	{ .name = "stop", .usage = "", .fn = ctl_stop, .options = OPTION(NOW),
	  .text = "end the daemon, and wait until it has ended",
	  .examples = "porterctl stop\nporterctl stop --now" },
	{ .name = "completion", .usage = "bash|zsh|fish", .fn = ctl_completion, .least = 1, .most = 1,
	  .words = { CTL_WORD_SHELL },
	  .text = "print the completion of a shell",
	  .examples = ". <(porterctl completion bash)" },
	{ .name = "help", .usage = "[COMMAND]", .fn = ctl_help, .most = 1, .words = { CTL_WORD_COMMAND },
	  .text = "this list, or how a command is used",
	  .examples = "porterctl help logs" },
};

/* clang-format on */

const size_t ctl_command_count = ARRAY_LEN(ctl_commands);

static const char *const levels[] = { "error", "warning", "info", "debug", NULL };
static const char *const kinds[] = { "daemon", "activity", "trace", NULL };
static const char *const shells[] = { "bash", "zsh", "fish", NULL };
static const char *const sorts[] = { "name", "running", "accepted", "refused", "cpu", "memory",
	NULL };
static const char *const signals[] = { "TERM", "INT", "HUP", "KILL", "QUIT", "USR1", "USR2", "STOP",
	"CONT", NULL };

static const char *const *const words[CTL_WORD_MAX] = {
	[CTL_WORD_SIGNAL] = signals,
	[CTL_WORD_LEVEL] = levels,
	[CTL_WORD_KIND] = kinds,
	[CTL_WORD_SHELL] = shells,
	[CTL_WORD_SORT] = sorts,
};

/* Those that may be set, of the table of attributes. */
static const char *const *
list_attributes(void)
{
	static const char **names;
	size_t count = 0;

	if (names != NULL)
		return names;
	names = mem_array(attr_count + 1, sizeof(*names));
	for (size_t i = 0; i < attr_count; i++)
		if (attrs[i].is_live)
			names[count++] = attrs[i].name;
	return names;
}

const char *const *
ctl_words(enum ctl_word word)
{
	return word == CTL_WORD_ATTRIBUTE ? list_attributes() : words[word];
}

const struct ctl_command *
ctl_command_find(const char *name)
{
	for (size_t i = 0; i < ctl_command_count; i++)
		if (strcmp(ctl_commands[i].name, name) == 0)
			return &ctl_commands[i];
	return NULL;
}
