/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/block.h"
#include "suite.h"

/* What was read, as text: "service a { port = <7>; env += [A|B]; ?name = }". Words stand in <> if
 * the value is in xinetd's spelling and in [] if it is native; ? is an unknown attribute, ! before
 * a block damage, ~ disabled. */
static void
print_setting(const struct setting *set, FILE *out)
{
	static const char *const ops[] = { "=", "+=", "-=" };

	fprintf(out, " %s%s %s", set->attr == NULL ? "?" : "", set->name.text, ops[set->op]);
	if (set->count > 0 || set->is_native)
		fputs(set->is_native ? " [" : " <", out);
	for (size_t i = 0; i < set->count; i++)
		fprintf(out, "%s%s", i > 0 ? "|" : "", set->words[i].text);
	if (set->count > 0 || set->is_native)
		fputs(set->is_native ? "]" : ">", out);
	fputc(';', out);
}

static void
print_blocks(const struct blocks *blocks, FILE *out)
{
	static const char *const kinds[] = { "defaults", "service", "include", "includedir" };

	for (size_t i = 0; i < blocks->count; i++) {
		const struct block *b = &blocks->item[i];

		fprintf(out, "%s%s%s%s%s%s", i > 0 ? " " : "", b->is_damaged ? "!" : "",
		    b->is_disabled ? "~" : "", kinds[b->kind], b->title.text == NULL ? "" : " ",
		    b->title.text == NULL ? "" : b->title.text);
		if (b->kind == BLOCK_INCLUDE || b->kind == BLOCK_INCLUDEDIR)
			continue;
		fputs(" {", out);
		for (size_t j = 0; j < b->count; j++)
			print_setting(&b->settings[j], out);
		fputs(" }", out);
	}
	if (blocks->is_cut)
		fputs(" cut", out);
	if (blocks->misses)
		fputs(" misses", out);
}

/* "E3:14 N1:1": severity, line and column of each. */
static void
print_problems(const struct problems *p, FILE *out)
{
	for (size_t i = 0; i < p->count; i++)
		fprintf(out, "%s%c%u:%u", i > 0 ? " " : "", "NWE"[p->item[i].severity],
		    p -> item[i].place.line, p->item[i].place.column);
}

struct reading {
	struct source source;
	struct blocks blocks;
	struct problems problems;
	char *got, *told;
};

static void
read_bytes(struct reading *r, const char *text, size_t len)
{
	size_t size;
	FILE *out;

	*r = (struct reading){ .source = { mem_dup("test.conf"), mem_dupn(text, len), len } };
	blocks_read(&r->blocks, &r->source, &r->problems);
	out = open_memstream(&r->got, &size);
	print_blocks(&r->blocks, out);
	fclose(out);
	out = open_memstream(&r->told, &size);
	print_problems(&r->problems, out);
	fclose(out);
}

static void
reading_done(struct reading *r)
{
	blocks_done(&r->blocks);
	problems_done(&r->problems);
	free(r->source.path);
	free(r->source.text);
	free(r->got);
	free(r->told);
}

struct expectation {
	const char *text, *read, *told;
};

static void
check(const struct expectation *e)
{
	struct reading r;

	read_bytes(&r, e->text, strlen(e->text));
	ck_assert_msg(strcmp(r.got, e->read) == 0, "of\n%s\nwas read\n%s\nand not\n%s", e->text,
	    r.got, e->read);
	ck_assert_msg(strcmp(r.told, e->told) == 0,
	    "of\n%s\nwas told '%s' and not '%s'; the first: %s", e->text, r.told, e->told,
	    r.problems.count > 0 ? r.problems.item[0].text : "none");
	reading_done(&r);
}

