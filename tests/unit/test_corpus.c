/* SPDX-License-Identifier: MIT */
/* Configuration files that other people wrote, where a collection of them is at hand: the folder named by
 * PORTER_CORPUS, with the files in xinetd/ and what became of each under xinetd in OUTCOMES.tsv. */
#include <dirent.h>
#include <stdio.h>

#include "conf/attr.h"
#include "conf/unsupported.h"
#include "stand_in.h"
#include "suite.h"

static struct strings files;
static char
    *clean; /* names of the files that xinetd loads without a message, a newline around each */

static int
any_user(const char *name, struct user_entry *out)
{
	*out = (struct user_entry){ .name = mem_dup(name), .uid = 1, .gid = 1 };
	return 0;
}

static int
any_group(const char *name, gid_t *gid)
{
	(void)name;
	*gid = 1;
	return 0;
}

/* A port for each name, so that no two services meet on one. */
static int
any_port(const char *name, const char *protocol)
{
	unsigned hash = 5381;

	(void)protocol;
	for (; *name != '\0'; name++)
		hash = hash * 33 + (unsigned char)*name;
	return (int)(10000 + hash % 50000);
}

static int
any_host(const char *name, struct addr **list, size_t *count)
{
	(void)name;
	*list = mem_alloc(sizeof(**list));
	*count = 1;
	return addr_parse(*list, "192.0.2.1", 0);
}

static int
any_program(const char *path, const char *root_dir, char **missing)
{
	(void)path;
	(void)root_dir;
	(void)missing;
	return 0;
}

static int
any_directory(const char *path, const char *root_dir)
{
	return any_program(path, root_dir, NULL);
}

static const struct lookup permissive = {
	.user = any_user,
	.group = any_group,
	.groups = stand_in_groups,
	.port = any_port,
	.host = any_host,
	.program = any_program,
	.directory = any_directory,
	.longest_backlog = stand_in_longest_backlog,
	.is_builtin = stand_in_builtin,
};

static const struct load_options as_root = { .lookup = &permissive, .is_root = true };

/* An error names what is not done here: the portmapper, ident queries, looking at packets, labels. */
static bool
is_about_support(const char *text)
{
	static const char *const names[] = { "rpc_version", "rpc_number", "type: RPC",
		"flags: INTERCEPT", "flags: IDONLY", "flags: LABELED" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strncmp(text, names[i], strlen(names[i])) == 0)
			return strstr(text, " is not supported") != NULL;
	return false;
}

static bool
is_clean(const char *path)
{
	char *line = mem_format("\n%s\n", strrchr(path, '/') + 1);
	bool is_listed = clean != NULL && strstr(clean, line) != NULL;

	free(line);
	return is_listed;
}

START_TEST(real_files_load)
{
	struct problems problems = { 0 };
	const char *path = files.item[_i];
	struct config *c = config_load(path, &as_root, &problems);

	ck_assert_ptr_nonnull(c);
	for (size_t i = 0; i < problems.count; i++) {
		const struct problem *p = &problems.item[i];

		if (p->severity != SEVERITY_ERROR || !is_clean(path) || is_about_support(p->text))
			continue;
		problem_print(p, stderr);
		ck_abort_msg("%s: xinetd loads it without a message", path);
	}
	problems_done(&problems);
	config_unref(c);
}

END_TEST

static char *
dumped(const struct config *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	config_dump(c, f);
	fclose(f);
	return text;
}

START_TEST(real_files_load_again_from_their_dump)
{
	struct problems problems = { 0 };
	struct config *c = config_load(files.item[_i], &as_root, &problems);
	char *text = dumped(c);

	problems_done(&problems);
	config_unref(c);
	c = stand_in_load(text, &as_root, &problems);
	char *again = dumped(c);
	for (size_t i = 0; i < problems.count; i++) {
		if (problems.item[i].severity != SEVERITY_ERROR)
			continue;
		problem_print(&problems.item[i], stderr);
		ck_abort_msg("%s: its dump does not load", files.item[_i]);
	}
	/* Comments on services that are left out are not in the second dump. */
	if (strchr(text, '#') == NULL)
		ck_assert_str_eq(text, again);
	free(text);
	free(again);
	problems_done(&problems);
	config_unref(c);
}

END_TEST

START_TEST(nothing_is_read_without_a_folder)
{
	test_skip("corpus", "PORTER_CORPUS names no folder of configuration files");
}

END_TEST

static void
list_files(const char *folder)
{
	char *dir = mem_format("%s/xinetd", folder);
	struct dirent **entries;
	int count = scandir(dir, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			strings_take(&files, mem_format("%s/%s", dir, entries[i]->d_name));
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	free(dir);
}

static void
read_outcomes(const char *folder)
{
	char *path = mem_format("%s/OUTCOMES.tsv", folder), *line = NULL;
	size_t room = 0, size;
	FILE *in = fopen(path, "r"), *out = open_memstream(&clean, &size);

	fputc('\n', out);
	while (in != NULL && getline(&line, &room, in) > 0) {
		char name[256], category[64], rest[8];

		/* file, entries, disabled, available, category, messages */
		if (sscanf(line, "%255[^\t]\t%*[^\t]\t%*[^\t]\t%*[^\t]\t%63[^\t]\t%7[^\n]", name,
			category, rest) == 2 &&
		    strncmp(category, "clean", 5) == 0)
			fprintf(out, "%s\n", name);
	}
	if (in != NULL)
		fclose(in);
	fclose(out);
	free(line);
	free(path);
}

int
main(void)
{
	const char *folder = getenv("PORTER_CORPUS");
	const struct suite_test none = TEST(nothing_is_read_without_a_folder);

	if (folder != NULL) {
		list_files(folder);
		read_outcomes(folder);
	}
	const struct suite_test tests[] = {
		TEST_LOOP(real_files_load, (int)files.count),
		TEST_LOOP(real_files_load_again_from_their_dump, (int)files.count),
	};
	int status = files.count > 0 ? run_suite("corpus", tests, ARRAY_LEN(tests))
				     : run_suite("corpus", &none, 1);
	strings_done(&files);
	free(clean);
	return status;
}
