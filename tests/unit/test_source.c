/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/source.h"
#include "stand_in.h"
#include "suite.h"

#define AS_ROOT()                     \
 do {                                 \
  if (geteuid() != 0) {               \
   test_skip(__func__, "needs root"); \
   return;                            \
  }                                   \
 } while (0)

/* Each test works in a directory of its own, which is where it is started. */
static char dir[] = "/tmp/test_source.XXXXXX";
static const struct trust anybody = { .is_checked = false };
static const struct place nowhere;
static struct problems problems;

static void
setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void
teardown(void)
{
	char *command = mem_format("rm -rf %s", dir);

	problems_done(&problems);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
	free(command);
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static struct trust
trust_me(void)
{
	return (struct trust){ .is_checked = true, .owners = { 0, geteuid() }, .owner_count = 2 };
}

/* The path is refused with one error that holds the words. */
static void
refused(const char *path, const struct trust *trust, const char *words)
{
	ck_assert_ptr_null(source_read(path, trust, &nowhere, &problems));
	ck_assert_uint_eq(problems.count, 1);
	ck_assert_uint_eq(problems.text_errors, 1);
	ck_assert_msg(strstr(problems.item[0].text, words) != NULL, "'%s' is not in: %s", words,
	    problems.item[0].text);
	problems_done(&problems);
}

static void
accepted(const char *path, const struct trust *trust, const char *text)
{
	struct source *s = source_read(path, trust, &nowhere, &problems);

	ck_assert_msg(
	    s != NULL, "%s", problems.count > 0 ? problems.item[0].text : "no problem told");
	ck_assert_str_eq(s->text, text);
	ck_assert_uint_eq(s->len, strlen(text));
	ck_assert_str_eq(s->path, path);
	ck_assert_uint_eq(problems.count, 0);
	source_free(s);
}

START_TEST(reads_a_file_whole)
{
	setup();
	put("a", "service a\n{\n}\n");
	put("empty", "");
	accepted("a", &anybody, "service a\n{\n}\n");
	accepted("empty", &anybody, "");
	ck_assert_int_eq(symlink("a", "link"), 0);
	accepted("link", &anybody, "service a\n{\n}\n");
	teardown();
}

END_TEST

START_TEST(e2_what_is_no_regular_file_is_refused_at_once)
{
	setup();
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(mkdir("directory", 0700), 0);
	ck_assert_int_eq(symlink("nothing", "dangling"), 0);
	ck_assert_int_eq(symlink("loop", "loop"), 0);
	refused("fifo", &anybody, "FIFO");
	refused("directory", &anybody, "directory");
	refused("dangling", &anybody, "No such file");
	refused("loop", &anybody, "symbolic links");
	refused("/dev/null", &anybody, "device");
	refused("missing", &anybody, "No such file");
	teardown();
}

END_TEST

START_TEST(e2_a_file_too_large_is_refused_unread)
{
	setup();
	put("large", "");
	ck_assert_int_eq(truncate("large", SOURCE_MAX_BYTES + 1), 0);
	refused("large", &anybody, "larger than 64 MiB");
	teardown();
}

END_TEST

/* Its size is said to be 0, and yet there is something to read: as in a file that grows. */
START_TEST(e3_a_file_of_another_length_than_it_said_is_refused)
{
	refused("/proc/self/status", &anybody, "changed while it was being read");
}

END_TEST

START_TEST(the_place_of_the_include_is_kept)
{
	static char path[] = "main", text[] = "include x";
	struct source source = { path, text, 9 };
	struct place from = { &source, 1, 1 };

	ck_assert_ptr_null(source_read("/nonexistent", &anybody, &from, &problems));
	ck_assert_ptr_eq(problems.item[0].place.source, &source);
	problems_done(&problems);
}

END_TEST

START_TEST(e1_files_and_directories_of_ours_are_trusted)
{
	struct trust trust = trust_me();

	setup();
	put("a", "x");
	ck_assert_int_eq(chmod("a", 0644), 0);
	accepted("a", &trust, "x");
	char *round_about = mem_format("..//.%s/./a", strrchr(dir, '/'));

	accepted(round_about, &trust, "x");
	free(round_about);
	teardown();
}

END_TEST

/* An access list that lets a user write. False where the file system has none. */
static bool
let_write(const char *path, uint32_t uid)
{
	const struct {
		uint32_t version;

		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entries[5];
	} list = { 2, { { 0x01, 7, UINT32_MAX }, { 0x02, 7, uid }, { 0x04, 5, UINT32_MAX },
			  { 0x10, 7, UINT32_MAX }, { 0x20, 5, UINT32_MAX } } };

	if (setxattr(path, "system.posix_acl_access", &list, sizeof(list), 0) == 0)
		return true;
	ck_assert_int_eq(errno, ENOTSUP);
	return false;
}

START_TEST(e1_what_others_can_write_is_refused_by_name)
{
	struct trust trust = trust_me();
	char *inner = NULL;

	setup();
	ck_assert_int_eq(mkdir("inner", 0755), 0);
	put("inner/a", "x");
	inner = mem_format("%s/inner", dir);
	accepted("inner/a", &trust, "x");
	ck_assert_int_eq(chmod("inner/a", 0666), 0);
	refused("inner/a", &trust, "chmod go-w");
	ck_assert_int_eq(chmod("inner/a", 0644), 0);
	ck_assert_int_eq(chmod("inner", 0777), 0);
	refused("inner/a", &trust, inner);
	/* In a sticky directory nobody replaces what we own. */
	ck_assert_int_eq(chmod("inner", 01777), 0);
	accepted("inner/a", &trust, "x");
	ck_assert_int_eq(chmod("inner", 0775), 0);
	ck_assert_int_eq(chown("inner", (uid_t)-1, getegid()), 0);
	if (getegid() == geteuid())
		accepted("inner/a", &trust, "x");
	else
		refused("inner/a", &trust, "its group can write");
	if (geteuid() == 0) {
		ck_assert_int_eq(chown("inner", (uid_t)-1, 1), 0);
		refused("inner/a", &trust, "its group can write");
		ck_assert_int_eq(chown("inner", (uid_t)-1, 0), 0);
	}
	/* Who is named in an access list may write, though the group is ours alone. */
	if (let_write("inner", 65534))
		refused("inner/a", &trust, "its group can write");
	ck_assert_int_eq(chmod("inner", 0755), 0);
	ck_assert_int_eq(chmod("inner/a", 0664), 0);
	refused("inner/a", &trust, "its group can write");
	free(inner);
	teardown();
}

END_TEST

START_TEST(e1_a_link_to_where_others_write_is_refused)
{
	struct trust trust = trust_me();

	setup();
	ck_assert_int_eq(mkdir("open", 0755), 0);
	ck_assert_int_eq(mkdir("closed", 0755), 0);
	put("open/a", "x");
	put("closed/a", "y");
	ck_assert_int_eq(chmod("open", 0777), 0);
	ck_assert_int_eq(symlink("../open/a", "closed/target_open"), 0);
	ck_assert_int_eq(symlink("../closed/a", "open/link_open"), 0);
	ck_assert_int_eq(symlink("../closed/a", "closed/fine"), 0);
	ck_assert_int_eq(symlink("../open/link_open", "closed/by_way_of_open"), 0);
	ck_assert_int_eq(symlink("open", "linked"), 0);
	refused("closed/target_open", &trust, "/open:");
	refused("open/link_open", &trust, "/open:");
	refused("closed/by_way_of_open", &trust, "/open:");
	refused("linked/a", &trust, "/open:");
	accepted("closed/fine", &trust, "y");
	teardown();
}

END_TEST

START_TEST(e1_files_and_links_of_strangers_are_refused)
{
	AS_ROOT();
	struct trust trust = trust_me(), wider = trust_me();

	wider.owners[wider.owner_count++] = 65534;
	setup();
	ck_assert_int_eq(chmod(".", 01777), 0);
	put("a", "x");
	put("b", "y");
	ck_assert_int_eq(chown("a", 65534, 0), 0);
	ck_assert_int_eq(symlink("b", "link"), 0);
	ck_assert_int_eq(lchown("link", 65534, 0), 0);
	refused("a", &trust, "belongs to user 65534");
	refused("link", &trust, "belongs to user 65534");
	accepted("a", &wider, "x");
	accepted("link", &wider, "y");
	teardown();
}

END_TEST

/* A directory lists it, so that reading it tells the error with its path. */
START_TEST(e2_what_cannot_be_read_is_refused)
{
	struct strings paths = { 0 };

	setup();
	put("a", "x");
	ck_assert_int_eq(chmod("a", 0), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	refused("a", &anybody, "Permission denied");
	ck_assert_int_eq(source_list(".", &anybody, &nowhere, &paths, &problems), 0);
	ck_assert_uint_eq(problems.count, 0);
	ck_assert_uint_eq(paths.count, 1);
	ck_assert_str_eq(paths.item[0], "./a");
	refused(paths.item[0], &anybody, "./a: Permission denied");
	strings_done(&paths);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	teardown();
}

END_TEST

START_TEST(naming_follows_the_directory)
{
	ck_assert_int_eq(source_naming("/etc/xinetd.d"), NAMING_XINETD);
	ck_assert_int_eq(source_naming("/etc/xinetd.d//"), NAMING_XINETD);
	ck_assert_int_eq(source_naming("xinetd.d"), NAMING_XINETD);
	ck_assert_int_eq(source_naming("/etc/notxinetd.d"), NAMING_NATIVE);
	ck_assert_int_eq(source_naming("/etc/xinetd.d/more"), NAMING_NATIVE);
	ck_assert_int_eq(source_naming("/"), NAMING_NATIVE);
	ck_assert_int_eq(source_naming(""), NAMING_NATIVE);
}

END_TEST

/* clang-format off */
static const struct {
	const char *name;
	bool is_native, is_xinetd;
} names[] = {
	{ "echo", true, true }, { "echo.conf", true, false }, { "echo-tcp", true, true }, { ".echo", false, false },
	{ ".conf", false, false }, { "echo~", false, false }, { "echo.conf~", false, false },
	{ "echo.rpmsave", false, false }, { "echo.conf.rpmsave", false, false }, { "echo.conf.conf", false, false },
	{ "echo.dpkg-old", false, false }, { "README.md", false, false }, { "a\nb", false, false },
	{ "echo.CONF", false, false }, { "with blank", true, true }, { "~x", true, true },
	{ "#echo#", false, false }, { "#echo", false, false }, { "#echo.conf#", false, false }, { "echo#", true, true },
};

/* clang-format on */

START_TEST(e2_only_these_names_load)
{
	const char *why = NULL;

	ck_assert_int_eq(
	    source_name_loads(names[_i].name, NAMING_NATIVE, &why), names[_i].is_native);
	ck_assert_int_eq(why == NULL, names[_i].is_native);
	ck_assert_int_eq(
	    source_name_loads(names[_i].name, NAMING_XINETD, &why), names[_i].is_xinetd);
	ck_assert_int_eq(why == NULL, names[_i].is_xinetd);
}

END_TEST

START_TEST(e2_a_directory_lists_sorted_and_names_what_it_skips)
{
	static const char *const skipped[] = {
		"b.rpmsave",
		"c~",
		"#a.conf#",
		"hidden",
		"fifo",
		"sub",
		"dangling",
		"loop",
		"new\\x0aline",
	};
	struct strings paths = { 0 };

	setup();
	ck_assert_int_eq(mkdir("conf.d", 0755), 0);
	ck_assert_int_eq(chdir("conf.d"), 0);
	put("z", "");
	put("B", "");
	put("a.conf", "");
	put("b.rpmsave", "");
	put("c~", "");
	put("#a.conf#", "");
	put(".hidden", "");
	put("new\nline", "");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(mkdir("sub", 0700), 0);
	ck_assert_int_eq(symlink("loop", "loop"), 0);
	ck_assert_int_eq(symlink("nothing", "dangling"), 0);
	ck_assert_int_eq(symlink("a.conf", "link"), 0);
	ck_assert_int_eq(chdir(".."), 0);
	ck_assert_int_eq(source_list("conf.d/", &anybody, &nowhere, &paths, &problems), 0);
	ck_assert_uint_eq(paths.count, 4);
	ck_assert_str_eq(paths.item[0], "conf.d/B");
	ck_assert_str_eq(paths.item[1], "conf.d/a.conf");
	ck_assert_str_eq(paths.item[2], "conf.d/link");
	ck_assert_str_eq(paths.item[3], "conf.d/z");
	ck_assert_uint_eq(problems.by_severity[SEVERITY_NOTE], ARRAY_LEN(skipped));
	ck_assert_uint_eq(problems.count, ARRAY_LEN(skipped));
	for (size_t i = 0; i < ARRAY_LEN(skipped); i++) {
		bool is_told = false;

		for (size_t j = 0; j < problems.count; j++)
			is_told = is_told || strstr(problems.item[j].text, skipped[i]) != NULL;
		ck_assert_msg(is_told, "nothing is said of %s", skipped[i]);
	}
	strings_done(&paths);
	teardown();
}

END_TEST

START_TEST(a_missing_directory_is_a_warning_and_a_file_an_error)
{
	struct trust trust = trust_me();
	struct strings paths = { 0 };

	setup();
	put("file", "");
	ck_assert_int_eq(source_list("missing", &anybody, &nowhere, &paths, &problems), 0);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_WARNING], 1);
	ck_assert_int_lt(source_list("file", &anybody, &nowhere, &paths, &problems), 0);
	ck_assert_uint_eq(problems.text_errors, 1);
	ck_assert_int_eq(mkdir("open", 0700), 0);
	ck_assert_int_eq(chmod("open", 0777), 0);
	ck_assert_int_lt(source_list("open", &trust, &nowhere, &paths, &problems), 0);
	ck_assert_uint_eq(problems.text_errors, 2);
	ck_assert_uint_eq(paths.count, 0);
	teardown();
}