/* clang-format off */
static const struct expectation blocks_and_braces[] = {
	{ "", "", "" },
	{ "\n \t\n# only\n// comments\n/* and\nthis */\n", "", "" },
	{ "service a\n{\n\tport = 7\n}\n", "service a { port = <7>; }", "" },
	{ "service a\n{\n}", "service a { }", "" },
	{ "defaults\n{\n}\nservice a\n{\n}\n", "defaults { } service a { }", "" },
	{ "SERVICE a\n{\n}\nDefaults {}\n", "service a { } defaults { }", "" },
	{ "service a { port = 7 wait = no }\n", "service a { port = <7>; wait = <no>; }", "" },
	{ "service a{port=7 wait=no }", "service a { port = <7>; wait = <no>; }", "" },
	{ "service a { port = 7 } service b { port = 8 }", "service a { port = <7>; } service b { port = <8>; }", "" },
	{ "service a {} service b {}", "service a { } service b { }", "" },
	{ "service a # c\n# c\n\n/* c */ { // c\n} # c\n", "service a { }", "" },
	{ "service \"a b\" {\n}\n", "service a b { }", "" },
	{ "service {NAME}\n{\n}\n", "service {NAME} { }", "" },
	{ "service a b c\n{\n}\n", "service a { }", "W1:11" },
	{ "defaults x {\n}\n", "defaults { }", "W1:10" },
	{ "service a { port = 7\n}\n", "service a { port = <7>; }", "" },
	/* Damage. */
	{ "service\n{\n}\n", "!service  { }", "E1:1" },
	{ "service # a\n{\n}\n", "!service  { }", "E1:1" },
	{ "service a\nservice b\n{\n}\n", "!service a { } service b { }", "E1:1" },
	{ "service a\n", "!service a { }", "E1:1" },
	{ "service a\nport = 7\n}\nservice b\n{\n}\n", "!service a { port = <7>; } service b { }", "E1:1" },
	{ "service a\n{\nport = 7\nservice b\n{\n}\n", "!service a { port = <7>; } service b { }", "E4:1" },
	{ "service a\n{\nport = 7\n", "!service a { port = <7>; }", "E1:1" },
	{ "service a {\ndefaults {\n}\n", "!service a { } defaults { }", "E2:1" },
	{ "service a {\n include x\n", "!service a { } include x", "E2:2" },
	{ "service a {\n service = x\n}\n", "service a { ?service = <x>; }", "" },
	{ "}\nservice a {\n}\n}\n", "service a { }", "E1:1 E4:1" },
	{ "service a\n{{\nport = 7\n}}\nservice b {\n}\n", "!service a { port = <7>; } service b { }", "E2:2" },
	{ "{\n port = 7\n}\nservice b {\n}\n", "service b { }", "E1:1" },
	{ "foo bar\nservice b {\n}\n", "service b { }", "E1:1" },
	{ "foo {\n x = {\n }\n}\nservice b {\n}\n", "service b { }", "E1:1" },
	{ "foo\n# c\n{\n port = ${IFS}\nservice b {\n}\n", "service b { }", "E1:1" },
	{ "servce a\n{\n port = 7\n}\nservice b {\n}\n", "service b { }", "E1:1" },
	{ "service a {\n options {\n x = 1\n }\n port = 7\n}\n", "!service a { port = <7>; }", "E2:2" },
	{ "service a { options { x = 1 } port = 7 }\n", "!service a { port = <7>; }", "E1:13" },
	/* A setting behind one brace too many belonged to the block before. */
	{ "service a {\nport = 7\n}\ndisable = yes\nBIND = 127.0.0.1\n}\nservice b {}\n",
	    "!service a { port = <7>; } service b { }", "E4:1 E5:1 E6:1" },
	{ "service a {} disable=yes }\n", "!service a { }", "E1:14 E1:26" },
	{ "service a {}\ninclude /x\nonly_from += x\n", "!service a { } include /x", "E3:1" },
	{ "service a {}\nservice b {}\nonly_form = x\n", "service a { } !service b { }", "E3:1" },
	{ "defaults {}\ninstances = 3\n}\n", "!defaults { }", "E2:1 E3:1" },
	{ "bind\xe2\x80\x8b = x\nservice b {}\n", "service b { }", "E1:1" },
	{ "service a {}\nbind\xe2\x80\x8b = x\n", "!service a { }", "E2:1" },
	{ "service a {}\nbind x\nunheard = of\n--bind = x\n", "service a { }", "E2:1 E3:1 E4:1" },
	{ "service a {}\nservice = b {\n}\n", "service a { }", "E2:1" },
	/* What a misspelt keyword stood for is missing. */
	{ "default\n{\nbind = x\n}\nservice a {}\n", "service a { } misses", "E1:1" },
	{ "defalts{bind=x\n}\nservice a {}\n", "service a { } misses", "E1:1 E2:1" },
	{ "defaults\xc2\xa0{\n}\n", " misses", "E1:1" },
	{ "[defaults]\nservice a {}\n", "service a { } misses", "E1:1" },
	{ "includ /x\nservice a {}\n", "service a { } misses", "E1:1" },
	{ "include_dir(/x)\nservice a {}\n", "service a { } misses", "E1:1" },
	{ "servce b\n{\n}\nservice a {}\n", "service a { }", "E1:1" },
};

