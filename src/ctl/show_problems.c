/* SPDX-License-Identifier: MIT */
/* Problems of a configuration that the daemon has read, printed as if it had been read here. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/problem.h"
#include "ctl/get.h"
#include "ctl/show.h"

/* A line beyond that is printed without its text. */
#define MOST_LINES 10000000U

/* What can be known of a file: the lines that problems are in. The others are empty. */
struct file {
	struct source source;
	char **line;
	unsigned count;
};

struct files {
	struct file **item;
	size_t count;
};

/* Cuts ":digits" off the end of text: the number; 0 if there is none. */
static unsigned
cut_number(char *text)
{
	char *colon = strrchr(text, ':'), *end;
	unsigned long number;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return 0;
	number = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || number > MOST_LINES)
		return 0;
	*colon = '\0';
	return (unsigned)number;
}

static struct file *
file_of(struct files *files, const char *path)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->item[i]->source.path, path) == 0)
			return files->item[i];

	struct file *file = mem_alloc(sizeof(*file));

	file->source.path = mem_dup(path);
	files->item = mem_grow(files->item, files->count + 1, sizeof(struct file *));
	files->item[files->count++] = file;
	return file;
}

static void
keep_line(struct file *file, unsigned number, const char *text)
{
	if (number > file->count) {
		file->line = mem_grow(file->line, number, sizeof(char *));
		memset(file->line + file->count, 0, (number - file->count) * sizeof(char *));
		file->count = number;
	}
	if (file->line[number - 1] == NULL)
		file->line[number - 1] = mem_dup(text);
}

/* "file:line:column", "file", or "-". */
static struct place
place_of(struct files *files, const json_t *problem)
{
	char *path = mem_dup(get_text(problem, "place"));
	unsigned column = cut_number(path), line = cut_number(path);
	struct place place = { 0 };

	if (line == 0) {
		line = column;
		column = 0;
	}
	if (*path != '\0' && strcmp(path, "-") != 0) {
		struct file *file = file_of(files, path);

		place = (struct place){ &file->source, line, column };
		if (line > 0 && get_has(problem, "line"))
			keep_line(file, line, get_text(problem, "line"));
		else if (line > 0)
			place.column = 0;
	}
	free(path);
	return place;
}

static void
write_text(struct file *file)
{
	FILE *out = open_memstream(&file->source.text, &file->source.len);

	if (out == NULL)
		return;
	for (unsigned i = 0; i < file->count; i++)
		fprintf(out, "%s\n", file->line[i] != NULL ? file->line[i] : "");
	fclose(out);
}

static void
files_done(struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		struct file *file = files->item[i];

		for (unsigned k = 0; k < file->count; k++)
			free(file->line[k]);
		free(file->line);
		free(file->source.path);
		free(file->source.text);
		free(file);
	}
	free(files->item);
}

static enum severity
severity_of(const json_t *problem)
{
	const char *name = get_text(problem, "severity");

	return strcmp(name, "error") == 0     ? SEVERITY_ERROR
	       : strcmp(name, "warning") == 0 ? SEVERITY_WARNING
					      : SEVERITY_NOTE;
}

/* How many notes from problems[from] on say the same as this problem; 0 if it is no note. */
static size_t
count_same(const json_t *problems, size_t from, size_t to, const json_t *note)
{
	size_t count = 0;

	if (severity_of(note) != SEVERITY_NOTE)
		return 0;
	for (size_t i = from; i < to; i++) {
		const json_t *other = json_array_get(problems, i);

		count += severity_of(other) == SEVERITY_NOTE &&
			 strcmp(get_text(other, "text"), get_text(note, "text")) == 0;
	}
	return count;
}

/* What a habit of somebody puts into every file is a note that hides the others: it is shown once. */
static void
add_problem(struct problems *list, struct files *files, const json_t *problems, size_t i)
{
	const json_t *problem = json_array_get(problems, i);
	size_t others = count_same(problems, i + 1, json_array_size(problems), problem);
	const char *text = get_text(problem, "text");
	struct place place;

	if (count_same(problems, 0, i, problem) > 0)
		return;
	place = place_of(files, problem);
	if (others > 0)
		problem_add(list, SEVERITY_NOTE, CAUSE_TEXT, &place, "%s (and %zu more like it)",
		    text, others);
	else
		problem_add(list, severity_of(problem), CAUSE_TEXT, &place, "%s", text);
}

void
show_problems(const json_t *problems)
{
	struct problems list = { 0 };
	struct files files = { 0 };
	size_t i;

	for (i = 0; i < json_array_size(problems); i++)
		add_problem(&list, &files, problems, i);
	for (i = 0; i < files.count; i++)
		write_text(files.item[i]);
	problems_print(&list, stdout);
	problems_done(&list);
	files_done(&files);
}

bool
show_refuses(const json_t *problems)
{
	const json_t *problem;
	size_t i;

	json_array_foreach(problems, i, problem)
		if (strcmp(get_text(problem, "severity"), "error") == 0 &&
		    strcmp(get_text(problem, "cause"), "text") == 0)
			return true;
	return false;
}
