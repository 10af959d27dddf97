/* SPDX-License-Identifier: MIT */
/* The tokenizer over any bytes: every place must lie in the text, and every problem must be
 * printable. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned
count_lines(const struct source *s)
{
	unsigned lines = 1;

	for (size_t i = 0; i < s->len; i++)
		lines += s->text[i] == '\n';
	return lines;
}

static void
check_place(const struct place *p, const struct source *s, unsigned lines)
{
	assert(p->source == s);
	assert(p->line >= 1 && p->line <= lines);
	assert(p->column >= 1 && p->column <= s->len + 1);
}

static void
check_block(const struct block *b, const struct source *s, unsigned lines)
{
	check_place(&b->place, s, lines);
	assert(b->kind == BLOCK_DEFAULTS || b->title.text != NULL);
	for (size_t i = 0; i < b->count; i++) {
		const struct setting *set = &b->settings[i];

		check_place(&set->name.place, s, lines);
		assert(set->name.text[0] != '\0');
		for (size_t j = 0; j < set->count; j++) {
			check_place(&set->words[j].place, s, lines);
			assert(set->words[j].place.line >= set->name.place.line);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = {
		.path = mem_dup("fuzz"), .text = mem_alloc(size + 1), .len = size
	};
	struct problems problems = { 0 };
	struct blocks blocks;
	static FILE *out;

	if (out == NULL)
		out = fopen("/dev/null", "w");
	if (size > 0)
		memcpy(source.text, data, size);
	unsigned lines = count_lines(&source);
	blocks_read(&blocks, &source, &problems);
	for (size_t i = 0; i < blocks.count; i++)
		check_block(&blocks.item[i], &source, lines);
	for (size_t i = 0; i < problems.count; i++)
		check_place(&problems.item[i].place, &source, lines);
	assert(problems.count <= 303);
	assert(!blocks.is_cut || problems.text_errors > 0);
	problems_print(&problems, out);
	blocks_done(&blocks);
	problems_done(&problems);
	free(source.path);
	free(source.text);
	return 0;
}