/* On one line with its block, a value that takes all that follows could swallow a restriction. */
static const struct expectation one_line[] = {
	{ "service a { server_args=-u disable=yes bind=x }\n",
	    "!service a { server_args = <-u|disable=yes|bind=x>; }", "E1:28" },
	{ "service a { server_args=-u DISABLE+=yes }\n", "!service a { server_args = <-u|DISABLE+=yes>; }", "E1:28" },
	{ "service a { env=A=b disable=yes }\n", "!service a { env = <A=b|disable=yes>; }", "E1:21" },
	{ "service a { env=A=b disable= yes }\n", "!service a { env = <A=b|disable=|yes>; }", "E1:21" },
	{ "service a { server_args = \"-x\" disable=yes }\n",
	    "!service a { server_args = <-x|disable=yes>; }", "N1:28 E1:32" },
	{ "service a { server_args=-x only_form = x }\n",
	    "!service a { server_args = <-x|only_form|=|x>; }", "E1:28" },
	{ "service a { server_args=-x instnces = 3 }\n", "!service a { server_args = <-x|instnces|=|3>; }", "E1:28" },
	{ "service a { server_args=-x per_source=3 }\n", "!service a { server_args = <-x|per_source=3>; }", "E1:28" },
	{ "service a\n{ server_args=-x bind\xe3\x80\x80=x }\n",
	    "!service a { server_args = <-x|bind\xe3\x80\x80=x>; }", "E2:18" },
	{ "service a { server_args=disable=yes }\n", "!service a { server_args = <disable=yes>; }", "E1:25" },
	{ "service a { disable=yes server_args=-x user=y }\n",
	    "!~service a { disable = <yes>; server_args = <-x|user=y>; }", "N1:40" },
	/* What is no setting, or stands in quotes or braces, is part of the value. */
	{ "service a { server_args=-x --user=y -bind=z 'disable=yes' a=b x }\n",
	    "service a { server_args = <-x|--user=y|-bind=z|disable=yes|a=b|x>; }", "N1:46" },
	{ "service a { env = HOME=/x A=1 port = 7 }\n", "service a { env = <HOME=/x|A=1>; port = <7>; }", "" },
	{ "service a { server_args = {\"disable=yes\"} env = \"bind=x\" port=7 }\n",
	    "!service a { server_args = [disable=yes]; env = <bind=x|port=7>; }", "N1:50 E1:58" },
	{ "service a { server_args = {disable=yes} env = \"bind=x\" port = 7 }\n",
	    "service a { server_args = [disable=yes]; env = [bind=x]; port = <7>; }", "" },
	{ "service a {\nserver_args = -x disable=yes only_from = x\n}\n",
	    "service a { server_args = <-x|disable=yes|only_from|=|x>; }", "" },
	/* Elsewhere the next setting begins. */
	{ "service a { flags=x instnces=3 }\n", "service a { flags = <x>; ?instnces = <3>; }", "" },
	{ "service a { user=x only_from=y port=7 }\n", "service a { user = <x>; only_from = <y>; port = <7>; }", "" },
};

static const struct expectation values[] = {
	{ "service a {\nnice=5\nlog_type =FILE /x\nenv+=A=1\nbind -= b\n}\n",
	    "service a { nice = <5>; log_type = <FILE|/x>; env += <A=1>; bind -= <b>; }", "" },
	{ "service a {\nPORT = 7\nfoo = x\n}\n", "service a { PORT = <7>; ?foo = <x>; }", "" },
	{ "service a {\nport =\nwait = no\n}\n", "service a { port =; wait = <no>; }", "" },
	{ "service a {\nserver_args = -c cd${IFS}/x;./y $(z) & %\n}\n",
	    "service a { server_args = <-c|cd${IFS}/x;./y|$(z)|&|%>; }", "" },
	{ "service a {\nbind = 10.0.0.{1,2} print}\n}\n", "service a { bind = <10.0.0.{1,2}|print}>; }", "" },
	{ "service a {\nport = 7 }\n", "service a { port = <7>; }", "" },
	{ "service a {\nport = 7 } # c\n", "service a { port = <7>; }", "" },
	{ "service a {\nserver_args = { print }\n}\n", "service a { server_args = [print]; }", "" },
	{ "service a {\nserver_args = x }\n}\n", "service a { server_args = <x|}>; }", "" },
	{ "service a { server_args = x }\n", "service a { server_args = <x>; }", "" },
	{ "service a { server_args = -p port = 7 }\n", "service a { server_args = <-p>; port = <7>; }", "" },
	{ "service a {\nserver_args = -p port = 7\n}\n", "service a { server_args = <-p|port|=|7>; }", "" },
	{ "service a {\nenv = A=1 user=x\n}\n", "service a { env = <A=1|user=x>; }", "" },
	{ "service a { env = A=1 user=x port = 7 }\n", "!service a { env = <A=1|user=x>; port = <7>; }", "E1:23" },
	{ "service a {\nport = 7 wait = no\n}\n", "service a { port = <7>; wait = <no>; }", "" },
	{ "service a { port = 7 only_form = x }\n", "service a { port = <7>; ?only_form = <x>; }", "" },
	{ "service a {\nport = 7 only_form = x\n}\n", "service a { port = <7|only_form|=|x>; }", "" },
	{ "service a {\nport 7\nwait = no\n}\n", "!service a { wait = <no>; }", "E2:1" },
	{ "service a { port 7 }\nservice b {}\n", "!service a { } service b { }", "E1:13" },
	{ "service a {\nport == 7\nport := 8\n}\n", "!service a { }", "E2:1 E3:1" },
	{ "service a {\n= 7\n\"x\" = 7\n}\n", "!service a { }", "E2:1 E3:1" },
	{ "service a {\nflags = A \\\n B\n}\n", "!service a { flags = <A|\\>; }", "W2:11 E3:2" },
	{ "service a {\nserver_args = A \\\n}\n", "service a { server_args = <A|\\>; }", "" },
	{ "service a {\n# c \\\nport = 7\n}\n", "service a { port = <7>; }", "" },
	{ "service a {\nid = a\x01\x62\nport = 7\n}\n", "!service a { id = <a\x01\x62>; port = <7>; }", "E2:7" },
	{ "service a {\nserver_args = \x85\xff\n}\n", "service a { server_args = <\x85\xff>; }", "" },
};

