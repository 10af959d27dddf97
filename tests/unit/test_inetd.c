/* SPDX-License-Identifier: MIT */
#include "load/load.h"
#include "load/migrate.h"
#include "migrating.h"
#include "suite.h"

static struct lookup lookup;
static struct strings files;

static struct config *
load_inetd(const char *text, size_t len, enum input_kind kind, struct problems *problems)
{
	char *path = new_file(text, len);
	const struct load_input input = { .path = path, .kind = kind };
	const struct load_options options = {
		.lookup = &lookup, .inputs = &input, .input_count = 1, .is_root = true
	};

	lookup = has_everything();
	lookup.program = has_program;
	struct config *c = config_load(path, &options, problems);
	unlink(path);
	free(path);
	return c;
}

static struct config *
load_text(const char *text, struct problems *problems)
{
	return load_inetd(text, strlen(text), INPUT_INETD, problems);
}

/* A line, and words of the dump of what it becomes, with | between them. */
static const struct {
	const char *line, *becomes;
} good[] = {
	{ "echo stream tcp nowait root internal",
	    "service echo {|type = {\"INTERNAL\"}|flags = {\"NOLIBWRAP\"}|id = \"echo\"" },
	{ "echo dgram udp wait root internal", "id = \"echo/udp\"|socket_type = dgram" },
	{ "echo dgram udp46 wait root internal", "id = \"echo/udp46\"|protocol = udp" },
	{ "telnet stream tcp nowait anna /bin/cat",
	    "server = \"/bin/cat\"|user = \"anna\"|groups = yes|wait = no" },
	{ "telnet stream tcp nowait anna /bin/cat cat -u",
	    "NAMEINARGS|server_args = {\"cat\", \"-u\"}" },
	{ "telnet stream tcp nowait anna cat cat", "server = \"/usr/bin/cat\"" },
	{ "8080 stream tcp nowait anna /bin/cat",
	    "service 8080 {|port = \"8080\"|flags = {\"NOLIBWRAP\"}" },
	{ "127.0.0.1:8080 stream tcp nowait anna /bin/cat",
	    "bind = {\"127.0.0.1\"}|port = \"8080\"" },
	{ "127.0.0.1:http stream tcp nowait anna /bin/cat",
	    "service http {|bind = {\"127.0.0.1\"}" },
	{ "::1:444 stream tcp6 nowait anna /bin/cat",
	    "bind = {\"::1\"}|port = \"444\"|flags = {\"IPv6\"|v6only = yes" },
	{ "[::1]:444 stream tcp nowait anna /bin/cat", "bind = {\"::1\"}|port = \"444\"" },
	{ "127.0.0.1,[::1]:444 stream tcp nowait anna /bin/cat",
	    "bind = {\"127.0.0.1\", \"::1\"}" },
	{ "*:444 stream tcp nowait anna /bin/cat", "port = \"444\"|!IPv4" },
	{ "444 stream tcp nowait anna /bin/cat\n444 stream tcp6 nowait anna /bin/cat",
	    "flags = {\"IPv4\", \"NOLIBWRAP\"}|flags = {\"IPv6\", \"NOLIBWRAP\"}" },
	{ "#<off># 444 stream tcp6 nowait anna /bin/cat\n444 stream tcp nowait anna /bin/cat",
	    "flags = {\"IPv4\", \"NOLIBWRAP\"}" },
	{ "444 dgram udp6 wait anna /bin/cat\n444 stream tcp nowait anna /bin/cat", "!IPv4" },
	{ "444 stream tcp6 nowait anna /bin/cat\n127.0.0.1:444 stream tcp nowait anna /bin/cat",
	    "!IPv4" },
	{ "127.0.0.1:\n444 stream tcp nowait anna /bin/cat", "bind = {\"127.0.0.1\"}" },
	{ "127.0.0.1: # here alone\n444 stream tcp nowait anna /bin/cat",
	    "bind = {\"127.0.0.1\"}" },
	{ "127.0.0.1:\n*:444 stream tcp nowait anna /bin/cat", "!bind" },
	{ "127.0.0.1:\n*:\n444 stream tcp nowait anna /bin/cat", "!bind" },
	{ "444 stream tcp4 nowait anna /bin/cat", "flags = {\"IPv4\"|id = \"444/tcp4\"" },
	{ "444 stream tcp46 nowait anna /bin/cat", "!IPv4" },
	{ "444 stream tcp46 nowait anna /bin/cat", "!IPv6" },
	{ "444 stream tcp,sndbuf=16k,rcvbuf=16k nowait anna /bin/cat", "protocol = tcp" },
	{ "444 stream,20 tcp nowait anna /bin/cat", "instances = 20|on_limit = queue" },
	{ "444 stream,20:dataready tcp nowait anna /bin/cat", "instances = 20" },
	{ "444 stream,20 tcp nowait/5 anna /bin/cat", "instances = 5" },
	{ "444 stream,2 tcp nowait/5 anna /bin/cat", "instances = 2" },
	{ "444 stream tcp nowait/5/60/2 anna /bin/cat",
	    "instances = 5|on_limit = queue|rate_per_source = 60/minute|per_source = 2" },
	{ "444 stream tcp nowait/0/60 anna /bin/cat", "rate_per_source = 60/minute|!instances" },
	{ "444 stream tcp nowait.40 anna /bin/cat", "rate = 40/minute" },
	{ "444 stream tcp nowait:40 anna /bin/cat", "rate = 40/minute" },
	{ "444 stream tcp nowait.0 anna /bin/cat", "!rate" },
	{ "444 stream tcp nowait anna /bin/cat", "!rate" },
	{ "444 dgram udp wait.40 anna /bin/cat", "wait = yes|rate = 40/minute" },
	{ "444 dgram udp wait/3 anna /bin/cat", "wait = yes|!instances" },
	{ "444 stream tcp nowait anna:tty /bin/cat", "user = \"anna\"|group = \"tty\"" },
	{ "444 stream tcp nowait nobody.tty /bin/cat", "user = \"nobody\"|group = \"tty\"" },
	{ "444 stream tcp nowait anna.smith /bin/cat", "user = \"anna.smith\"|!\tgroup =" },
	{ "444 stream tcp nowait anna:tty/staff /bin/cat", "user = \"anna\"|group = \"tty\"" },
	{ "/run/x.sock stream unix nowait anna /bin/cat",
	    "listen = {\"unix:/run/x.sock\"}|service \"/run/x.sock\" {" },
	{ ":anna:tty:0660:/run/x.sock stream unix nowait anna /bin/cat",
	    "listen_owner = \"anna\"|listen_group = \"tty\"|listen_mode = 0660" },
	{ ":anna:/run/x.sock stream unix nowait anna /bin/cat",
	    "listen_owner = \"anna\"|!listen_group" },
	{ "tcpmux/date stream tcp nowait anna /bin/cat", "service date {|\"TCPMUX\"" },
	{ "tcpmux/+date stream tcp nowait anna /bin/cat", "service date {|\"TCPMUXPLUS\"" },
	{ "444 stream tcp nowait anna /bin/sh sh -c \"a | b\" 'c d'",
	    "server_args = {\"sh\", \"-c\", \"a | b\", \"c d\"}" },
	{ "444 stream tcp nowait anna /bin/cat cat e'f # x", "\"e'f\", \"#\", \"x\"" },
	{ "444 stream tcp nowait anna /bin/cat cat\n\t-u -v",
	    "server_args = {\"cat\", \"-u\", \"-v\"}" },
	{ " 444 stream tcp nowait anna /bin/cat cat\n 445 stream tcp nowait anna /bin/cat",
	    "service 444 {|service 445 {|server_args = {\"cat\"}" },
	{ "444 stream tcp nowait anna /usr/bin/tcpd in.telnetd", "NOLIBWRAP" },
	{ "#<off># 444 stream tcp nowait anna /bin/cat cat", "service 444 {|disable = yes" },
	{ "#<off>#444 stream tcp nowait anna /bin/cat cat", "disable = yes" },
	{ "444 stream tcp nowait anna /bin/cat\r\n445 stream tcp nowait anna /bin/cat cat -u\r",
	    "\"cat\", \"-u\"}" },
	{ "444 stream tcp nowait anna /bin/cat\n445 stream tcp6 nowait anna /bin/cat\n",
	    "id = \"444\"|id = \"445/tcp6\"" },
	{ "10.0.0.1:444 stream tcp nowait anna /bin/cat\n10.0.0.2:444 stream tcp nowait anna /bin/cat\n",
	    "id = \"444\"|id = \"444/2\"" },
	{ "#:INTERNAL: x\n# echo stream\n\n444 stream tcp nowait anna /bin/cat", "!echo" },
};

