/* SPDX-License-Identifier: MIT */
/* Files of xinetd and inetd: written again in porterd's form, and compared with what was read from them before. */
#include "load/convert.h"
#include "load/migrate.h"
#include "migrating.h"
#include "suite.h"

#define XINETD_HEAD "service t1\n{\n"
/* Makes a service of whatever stands before it. */
#define XINETD_REST                                                                          \
 "\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n\tuser = root\n" \
 "\tserver = /bin/cat\n\tport = 9001\n}\n"

static struct lookup lookup;
static struct strings files;

static struct config *
load(const char *path, struct migration *migration, struct problems *problems)
{
	const struct load_input input = { .path = path, .kind = INPUT_AUTO };
	const struct load_options options = { .lookup = &lookup,
		.inputs = &input,
		.input_count = 1,
		.migration = migration,
		.is_root = true };

	lookup = has_everything();
	return config_load(path, &options, problems);
}

static char *
converted(const char *path, struct conversion *c, struct problems *problems)
{
	const struct load_options options = { .lookup = &lookup };
	struct source *source =
	    source_read(path, &(struct trust){ 0 }, &(struct place){ 0 }, problems);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	lookup = has_everything();
	ck_assert_ptr_nonnull(source);
	convert_source(c, source, INPUT_AUTO, &options, problems);
	for (size_t i = 0; i < c->count; i++)
		fputs(c->item[i].text, out);
	fclose(out);
	source_free(source);
	return text;
}

/* Without the lines on services that are left out: the place of these is another one. */
static char *
dump_without_comments(const struct config *c)
{
	char *text = dump_of(c), *out = text;

	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, "\n") + 1;

		if (*at != '#' && *at != '\n') {
			memmove(out, at, len);
			out += len;
		}
		at += len;
	}
	*out = '\0';
	return text;
}

static void
expect_same(const char *path)
{
	struct problems problems = { 0 }, said = { 0 };
	struct conversion conversion = { 0 };
	struct config *before = load(path, NULL, &problems);
	char *text = converted(path, &conversion, &said), *again = new_file(text, strlen(text));
	struct problems problems_again = { 0 };
	struct config *after = load(again, NULL, &problems_again);
	char *x = dump_without_comments(before), *y = dump_without_comments(after);

	if (strcmp(x, y) != 0)
		ck_abort_msg("%s\n%s\nbecame\n%s\nwhich is\n%s", path, x, text, y);
	unlink(again);
	free(text);
	free(again);
	free(x);
	free(y);
	conversion_done(&conversion);
	problems_done(&problems);
	problems_done(&problems_again);
	problems_done(&said);
	config_unref(before);
	config_unref(after);
}

START_TEST(real_files_load_to_the_same_when_converted)
{
	expect_same(files.item[_i]);
}

END_TEST

static const char *const samples[] = {
	XINETD_HEAD XINETD_REST,
	"defaults\n{\n\tinstances = 60\n\tonly_from = 127.0.0.1\n\tlog_type = SYSLOG daemon info\n\tcps = 25 30\n}\n" XINETD_HEAD
	"\tonly_from += 10.0.0.0/8 192.168.0.{1,2}\n\tno_access = 10.0.0.1\n" XINETD_REST,
	XINETD_HEAD
	"\tserver_args = -c cd${IFS}/home;exec # x \"y z\"\n\tenv = A=1 B=\"2\n" XINETD_REST,
	XINETD_HEAD "\tdisable = yes # off\n" XINETD_REST,
	XINETD_HEAD
	"\tper_source = 10 # max\n\tper_source = 5\n\tflags = REUSE IPv4\n\tnice = -5\n" XINETD_REST,
	XINETD_HEAD
	"\tmaster = /bin/x\n\tid = other\n\tlog_type = FILE /var/log/x.log 1000 2000\n" XINETD_REST,
	"service a {\n disable=no\n port=9002\n wait=no\n user=root\n server=/bin/cat\n}\n" XINETD_HEAD
	    XINETD_REST,
	"# c\r\nservice t1\r\n{\r\n# d\r\n\tport = 9001\r\n\twait = no\r\n\tuser = root\r\n\tserver = /bin/cat\r\n}\r\n",
	"\xef\xbb\xbfservice t1\n{\n\tport = 9001\n\twait = no\n\tuser = root\n\tserver = /bin/cat\n}",
	"service t1 { port = 9001 wait = no user = root server = /bin/cat }\n",
	"service \"two words\" { id = x\nport = 9001 \n wait = no\n user = root\n server = \"/bin/with blank\"\n"
	" server_args = {\"a b\", \"c\\\"d\", \"\"}\n /* long\n * more\n comment */ env = {\"A=b c\"} // short\n}\n",
	"echo stream tcp nowait root internal\necho dgram udp wait root internal\n127.0.0.1:\n"
	"445 stream tcp nowait.40 anna:tty /bin/sh sh -c \"a b\" # c\n/run/x stream unix nowait anna /bin/cat\n"
	"#<off># 446 stream,3 tcp6 nowait/4/5/6 nobody.tty cat cat\n",
};