static const struct expectation comments[] = {
	{ "service a {\nport = 7 # c\nwait = no // d\n}\n", "service a { port = <7>; wait = <no>; }", "N2:10" },
	{ "service a {\nport = 7//x\nid = a#b\n}\n", "service a { port = <7//x>; id = <a#b>; }", "" },
	{ "service a {\nport = # c\n}\n", "service a { port =; }", "N2:8" },
	{ "service a {\nport = //c\n}\n", "service a { port =; }", "N2:8" },
	{ "service a {\nserver_args = -x # c #d\n}\n", "service a { server_args = <-x|#|c|#d>; }", "N2:18" },
	{ "service a {\nserver_args = -x // c\n}\n", "service a { server_args = <-x>; }", "N2:18" },
	{ "service a {\nserver_args = /* x */ http://x\n}\n", "service a { server_args = </*|x|*/|http://x>; }", "" },
	{ "service a {\nbind = x /* c */ y\n}\n", "service a { bind = <x|y>; }", "" },
	{ "service a {\nbind = x /* c\nport = 1\n*/ port = 7\n}\n", "service a { bind = <x>; port = <7>; }", "" },
	{ "service a {\n/* port = 1\n} */ port = 7\n}\n", "service a { port = <7>; }", "" },
	{ "service a {\n  // port = 1\n# wait = no\n}\n", "service a { }", "" },
	{ "service a {\n/* c\nport = 7\n}\nservice b {}\n", "!service a { } cut", "E2:1" },
	{ "service a {}\n/*/\nservice b {}\n", "service a { } cut", "E2:1" },
	{ "service a {\nenv = {\"A=1\", # c\n// d\n/* e */ \"B=2\" }\n}\n", "service a { env = [A=1|B=2]; }", "" },
	{ "service a {\nport = 7  //\xea\xb8\xb0\xeb\x8b\xa4 (a, b = c)\n}\n", "service a { port = <7>; }", "N2:11" },
};

static const struct expectation quotes[] = {
	{ "service a {\nid = \"x y\"\nuser = 'r'\n}\n", "service a { id = [x y]; user = [r]; }", "" },
	{ "service a {\nenv = \"A=1\" \"B=2\",\"C=3\" ,\n}\n", "service a { env = [A=1|B=2|C=3]; }", "" },
	{ "service a { id = \"x\" port = 7 }\n", "service a { id = [x]; port = <7>; }", "" },
	{ "service a { id = \"x\"}\n", "service a { id = [x]; }", "" },
	{ "service a {\nid = \"a\\\"b\\'c\\\\d\\ne${X}\"\n}\n", "service a { id = [a\"b'c\\d\\ne${X}]; }", "" },
	{ "service a {\nid = \"\"\n}\n", "service a { id = []; }", "" },
	{ "service a {\nid = \"a\"b\n}\n", "service a { id = <\"a\"b>; }", "N2:6" },
	{ "service a {\nenv = \"A=1\" B\n}\n", "service a { env = <A=1|B>; }", "N2:8" },
	{ "service a {\nserver_args = -a \"b\" 'c'\n}\n", "service a { server_args = <-a|b|c>; }", "N2:19" },
	{ "service a {\nserver_args = -a \"b c\"\n}\n", "service a { server_args = <-a|\"b|c\">; }", "N2:18" },
	{ "service a {\nserver_args = --f=\"x\" it's\n}\n", "service a { server_args = <--f=\"x\"|it's>; }", "N2:15" },
	{ "service a {\nserver_args = \"a\" # c\n}\n", "service a { server_args = [a]; }", "N2:19" },
	{ "service a {\nenv = \"A=1\" user=x\n}\n", "service a { env = <A=1|user=x>; }", "N2:8" },
	{ "service a {\nid = \"open\nport = 7\n}\n", "!service a { id = []; port = <7>; }", "E2:6" },
	{ "service a {\nenv = \"A\" \"open\nport = 7\n}\n", "!service a { env = [A]; port = <7>; }", "E2:11" },
	{ "service a { id = \"open }\nservice b {}\n", "!service a { id = []; } service b { }", "E1:18" },
	{ "service \"a\n{\n}\n", "!service  { }", "E1:9" },
};

