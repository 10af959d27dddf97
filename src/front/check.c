/* SPDX-License-Identifier: MIT */
/* What is wrong with a configuration; with files of other super-servers, also what they did otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "front/front.h"
#include "front/personality.h"
#include "load/migrate.h"

/* More limits than this are counted, and not listed again: each has its note. */
#define MOST_LISTED 40

struct totals {
	size_t serve, off, left_out;
	size_t wrong_text, wrong_surroundings;
};

static struct totals
add_up(const struct config *config, const struct problems *problems)
{
	struct totals t = { 0 };

	for (size_t i = 0; i < config->count; i++) {
		t.serve += config->services[i]->state == CONF_OK;
		t.off += config->services[i]->state == CONF_DISABLED;
	}
	t.left_out = config->count - t.serve - t.off;
	t.wrong_text = problems->text_errors;
	t.wrong_surroundings = problems->by_severity[SEVERITY_ERROR] - problems->text_errors;
	return t;
}

/* For a person who asks; programs look at the exit status. */
static void
say_counts(const struct config *config, const struct problems *problems)
{
	const struct totals t = add_up(config, problems);

	fflush(stdout);
	fprintf(stderr,
	    "porterd: %zu services to serve, %zu off, %zu left out; errors: %zu, warnings: %zu, notes: %zu\n",
	    t.serve, t.off, t.left_out, problems->by_severity[SEVERITY_ERROR],
	    problems->by_severity[SEVERITY_WARNING], problems->by_severity[SEVERITY_NOTE]);
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void
say_limits(const struct migration *m, FILE *out)
{
	if (m->limit_count == 0)
		return;
	fprintf(out, "\n%zu limit%s xinetd never applied, and porterd does:\n", m->limit_count,
	    m->limit_count == 1 ? " that" : "s that");
	for (size_t i = 0; i < m->limit_count && i < MOST_LISTED; i++)
		fprintf(out, "  %s: %s\n", m->limit[i].place, m->limit[i].text);
	if (m->limit_count > MOST_LISTED)
		fprintf(out, "  and %zu more, see the notes above\n", m->limit_count - MOST_LISTED);
	fputs("  Look whether the services still do with them what they did so far.\n", out);
}

/* What holds for every service and so is no note at any line. */
static void
say_general(const struct migration *m, FILE *out)
{
	if (m->without_cps + m->without_rate + m->programs == 0)
		return;
	fputs("\nother than before:\n", out);
	if (m->without_cps > 0)
		fprintf(out,
		    "  %zu service%s no cps: xinetd then closes a service for 10 seconds at more than 50\n"
		    "  connections a second, porterd sets no limit; write cps = 50 10 into defaults to have it.\n",
		    m->without_cps, m->without_cps == 1 ? " has" : "s have");
	if (m->without_rate > 0)
		fprintf(out,
		    "  %zu line%s no number behind nowait: inetd then starts 256 programs a minute (some: 40 or\n"
		    "  1000) and closes the service for ten minutes, porterd sets no limit; write nowait.256 to have it.\n",
		    m->without_rate, m->without_rate == 1 ? " has" : "s have");
	if (m->programs > 0)
		fprintf(out,
		    "  %zu program%s the whole environment of xinetd; from porterd %s PATH, TZ, LANG, LC_*, and\n"
		    "  what passenv and env say.\n",
		    m->programs, m->programs == 1 ? " had" : "s had",
		    m->programs == 1 ? "it gets" : "they get");
}

static void
say_what_to_do(const struct totals *t, const struct problems *problems, FILE *out)
{
	if (t->wrong_text + t->wrong_surroundings == 0) {
		fputs("\nNothing keeps porterd from serving this.\n", out);
		return;
	}
	fputs("\nwhat to do:\n", out);
	if (t->wrong_text > 0)
		fprintf(out,
		    "  %zu error%s in the text: mend the lines named above; until then these services do not start,\n"
		    "  and a reload is refused.\n",
		    t->wrong_text, plural(t->wrong_text));
	if (t->wrong_surroundings > 0)
		fprintf(out,
		    "  %zu thing%s missing (program, user, group, directory, name of a port or host): install or\n"
		    "  create what is named above, or switch the service off (disable = yes; in inetd.conf #\n"
		    "  before the line); all other services start.\n",
		    t->wrong_surroundings, t->wrong_surroundings == 1 ? " is" : "s are");
	if (problems->by_severity[SEVERITY_WARNING] > 0)
		fprintf(out, "  %zu warning%s: nothing is kept from starting, but look at them.\n",
		    problems->by_severity[SEVERITY_WARNING],
		    plural(problems->by_severity[SEVERITY_WARNING]));
}

static void
say_summary(const struct config *config, const struct problems *problems, const struct migration *m,
    FILE *out)
{
	const struct totals t = add_up(config, problems);
	size_t files = m->xinetd_files + m->inetd_files + m->own_files;

	if (problems->count > 0)
		fputc('\n', out);
	fprintf(out, "%zu file%s (xinetd: %zu, inetd.conf: %zu, porterd: %zu)\n", files,
	    plural(files), m->xinetd_files, m->inetd_files, m->own_files);
	fprintf(out, "%zu service%s: %zu would start, %zu off, %zu left out\n", config->count,
	    plural(config->count), t.serve, t.off, t.left_out);
	fprintf(out,
	    "%zu error%s, %zu warning%s, %zu note%s, %zu of them on lines read otherwise before\n",
	    problems->by_severity[SEVERITY_ERROR], plural(problems->by_severity[SEVERITY_ERROR]),
	    problems->by_severity[SEVERITY_WARNING],
	    plural(problems->by_severity[SEVERITY_WARNING]), problems->by_severity[SEVERITY_NOTE],
	    plural(problems->by_severity[SEVERITY_NOTE]), m->notes);
	say_limits(m, out);
	say_general(m, out);
	say_what_to_do(&t, problems, out);
}

/* Files that somebody brings are judged as files of a system where root serves them, whoever owns them here. */
static void
judge_as_root(struct settings *s, bool is_foreign)
{
	s->load.is_root = true;
	if (is_foreign)
		s->load.trust.is_checked = false;
}

int
front_check(struct settings *s)
{
	bool is_check = s->mode == MODE_CHECK;
	bool is_migration =
	    is_check && (s->load.inputs != NULL || s->personality->manner != DAEMON_PORTERD);
	char *path = s->load.inputs != NULL
			 ? mem_dup(s->paths.item[0])
			 : mem_dup(s->config != NULL ? s->config : s->personality->config);
	struct problems problems = { 0 };
	struct migration migration = { 0 };
	struct config *config;
	int status;

	if (is_check)
		judge_as_root(s, s->operand_count > 0);
	if (is_migration)
		s->load.migration = &migration;
	config = config_load(path, &s->load, &problems);
	problems_print(&problems, is_check ? stdout : stderr);
	if (!is_check)
		config_dump(config, stdout);
	else if (is_migration)
		say_summary(config, &problems, &migration, stdout);
	else if (isatty(STDERR_FILENO))
		say_counts(config, &problems);
	status =
	    problems.by_severity[SEVERITY_ERROR] > 0 || fflush(stdout) != 0 ? EXIT_ERRORS : EXIT_OK;
	config_unref(config);
	problems_done(&problems);
	migration_done(&migration);
	free(path);
	return status;
}