START_TEST(samples_load_to_the_same_when_converted)
{
	char *path = new_file(samples[_i], strlen(samples[_i]));

	expect_same(path);
	unlink(path);
	free(path);
}

END_TEST

/* A text, and what its conversion holds. */
static const struct {
	const char *text, *holds;
	size_t lost;
} kept[] = {
	{ "# about t1\n#\n" XINETD_HEAD XINETD_REST, "# about t1\n#\nservice t1 {\n", 0 },
	{ XINETD_HEAD "# inside\n" XINETD_REST, "{\n\t# inside\n\ttype", 0 },
	{ XINETD_HEAD "\tper_source = 10 # at most\n" XINETD_REST,
	    "\t# at most\n\tper_source = 10\n", 0 },
	{ XINETD_HEAD XINETD_REST "# the end\n", "}\n# the end\n", 0 },
	{ "#<off># 446 stream tcp nowait anna /bin/cat cat\n", "disable = yes", 0 },
	{ "# about it\n446 stream tcp nowait anna /bin/cat cat\n", "# about it\nservice 446 {", 0 },
	{ XINETD_HEAD "\tmaster = /bin/x y\n" XINETD_REST, "\t# master = /bin/x y\n", 1 },
	{ XINETD_HEAD "\tnice = 5\n\tnice = 6\n" XINETD_REST, "\tnice = 5\n\t# nice = 6\n", 1 },
	{ "includedir /etc/xinetd.d\n", "includedir \"/etc/xinetd.d\"\n", 0 },
	{ "service broken\n{\n\tport = 1\n" XINETD_HEAD XINETD_REST,
	    "# service broken\n# {\n# port = 1\n\nservice t1 {", 1 },
	{ "446 stream tcp maybe anna /bin/cat\n447 stream tcp nowait anna /bin/cat\n",
	    "# 446 stream tcp maybe anna /bin/cat\n", 0 },
	{ XINETD_HEAD "\tserver_args = -x \"a b\"\n" XINETD_REST,
	    "server_args = {\"-x\", \"\\\"a\", \"b\\\"\"}", 0 },
};

static const char *const gaps[] = {
	"defaults\n{\n\tonly_from = 10.0.0.1\n" XINETD_HEAD XINETD_REST,
	XINETD_HEAD XINETD_REST "defaults\n{\n\tonly_from = 10.0.0.1\n",
	"defaults\n{\n\tonly_from 10.0.0.1\n}\n" XINETD_HEAD XINETD_REST,
	"defaults\n{\n\tonly_from = \"10.0.0.1\n}\n" XINETD_HEAD XINETD_REST,
	"defualts\n{\n\tonly_from = 10.0.0.1\n}\n" XINETD_HEAD XINETD_REST,
	"include\n" XINETD_HEAD XINETD_REST,
	XINETD_HEAD XINETD_REST "/* defaults\n{\n\tonly_from = 10.0.0.1\n}\n",
};