static const struct expectation lists[] = {
	{ "service a {\nserver_args = { \"a\", 'b c', d, }\n}\n", "service a { server_args = [a|b c|d]; }", "" },
	{ "service a {\nserver_args = {\n \"a\",\n \"b\"\n}\nport = 7\n}\n",
	    "service a { server_args = [a|b]; port = <7>; }", "" },
	{ "service a {\nenv = {}\nbind += {x}\n}\n", "service a { env = []; bind += [x]; }", "" },
	{ "service a { env = {\"A=1\"} port = 7 }\n", "service a { env = [A=1]; port = <7>; }", "" },
	{ "service a {\nbind = { 10.0.0.{1,2}, b }\n}\n", "service a { bind = [10.0.0.{1,2}|b]; }", "" },
	{ "service a {\nserver_args = {\"{\", \"}\", \"#\", \"//\"}\n}\n", "service a { server_args = [{|}|#|//]; }", "" },
	{ "service a {\nenv = {\"A=1\"} junk\nport = 7\n}\n", "!service a { env = [A=1]; port = <7>; }", "E2:15" },
	{ "service a {\nenv = {\"A=1\",\nport = 7\n}\nservice b {}\n",
	    "!service a { env = [A=1]; port = <7>; } service b { }", "E2:7" },
	{ "service a {\nenv = {\"A=1\",\nservice b {}\n", "!service a { env = [A=1]; } service b { }", "E2:7 E3:1" },
	{ "service a {\nenv = {\"A=1\",\n", "!service a { env = [A=1]; } cut", "E2:7" },
	{ "service a {\nenv = {\"A=1}\nport = 7\n}\n", "!service a { env = []; port = <7>; }", "E2:8" },
	{ "service a {\nenv = {\"A=1\nport = 7\n}\n", "!service a { env = []; port = <7>; }", "E2:8" },
	{ "service a {\nenv = {\"A\", \"B,\n\"C\" }\nport = 7\n}\n", "!service a { env = [A|C]; port = <7>; }", "E2:13" },
	{ "service a {\nenv = { {a, b}, c }\nport = 7\n}\n", "!service a { env = [a|b|c]; port = <7>; }", "E2:9" },
};

static const struct expectation includes[] = {
	{ "include /x\nincludedir /d\n", "include /x includedir /d", "" },
	{ "INCLUDE /x # c\nIncludeDir /d // c\n", "include /x includedir /d", "" },
	{ "include \"/a b\"\ninclude(\"/x\")\nincludedir ( '/d' )\ninclude(/y)\n",
	    "include /a b include /x includedir /d include /y", "" },
	{ "include /x y\n", "include /x", "W1:12" },
	{ "include\nincludedir\t\nservice a {}\n", "service a { } misses", "E1:1 E2:1" },
	{ "include \"x\nservice a {}\n", "service a { } misses", "E1:9" },
	{ "include(\"/x\"\nservice a {}\n", "!include /x service a { }", "E1:9" },
	{ "include \"\"\n", " misses", "E1:1" },
	{ "include = /x\n", " misses", "E1:1" },
};