END_TEST

#define SERVICE(name, port) \
 "service " name " { port = " port " server = /bin/cat user = daemon wait = no }\n"

/* conf.d holds a service and a file with this text and mode. Returns the state of the service; the
 * problems are kept. */
static enum conf_state
state_beside(const char *text, mode_t mode)
{
	put("main", "includedir conf.d\n");
	if (access("conf.d", F_OK) < 0)
		ck_assert_int_eq(mkdir("conf.d", 0755), 0);
	put("conf.d/a", SERVICE("a", "3600"));
	put("conf.d/b", text);
	ck_assert_int_eq(chmod("conf.d/b", mode), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	struct config *c = config_load("main", &stand_in_root, &problems);
	enum conf_state state = stand_in_find(c, "a")->state;

	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	config_unref(c);
	return state;
}

START_TEST(e2_an_unreadable_drop_in_is_an_error_and_hurts_no_other)
{
	setup();
	ck_assert_int_eq(state_beside(SERVICE("b", "3601"), 0), CONF_OK);
	ck_assert_uint_eq(problems.by_severity[SEVERITY_ERROR], 1);
	ck_assert_str_eq(problems.item[0].text, "cannot read conf.d/b: Permission denied");
	teardown();
}

END_TEST

/* Junk does not either, but defaults that are missing could have restricted every service. */
START_TEST(a_drop_in_with_misspelt_defaults_stops_all)
{
	setup();
	ck_assert_int_eq(state_beside("junk\n", 0644), CONF_OK);
	problems_done(&problems);
	ck_assert_int_eq(unlink("conf.d/b"), 0);
	ck_assert_int_eq(state_beside("defalts { bind = 127.0.0.1 }\n", 0644), CONF_BROKEN_TEXT);
	teardown();
}

END_TEST

int
main(void)
{
	static const struct suite_test tests[] = {
		TEST(reads_a_file_whole),
		TEST(e2_what_is_no_regular_file_is_refused_at_once),
		TEST(e2_a_file_too_large_is_refused_unread),
		TEST(e3_a_file_of_another_length_than_it_said_is_refused),
		TEST(the_place_of_the_include_is_kept),
		TEST(e1_files_and_directories_of_ours_are_trusted),
		TEST(e1_what_others_can_write_is_refused_by_name),
		TEST(e1_a_link_to_where_others_write_is_refused),
		TEST(e1_files_and_links_of_strangers_are_refused),
		TEST(e2_what_cannot_be_read_is_refused),
		TEST(naming_follows_the_directory),
		TEST_LOOP(e2_only_these_names_load, ARRAY_LEN(names)),
		TEST(e2_a_directory_lists_sorted_and_names_what_it_skips),
		TEST(a_missing_directory_is_a_warning_and_a_file_an_error),
		TEST(e2_an_unreadable_drop_in_is_an_error_and_hurts_no_other),
		TEST(a_drop_in_with_misspelt_defaults_stops_all),
	};

	return run_suite("source", tests, ARRAY_LEN(tests));
}