START_TEST(what_keeps_services_from_starting_still_does_when_converted)
{
	char *path = new_file(gaps[_i], strlen(gaps[_i])), *again;
	struct conversion c = { 0 };
	struct problems problems = { 0 };
	struct config *before = load(path, NULL, &problems), *after;
	char *text = converted(path, &c, &problems);

	again = new_file(text, strlen(text));
	after = load(again, NULL, &problems);
	ck_assert_int_ne(stand_in_find(before, "t1")->state, CONF_OK);
	for (size_t i = 0; i < after->count; i++)
		ck_assert_int_ne(after->services[i]->state, CONF_OK);
	unlink(path);
	unlink(again);
	free(path);
	free(again);
	free(text);
	conversion_done(&c);
	problems_done(&problems);
	config_unref(before);
	config_unref(after);
}

END_TEST

START_TEST(comments_and_what_is_lost_are_kept)
{
	char *path = new_file(kept[_i].text, strlen(kept[_i].text));
	struct conversion c = { 0 };
	struct problems problems = { 0 };
	char *text = converted(path, &c, &problems);

	if (strstr(text, kept[_i].holds) == NULL)
		ck_abort_msg("%s\nis not in\n%s", kept[_i].holds, text);
	ck_assert_uint_eq(c.lost, kept[_i].lost);
	if (kept[_i].lost > 0)
		ck_assert_uint_ge(problems.by_severity[SEVERITY_WARNING], 1);
	unlink(path);
	free(path);
	free(text);
	conversion_done(&c);
	problems_done(&problems);
}

END_TEST