static const struct expectation disabled[] = {
	{ "service a {\ndisable = yes\nnonsense\nid = \"x\n}\n", "!~service a { disable = <yes>; id = []; }", "N3:1 N4:6" },
	{ "service a {\nnonsense\ndisable = TRUE\n}\n", "!~service a { disable = <TRUE>; }", "N2:1" },
	{ "service a {\nnonsense\ndisable = \"on\"\n}\n", "!~service a { disable = [on]; }", "N2:1" },
	{ "service a {\nnonsense\ndisable = no\n}\n", "!service a { disable = <no>; }", "E2:1" },
	{ "service a {\nnonsense\ndisable = no\ndisable = yes\n}\n",
	    "!service a { disable = <no>; disable = <yes>; }", "E2:1" },
	{ "service a {\ndisable = yes\ndisable = no\n}\n", "~service a { disable = <yes>; disable = <no>; }", "" },
	{ "service a {\ndisable = yes # c\n}\n", "~service a { disable = <yes>; }", "N2:15" },
	/* Braces and what hides the rest of the file are errors all the same, and so is the next
	 * service's. */
	{ "service a {\ndisable = yes\nservice b {\njunk\n}\n", "!~service a { disable = <yes>; } !service b { }",
	    "E3:1 E4:1" },
	{ "service a {\ndisable = yes\n/*\n}\n", "!~service a { disable = <yes>; } cut", "E3:1" },
	{ "service a {\ndisable = yes\nenv = {\nport = 7\n}\n", "!~service a { disable = <yes>; env = []; port = <7>; }",
	    "E3:7" },
};

static const struct expectation bytes[] = {
	{ "\xef\xbb\xbfservice a\n{\n}\n", "service a { }", "" },
	{ "\xef\xbb\xbf}\n", "", "E1:1" },
	{ "service a\r\n{\r\n\tport = 7\r\n}\r\n", "service a { port = <7>; }", "W1:10" },
	{ "service a\r\n{\r\n\tport = 7\r\n}\r", "service a { port = <7>; }", "W1:10" },
	{ "service a {\n\tid = \xed\x8f\xac\xed\x8a\xb8 b\xc3\xa9 }x\n}\n",
	    "service a { id = <\xed\x8f\xac\xed\x8a\xb8|b\xc3\xa9|}x>; }", "" },
	{ "service a {\n\xed\x8f\xac \"x\" = 1\n\xed\x8f\xac = \"y\n}\n", "!service a { }",
	    "E2:1 E3:1 E3:5" },
	{ "service a {\nbind\xe3\x80\x80 = x\n us\xe2\x80\x8b""er = y\nport = 7\n}\n",
	    "!service a { port = <7>; }", "E2:5 E3:4" },
	{ "service a {\na.b = x\n\xc2\xa0port = 7\nx-y_9 = z\n}\n",
	    "!service a { ?x-y_9 = <z>; }", "E2:2 E3:1" },
	{ "service a {\nus\x01" "er = y\n}\n", "!service a { }", "E2:3" },
	{ "\x7f" "ELF\x02\x01\x01\x03\x04\x05", " cut", "E1:1" },
};

/* clang-format on */

#define CHECK_TABLE(name, table) \
 START_TEST(name)                \
 {                               \
  check(&table[_i]);             \
 }                               \
 END_TEST

CHECK_TABLE(blocks_open_and_close, blocks_and_braces)
CHECK_TABLE(one_line_swallows_no_setting, one_line)
CHECK_TABLE(values_are_cut_into_words, values)
CHECK_TABLE(comments_are_no_values, comments)
CHECK_TABLE(quotes_group_only_whole_words, quotes)
CHECK_TABLE(lists_are_native, lists)
CHECK_TABLE(includes_have_a_path, includes)
CHECK_TABLE(disabled_services_complain_less, disabled)
CHECK_TABLE(e5_odd_bytes_are_told, bytes)

static const struct place *
place_of(const struct reading *r, size_t block, size_t setting, size_t word)
{
	return &r->blocks.item[block].settings[setting].words[word].place;
}

START_TEST(places_count_characters)
{
	struct reading r;
	const char *text =
	    "# c\nservice \xed\x8f\xac {\n\tport\t= 7\n\tid = \xc3\xa9 x \"y\"\n\tenv = {\n\t\t\"A\", B } }\n";

	read_bytes(&r, text, strlen(text));
	ck_assert_uint_eq(r.blocks.item[0].place.line, 2);
	ck_assert_uint_eq(r.blocks.item[0].title.place.column, 9);
	ck_assert_uint_eq(r.blocks.item[0].settings[0].name.place.line, 3);
	ck_assert_uint_eq(r.blocks.item[0].settings[0].name.place.column, 2);
	ck_assert_uint_eq(place_of(&r, 0, 0, 0)->column, 9);
	ck_assert_uint_eq(place_of(&r, 0, 1, 0)->column, 7);
	ck_assert_uint_eq(place_of(&r, 0, 1, 1)->column, 9);
	ck_assert_uint_eq(place_of(&r, 0, 2, 0)->line, 6);
	ck_assert_uint_eq(place_of(&r, 0, 2, 0)->column, 3);
	ck_assert_uint_eq(place_of(&r, 0, 2, 1)->column, 8);
	ck_assert_ptr_eq(place_of(&r, 0, 2, 1)->source, &r.source);
	reading_done(&r);
}