static void
expect_words(const char *dump, const char *list)
{
	char *copy = mem_dup(list), *rest = copy, *word;

	while ((word = strsep(&rest, "|")) != NULL) {
		/* A pipe in the value itself. */
		if (*word == ' ')
			continue;
		bool is_absent = *word == '!';

		if ((strstr(dump, word + is_absent) != NULL) == is_absent)
			ck_abort_msg("%s %s:\n%s", word + is_absent,
			    is_absent ? "is there" : "is missing", dump);
	}
	free(copy);
}

START_TEST(a_line_becomes_a_service)
{
	struct problems problems = { 0 };
	struct config *c = load_text(good[_i].line, &problems);
	char *dump = dump_of(c);

	if (problems.by_severity[SEVERITY_ERROR] > 0) {
		problems_print(&problems, stderr);
		ck_abort_msg("'%s' has errors", good[_i].line);
	}
	ck_assert_uint_ge(c->count, 1);
	if (strstr(good[_i].line, "a | b") != NULL)
		ck_assert_ptr_nonnull(strstr(dump, good[_i].becomes));
	else
		expect_words(dump, good[_i].becomes);
	free(dump);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

/* What is wrong, and where. The service behind it must load. */
static const struct {
	const char *line;
	unsigned column;
	const char *text;
} bad[] = {
	{ "444 strem tcp nowait anna /bin/cat", 5, "'strem' is no type of a socket" },
	{ "444 stream tcp", 15, "the line ends where wait or nowait is expected" },
	{ "444", 4, "the line ends where the type of the socket" },
	{ "444 stream tcp maybe anna /bin/cat", 16, "'maybe' is neither wait nor nowait" },
	{ "444 stream tcp nowait.x anna /bin/cat", 23, "'x' is no number" },
	{ "444 stream tcp nowait/1/y anna /bin/cat", 25, "'y' is no number" },
	{ "444 stream tcp nowait/1/2/3/4 anna /bin/cat", 16, "at most 3 numbers" },
	{ "444 stream sctp nowait anna /bin/cat", 12, "the protocol 'sctp' is unknown" },
	{ "444 raw tcp nowait anna /bin/cat", 5, "raw sockets are not supported" },
	{ "rstatd/1-3 dgram rpc/udp wait root /bin/cat", 18, "RPC is not supported" },
	{ "444 stream tcp nowait anna: /bin/cat", 23, "'anna:' is no user" },
	{ "444 stream tcp nowait no_such /bin/cat", 23, "there is no user no_such" },
	{ "444 stream tcp nowait anna /no_such", 28, "there is no program /no_such" },
	{ "444 stream tcp nowait anna no_such", 28, "there is no program" },
	{ "444 stream tcp nowait anna bin/cat", 28, "is not a full path" },
	{ "x.sock stream unix nowait anna /bin/cat", 1, "a unix socket has a full path" },
	{ "/x.sock stream tcp nowait anna /bin/cat", 1, "goes with the protocol unix" },
	{ "127.0.0.1: stream tcp nowait anna /bin/cat", 1, "there is no port behind the address" },
	{ ":a:b:0600:c:/x.sock stream unix nowait anna /bin/cat", 1, "too many colons" },
	{ "ftp on bind = x,\n protocol = tcp ;", 5, "NetBSD's form" },
	{ ".include \"/etc/inetd.d/*\"", 1, ".include is not supported" },
	{ "auth stream tcp nowait root internal auth -r", 29, "provides no auth" },
};

START_TEST(a_bad_line_is_named_and_the_others_are_read)
{
	struct problems problems = { 0 };
	char *text = mem_format("%s\n9 stream tcp nowait anna /bin/cat\n", bad[_i].line);
	struct config *c = load_text(text, &problems);
	const struct problem *found = NULL;

	for (size_t i = 0; i < problems.count; i++)
		if (problems.item[i].severity == SEVERITY_ERROR &&
		    strstr(problems.item[i].text, bad[_i].text) != NULL)
			found = &problems.item[i];
	if (found == NULL)
		problems_print(&problems, stderr);
	ck_assert_msg(found != NULL, "no error with '%s'", bad[_i].text);
	ck_assert_uint_eq(found->place.line, 1);
	ck_assert_uint_eq(found->place.column, bad[_i].column);
	const struct service_conf *other = stand_in_find(c, "9");

	ck_assert_ptr_nonnull(other);
	ck_assert_int_eq(other->state, CONF_OK);
	free(text);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(hosts_allow_is_minded_where_it_is_asked_for)
{
	static const char line[] = "444 stream tcp nowait anna /bin/cat";
	char *path = new_file(line, strlen(line));
	const struct load_input input = { .path = path, .kind = INPUT_AUTO };
	struct load_options options = { .lookup = &stand_in_lookup,
		.inputs = &input,
		.input_count = 1,
		.has_wrappers = true,
		.is_root = true };
	struct problems problems = { 0 };
	struct config *c = config_load(path, &options, &problems);

	ck_assert_uint_eq(c->services[0]->flags & CONF_FLAG_NOLIBWRAP, 0);
	unlink(path);
	free(path);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

/* By the first word, as --check takes them. */
static const struct {
	const char *text;
	const char *id; /* of a service in it; NULL: there is none */
	bool has_errors;
} kinds[] = {
	{ "444 stream tcp nowait anna /bin/cat\n", "444", false },
	{ "# c\n\n127.0.0.1:\n444 stream tcp nowait anna /bin/cat\n", "444", false },
	{ "#<off># 444 stream tcp nowait anna /bin/cat\n", "444", false },
	{ "#x\n#<off># 444 stream tcp nowait anna /bin/cat\n", "444", false },
	{ "service 444\n{\nport = 444\nuser = anna\nserver = /bin/cat\nwait = no\n}\n", "444",
	    false },
	{ "defaults\n{\n}\n", NULL, false },
	{ "servise x\n{\n}\nservice 444\n{\nport = 444\nuser = anna\nserver = /bin/cat\nwait = no\n}\n",
	    "444", true },
	{ "", NULL, false },
	{ "# nothing\n", NULL, false },
	{ "this is no configuration\n", NULL, true },
};

START_TEST(the_first_word_tells_what_a_file_is)
{
	struct problems problems = { 0 };
	struct config *c =
	    load_inetd(kinds[_i].text, strlen(kinds[_i].text), INPUT_AUTO, &problems);

	ck_assert_int_eq(problems.by_severity[SEVERITY_ERROR] > 0, kinds[_i].has_errors);
	if (kinds[_i].id != NULL)
		ck_assert_ptr_nonnull(stand_in_find(c, kinds[_i].id));
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(the_command_line_stands_before_every_file)
{
	static const char line[] =
	    "444 stream tcp nowait anna /bin/cat\n445 stream tcp nowait/7 anna /bin/cat\n";
	char *path = new_file(line, strlen(line));
	const struct load_input input = { .path = path, .kind = INPUT_INETD };
	const struct load_options options = { .lookup = &stand_in_lookup,
		.inputs = &input,
		.input_count = 1,
		.preset = "defaults {\n\tinstances = {\"3\"}\n}\n",
		.is_root = true };
	struct problems problems = { 0 };
	struct config *c = config_load(path, &options, &problems);

	ck_assert_uint_eq(stand_in_find(c, "444")->instances, 3);
	ck_assert_uint_eq(stand_in_find(c, "445")->instances, 7);
	unlink(path);
	free(path);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

/* Whatever the bytes are, there is an answer. */
START_TEST(any_bytes_are_read_or_refused)
{
	static const char alphabet[] =
	    "ab19:/.,[]*#\"' \t\r\n\\{}=;\x01\xc3stream tcp nowait root internal";
	unsigned seed = (unsigned)_i * 7919 + 1;
	char text[512];

	for (size_t i = 0; i < sizeof(text); i++) {
		seed = seed * 1103515245 + 12345;
		text[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
	}
	struct problems problems = { 0 };
	struct config *c = load_inetd(text, sizeof(text), INPUT_INETD, &problems);

	for (size_t i = 0; i < problems.count; i++)
		ck_assert_ptr_nonnull(problems.item[i].text);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(an_address_with_more_behind_it_still_closes_the_lines_below)
{
	struct problems problems = { 0 };
	struct config *c = load_text(
	    "127.0.0.1: 445 stream tcp nowait anna /bin/cat\n444 stream tcp nowait anna /bin/cat\n",
	    &problems);

	ck_assert_uint_eq(c->count, 1);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_ERROR], 1);
	ck_assert_str_eq(c->services[0]->endpoints[0].key, "tcp:127.0.0.1:444");
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(many_lines_of_one_name_get_their_numbers_at_once)
{
	struct problems problems = { 0 };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (int i = 0; i < 20000; i++)
		fprintf(f, "127.%d.%d.1:7000 stream tcp nowait anna /bin/cat\n", i / 200, i % 200);
	fclose(f);
	struct config *c = load_text(text, &problems);

	ck_assert_uint_eq(c->count, 20000);
	ck_assert_str_eq(c->services[0]->id, "7000");
	ck_assert_str_eq(c->services[19999]->id, "7000/20000");
	free(text);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

/* Lines that are neither empty nor a comment. */
static unsigned
count_active(const struct source *source)
{
	unsigned count = 0;
	const char *at = source->text;

	while (*at != '\0') {
		size_t len = strcspn(at, "\n"), blanks = strspn(at, " \t\r");

		count += blanks < len && at[blanks] != '#';
		at += len + (at[len] == '\n');
	}
	return count;
}

START_TEST(every_line_of_real_files_is_read_or_has_a_reason)
{
	const struct load_input input = { .path = files.item[_i], .kind = INPUT_AUTO };
	struct problems problems = { 0 };
	struct load_options options = {
		.lookup = &lookup, .inputs = &input, .input_count = 1, .is_root = true
	};
	unsigned read = 0, refused = 0;

	lookup = has_everything();
	struct config *c = config_load(files.item[_i], &options, &problems);
	for (size_t i = 0; i < c->count; i++)
		read += c->services[i]->state != CONF_DISABLED;
	for (size_t i = 0; i < problems.count; i++) {
		if (problems.item[i].severity != SEVERITY_ERROR)
			continue;
		refused++;
		/* Two alternatives for one port, of which one was to be deleted. */
		ck_assert_msg(strstr(problems.item[i].text, "is taken by") != NULL, "%s: %s",
		    files.item[_i], problems.item[i].text);
	}
	ck_assert_uint_eq(c->source_count, 1);
	ck_assert_uint_le(count_active(c->sources[0]), read + refused);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

int
main(void)
{
	list_real_files(&files, "inetd");
	const struct suite_test tests[] = {
		TEST_LOOP(a_line_becomes_a_service, (int)ARRAY_LEN(good)),
		TEST_LOOP(a_bad_line_is_named_and_the_others_are_read, (int)ARRAY_LEN(bad)),
		TEST(hosts_allow_is_minded_where_it_is_asked_for),
		TEST_LOOP(the_first_word_tells_what_a_file_is, (int)ARRAY_LEN(kinds)),
		TEST(the_command_line_stands_before_every_file),
		TEST(an_address_with_more_behind_it_still_closes_the_lines_below),
		TEST(many_lines_of_one_name_get_their_numbers_at_once),
		TEST_LOOP(any_bytes_are_read_or_refused, 200),
		TEST_LOOP(every_line_of_real_files_is_read_or_has_a_reason, (int)files.count),
	};
	return run_suite("inetd", tests, ARRAY_LEN(tests) - (files.count == 0 ? 1 : 0));
}