/* Settings of a service, and the note that a migration check adds on a line of it: its text, and its line from 1. */
static const struct {
	const char *text;
	unsigned line;
	const char *note; /* NULL: none at all */
	size_t limits;
} notes[] = {
	{ XINETD_HEAD XINETD_REST, 0, NULL, 0 },
	{ XINETD_HEAD "\tper_source = 10 # max\n" XINETD_REST, 3,
	    "per_source = 10: xinetd takes the comment behind it for values, and ignores", 1 },
	{ XINETD_HEAD "\trlimit_cpu = 20 // max\n" XINETD_REST, 3,
	    "rlimit_cpu = 20: xinetd takes the comment", 1 },
	{ "defaults\n{\n\tinstances = 10 # max\n}\n" XINETD_HEAD XINETD_REST, 3,
	    "instances = 10: xinetd takes the comment", 1 },
	{ XINETD_HEAD "\tdisable = yes # off\n" XINETD_REST, 3, "runs the service; here it is off",
	    1 },
	{ XINETD_HEAD "\tgroups = no # none\n" XINETD_REST, 3,
	    "ignores the whole line; here it holds", 0 },
	{ XINETD_HEAD "\tflags = IPv4 # only\n" XINETD_REST, 3, "loses the service over it", 0 },
	{ XINETD_HEAD "\tonly_from = 127.0.0.1 # me\n" XINETD_REST, 3,
	    "takes each word of the comment", 0 },
	{ XINETD_HEAD "\tserver_args = a # b\n" XINETD_REST, 0, NULL, 0 },
	{ "service t1 {\n" XINETD_REST, 1, "wants this brace alone on its line", 0 },
	{ "service t1\n{ # here\n" XINETD_REST, 2, "wants this brace alone on its line", 0 },
	{ XINETD_HEAD "\tnice=5\n" XINETD_REST, 3, "no blank before the =", 0 },
	{ "\xef\xbb\xbf" XINETD_HEAD XINETD_REST, 1, "byte order mark", 0 },
	{ XINETD_HEAD "// x\n" XINETD_REST, 3, "knows comments that begin with # alone", 0 },
	{ XINETD_HEAD "\tumask = \"022\"\n" XINETD_REST, 3, "takes quotes as part of the value",
	    0 },
	{ "service http\n{\n\tport = http\n\twait = no\n\tuser = root\n\tserver = /bin/cat\n}\n", 3,
	    "takes numbers alone", 0 },
	{ "service t1\n{\n\tport = 9001\n\twait = no\n\tuser = root\n\tserver = /bin/cat\n}\n", 3,
	    "without type = UNLISTED", 0 },
	{ XINETD_HEAD "\tserver_args = a\n\tserver_args += b\n" XINETD_REST, 4,
	    "server_args +=: xinetd ignores this line", 0 },
	{ XINETD_HEAD "\taccess_times = 8:00-9:00\n\taccess_times += 10:00-11:00\n" XINETD_REST, 4,
	    "access_times +=: xinetd ignores", 1 },
	{ XINETD_HEAD "\tserver_args =\n" XINETD_REST, 3, "server_args without a value", 0 },
	{ XINETD_HEAD "\tonly_from = localhost\n" XINETD_REST, 3,
	    "xinetd takes the first of the name's addresses", 0 },
	{ XINETD_HEAD "\tonly_from = 127.0.0.0/255.0.0.0\n" XINETD_REST, 3, "mask as /32", 0 },
	{ XINETD_HEAD "\tonly_from = ::1/128\n" XINETD_REST, 3, "never matches a prefix of 128",
	    0 },
	{ XINETD_HEAD "\tonly_from = loopback\n" XINETD_REST, 3, "127.0.0.0/32", 0 },
	{ XINETD_HEAD "\tonly_from = 10.0.0.1,10.0.0.2\n" XINETD_REST, 3,
	    "no commas between addresses", 0 },
	{ XINETD_HEAD "\tno_access = two.example\n" XINETD_REST, 3,
	    "looks up the name of each client", 0 },
	{ XINETD_HEAD "\tonly_from = 10.0.0.{1,2} 192.0.2.0/24\n" XINETD_REST, 0, NULL, 0 },
	{ XINETD_HEAD "\taccess_times = 12:00-24:00\n" XINETD_REST, 3, "knows no 24:00", 0 },
	{ XINETD_HEAD "\taccess_times = 22:00-06:00\n" XINETD_REST, 3, "does not go over midnight",
	    0 },
	{ XINETD_HEAD "\tbind = *\n" XINETD_REST, 3, "takes no * for an address", 0 },
	{ "service t1\n{\n\ttype = UNLISTED\n\tport = 9001\n\twait = no\n\tuser = "
	  "root\n\tserver = /bin/cat\n}\n",
	    1, "without socket_type and protocol", 0 },
	{ XINETD_HEAD "\tv6only = no\n" XINETD_REST, 3, "here no means no", 0 },
	{ XINETD_HEAD "\tbind = 127.0.0.1 ::1\n" XINETD_REST, 3, "listens on every address", 1 },
	{ XINETD_HEAD "\tlog_on_success = TRAFFIC\n" XINETD_REST, 3, "TRAFFIC makes xinetd lose",
	    0 },
	{ "defaults\n{\n\tlog_on_success = PID TRAFFIC\n}\n" XINETD_HEAD XINETD_REST, 3,
	    "every service that is no redirect", 0 },
	{ XINETD_HEAD XINETD_REST "defaults\n{\n\tonly_from = 127.0.0.1\n}\n", 1,
	    "stands before the defaults with only_from", 0 },
	{ XINETD_HEAD XINETD_REST "defaults\n{\n\tinstances = 9\n}\n", 0, NULL, 0 },
	{ "service t1\n{\n\ttype = UNLISTED\n\tport = 9001\n\twait = no\n\tuser = 1000\n\tserver = /bin/cat\n}\n",
	    6, "takes the number as group", 0 },
	{ XINETD_HEAD "\tnice = -5\n" XINETD_REST, 3, "where it fails; here it holds", 0 },
	{ XINETD_HEAD "\tserver_args = cat\n\tflags = NAMEINARGS\n" XINETD_REST, 4,
	    "stands behind server_args", 0 },
	{ XINETD_HEAD "\tflags = NAMEINARGS\n\tserver_args = cat\n" XINETD_REST, 0, NULL, 0 },
	{ XINETD_HEAD "\trlimit_as = 1G\n" XINETD_REST, 3, "knows k and M alone", 0 },
	{ XINETD_HEAD "\tdisable = false\n" XINETD_REST, 3, "takes yes and no alone", 0 },
	{ XINETD_HEAD "\tflags = IPv4, NODELAY\n" XINETD_REST, 3, "takes no commas between words",
	    0 },
	{ "service t1\n{\n\tport = 9001\n\ttype = UNLISTED\n\twait = no\n\tredirect = two.example 80\n}\n",
	    6, "looks it up once", 0 },
	{ XINETD_HEAD "\tcps = 100\n" XINETD_REST, 3, "cps: xinetd takes 2 words", 1 },
	{ XINETD_HEAD "\trlimit_nofile = 5\n" XINETD_REST, 3, "xinetd has no rlimit_nofile", 1 },
	{ XINETD_HEAD "\tdisable = yes\n\tnice=5\n\tper_source = 1 # x\n" XINETD_REST, 0, NULL, 0 },
	{ XINETD_HEAD "\tlinger = 5\n\tnice=5\n" XINETD_REST, 0, NULL, 0 },
	{ XINETD_HEAD "\tserver_args = {\"a\"}\n\tnice=5\n" XINETD_REST, 0, NULL, 0 },
};