END_TEST

START_TEST(a_misspelt_keyword_gets_a_suggestion)
{
	struct reading r;

	read_bytes(&r, "servcie a {\n}\n", 14);
	ck_assert_ptr_nonnull(strstr(r.problems.item[0].text, "did you mean service"));
	reading_done(&r);
}

END_TEST

START_TEST(the_character_in_a_name_is_shown)
{
	struct reading r;
	static const char text[] = "service a {\nbind\xe3\x80\x80 = x\n}\n";

	read_bytes(&r, text, strlen(text));
	ck_assert_ptr_nonnull(strstr(r.problems.item[0].text, "character \\xe3\\x80\\x80 in"));
	reading_done(&r);
}

END_TEST

/* size bytes: head, then body again and again, then tail. */
static char *
repeat(const char *head, const char *body, const char *tail, size_t size)
{
	char *text = mem_alloc(size + strlen(head) + strlen(body) + strlen(tail) + 1),
	     *at = stpcpy(text, head);

	while ((size_t)(at - text) < size)
		at = stpcpy(at, body);
	strcpy(at, tail);
	return text;
}

/* Disabled blocks with 100 and more errors each take no other one with them; what is kept of them
 * is bounded all the same. An enabled one ends the file. */
START_TEST(errors_of_a_disabled_block_do_not_cut_the_file)
{
	static const size_t sizes[] = { 526, 2500 };
	char *off = repeat("service a {\ndisable = yes\n", "junk\n", "}\n", sizes[_i]);
	char *on = repeat("service b {\n", "junk\n", "}\n", sizes[_i]);
	char *text = mem_format("%s%s%sservice c {}\n", off, off, off);
	struct reading r;

	read_bytes(&r, text, strlen(text));
	ck_assert_uint_eq(r.blocks.count, 4);
	ck_assert_int_eq(r.blocks.is_cut, false);
	ck_assert_int_eq(r.blocks.item[2].is_damaged && r.blocks.item[2].is_disabled, true);
	ck_assert_int_eq(r.blocks.item[3].is_damaged, false);
	ck_assert_uint_eq(r.problems.text_errors, 0);
	ck_assert_uint_eq(r.problems.by_severity[SEVERITY_NOTE], 101);
	ck_assert_uint_eq(r.problems.count, 101);
	reading_done(&r);
	free(text);
	text = mem_format("%s%sservice c {}\n", off, on);
	read_bytes(&r, text, strlen(text));
	ck_assert_uint_eq(r.blocks.count, 2);
	ck_assert_int_eq(r.blocks.is_cut, true);
	ck_assert_uint_eq(r.problems.text_errors, 101);
	ck_assert_uint_eq(r.problems.by_severity[SEVERITY_ERROR], 101);
	reading_done(&r);
	free(text);
	free(off);
	free(on);
}

END_TEST

START_TEST(a_missing_brace_names_the_line_of_the_block)
{
	struct reading r;
	static const char text[] = "\nservice a\n{\nservice b {}\n";

	read_bytes(&r, text, strlen(text));
	ck_assert_str_eq(r.problems.item[0].text, "missing } of service a opened at line 2");
	reading_done(&r);
}

END_TEST

/* Behind 600 bytes of text, so that the file is text; its line and all that follows is left out. */
START_TEST(e5_a_nul_ends_the_file_with_one_error)
{
	char text[1024];
	struct reading r;
	int len = snprintf(text, sizeof(text),
	    "service a {\n}\n#%600s\nservice b {\nport = %c\n}\nservice c {}\n", "", 0);

	read_bytes(&r, text, (size_t)len);
	ck_assert_str_eq(r.got, "service a { } !service b { } cut");
	ck_assert_str_eq(r.told, "E5:8");
	reading_done(&r);
	read_bytes(&r, "service a {}\n\0", 14);
	ck_assert_str_eq(r.got, " cut");
	ck_assert_str_eq(r.told, "E2:1");
	reading_done(&r);
}

END_TEST

START_TEST(a_word_may_have_64_kib)
{
	static const size_t sizes[] = { 64 * 1024, 64 * 1024 + 1 };
	char *word = repeat("", "x", "", sizes[_i]);
	char *text = mem_format(
	    "service a {\nid = %s\nserver_args = %s \"%s\"\nport = 7\n}\n", word, word, word);
	struct reading r;

	read_bytes(&r, text, strlen(text));
	ck_assert_int_eq(r.blocks.item[0].is_damaged, _i == 1);
	ck_assert_uint_eq(r.problems.text_errors, _i == 1 ? 3 : 0);
	ck_assert_uint_eq(r.blocks.item[0].settings[1].count, _i == 1 ? 0 : 2);
	ck_assert_str_eq(r.blocks.item[0].settings[2].words[0].text, "7");
	reading_done(&r);
	free(text);
	free(word);
}

END_TEST

START_TEST(problems_of_a_file_are_bounded)
{
	char *junk = repeat("", "junk\n", "service a {}\n", 50000);
	char *notes = repeat("service a {\n", "id = \"a\"b\nflags = x \\\n", "}\n", 50000);
	struct reading r;

	read_bytes(&r, junk, strlen(junk));
	ck_assert_str_eq(r.got, " cut");
	ck_assert_uint_eq(r.problems.count, 101);
	ck_assert_uint_eq(r.problems.text_errors, 101);
	ck_assert_uint_eq(r.problems.item[100].place.line, 100);
	ck_assert_ptr_nonnull(strstr(r.problems.item[100].text, "not read"));
	reading_done(&r);
	read_bytes(&r, notes, strlen(notes));
	ck_assert_int_eq(r.blocks.item[0].is_damaged, false);
	ck_assert_uint_eq(r.problems.by_severity[SEVERITY_NOTE], 101);
	ck_assert_uint_eq(r.problems.by_severity[SEVERITY_WARNING], 101);
	reading_done(&r);
	free(junk);
	free(notes);
}

END_TEST

/* clang-format off */
static const struct { const char *head, *body, *tail; } monsters[] = {
	{ "", "{", "" },
	{ "", "}", "" },
	{ "", "} ", "" },
	{ "service a ", "{ ", "" },
	{ "service a {\nenv = ", "{ ", "}" },
	{ "service a {\nserver_args = ", "ab ", "\n}\n" },
	{ "service a {\nserver_args = ", "\"a\" ", "b\n}\n" },
	{ "service a {\nenv = {", "\"a\",", "}\n}\n" },
	{ "service a {\nid = ", "x", "\n}\n" },
	{ "service a { ", "id = \"x\" port = 1 ", "}" },
	{ "", "service a { port = 1 } ", "" },
	{ "", "service a\n", "" },
	{ "", "service ", "" },
	{ "service a {\n", " ", "port = 1\n}\n" },
	{ "service a {\n", "/* x */ ", "}\n" },
	{ "service a {\n", "x{ ", "}\n" },
	{ "", "service a\n{\n\tport = 1\n\tserver_args = -a \"b\" # c\n\tdisable = no\n}\n", "" },
};

/* clang-format on */

/* Quadratic cost would not end within the time that a test has. */
START_TEST(e4_four_megabytes_of_anything_end)
{
	char *text = repeat(monsters[_i].head, monsters[_i].body, monsters[_i].tail, 4 << 20);
	struct reading r = { .source = { mem_dup("x"), text, strlen(text) } };

	blocks_read(&r.blocks, &r.source, &r.problems);
	ck_assert_uint_le(r.problems.count, 3 * 101);
	reading_done(&r);
}

END_TEST

#define TABLE(fn, table) TEST_LOOP(fn, ARRAY_LEN(table))

int
main(void)
{
	static const struct suite_test tests[] = {
		TABLE(blocks_open_and_close, blocks_and_braces),
		TABLE(one_line_swallows_no_setting, one_line),
		TABLE(values_are_cut_into_words, values),
		TABLE(comments_are_no_values, comments),
		TABLE(quotes_group_only_whole_words, quotes),
		TABLE(lists_are_native, lists),
		TABLE(includes_have_a_path, includes),
		TABLE(disabled_services_complain_less, disabled),
		TABLE(e5_odd_bytes_are_told, bytes),
		TEST(places_count_characters),
		TEST(a_misspelt_keyword_gets_a_suggestion),
		TEST(the_character_in_a_name_is_shown),
		TEST_LOOP(errors_of_a_disabled_block_do_not_cut_the_file, 2),
		TEST(a_missing_brace_names_the_line_of_the_block),
		TEST(e5_a_nul_ends_the_file_with_one_error),
		TEST_LOOP(a_word_may_have_64_kib, 2),
		TEST(problems_of_a_file_are_bounded),
		TABLE(e4_four_megabytes_of_anything_end, monsters),
	};

	return run_suite("block", tests, ARRAY_LEN(tests));
}