static void
expect_note(const struct problems *problems, unsigned line, const char *text)
{
	for (size_t i = 0; i < problems->count; i++)
		if (problems->item[i].place.line == line &&
		    problems->item[i].severity == SEVERITY_NOTE &&
		    strstr(problems->item[i].text, text) != NULL)
			return;
	problems_print(problems, stderr);
	ck_abort_msg("no note '%s' in line %u", text, line);
}

START_TEST(what_xinetd_did_otherwise_is_noted)
{
	char *path = new_file(notes[_i].text, strlen(notes[_i].text));
	struct migration m = { 0 };
	struct problems problems = { 0 }, quiet = { 0 };
	struct config *c = load(path, &m, &problems), *same = load(path, NULL, &quiet);

	if (notes[_i].note != NULL)
		expect_note(&problems, notes[_i].line, notes[_i].note);
	else
		ck_assert_uint_eq(m.notes, 0);
	ck_assert_uint_eq(m.limit_count, notes[_i].limits);
	/* A daemon that starts says nothing of this. */
	ck_assert_uint_eq(problems.count, quiet.count + m.notes);
	unlink(path);
	free(path);
	migration_done(&m);
	problems_done(&problems);
	problems_done(&quiet);
	config_unref(c);
	config_unref(same);
}

END_TEST

START_TEST(limits_are_listed_with_their_line_and_service)
{
	static const char text[] = XINETD_HEAD "\tper_source = 10 # max\n" XINETD_REST;
	char *path = new_file(text, strlen(text)), *place = mem_format("%s:3", path);
	struct migration m = { 0 };
	struct problems problems = { 0 };
	struct config *c = load(path, &m, &problems);

	ck_assert_uint_eq(m.limit_count, 1);
	ck_assert_str_eq(m.limit[0].place, place);
	ck_assert_str_eq(m.limit[0].text, "per_source = 10 of service t1");
	ck_assert_uint_eq(m.xinetd_files, 1);
	ck_assert_uint_eq(m.without_cps, 1);
	ck_assert_uint_eq(c->services[0]->per_source, 10);
	unlink(path);
	free(path);
	free(place);
	migration_done(&m);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(real_files_are_checked_without_harm)
{
	struct migration m = { 0 };
	struct problems problems = { 0 };
	struct config *c = load(files.item[_i], &m, &problems);

	ck_assert_uint_eq(m.xinetd_files + m.inetd_files + m.own_files, c->source_count);
	migration_done(&m);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

int
main(void)
{
	list_real_files(&files, "xinetd");
	list_real_files(&files, "inetd");
	list_real_files(&files, "micro");
	const struct suite_test tests[] = {
		TEST_LOOP(samples_load_to_the_same_when_converted, (int)ARRAY_LEN(samples)),
		TEST_LOOP(what_keeps_services_from_starting_still_does_when_converted,
		    (int)ARRAY_LEN(gaps)),
		TEST_LOOP(comments_and_what_is_lost_are_kept, (int)ARRAY_LEN(kept)),
		TEST_LOOP(what_xinetd_did_otherwise_is_noted, (int)ARRAY_LEN(notes)),
		TEST(limits_are_listed_with_their_line_and_service),
		TEST_LOOP(real_files_load_to_the_same_when_converted, (int)files.count),
		TEST_LOOP(real_files_are_checked_without_harm, (int)files.count),
	};

	return run_suite("convert", tests, ARRAY_LEN(tests) - (files.count == 0 ? 2 : 0));
}
