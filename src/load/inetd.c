/* SPDX-License-Identifier: MIT */
#include "load/inetd.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/conflicts.h"
#include "conf/lexeme.h"
#include "load/inetd_family.h"
#include "load/inetd_line.h"

/* What Debian's update-inetd writes before a line that it switches off. */
#define OFF_MARK "#<off>#"

struct inetd {
	struct scan scan;
	const struct inetd_options *options;
	struct blocks *out;
	struct inetd_words addresses; /* for lines without any */
	struct name_set ids;
	void *numbers; /* tree of struct numbered: which names came more than once */
	struct inetd_family families;
};

/* A name, and the last number that was put behind it. */
struct numbered {
	char *name;
	unsigned last;
};

/* The second word of the cursor's line; its length is 0 if there is none. */
static const char *
second_word(const struct scan *s, size_t *len)
{
	struct scan at = *s;

	scan_blanks(&at);
	at.at = word_end_at(&at, at.at);
	scan_blanks(&at);
	*len = (size_t)(word_end_at(&at, at.at) - at.at);
	return at.at;
}

static bool
is_entry(const struct scan *s)
{
	size_t len;
	const char *word = second_word(s, &len);
	const char *comma = memchr(word, ',', len), *colon = memchr(word, ':', len);

	if (comma != NULL)
		len = (size_t)(comma - word);
	else if (colon != NULL)
		len = (size_t)(colon - word);
	return inetd_is_socket_type(word, len);
}

/* To the next line if it goes on with this one: it is indented, and no service by itself. */
static bool
join_next_line(struct scan *s)
{
	struct scan ahead = *s;

	if (!scan_next_line(&ahead) || scan_at_line_end(&ahead) || !is_blank(*ahead.at))
		return false;
	scan_blanks(&ahead);
	if (scan_at_line_end(&ahead) || *ahead.at == '#' || is_entry(&ahead))
		return false;
	*s = ahead;
	return true;
}

/* Of a service the name alone, or with the protocol if that is not the usual one; heap. */
static char *
first_id(const struct block *b, const struct word *protocol)
{
	if (strcmp(protocol->text, "tcp") == 0 || strcmp(protocol->text, "unix") == 0)
		return mem_dup(b->title.text);
	return mem_format(
	    "%s/%.*s", b->title.text, (int)strcspn(protocol->text, ",/:"), protocol->text);
}

static void
move_to_front(struct block *b)
{
	struct setting last = b->settings[b->count - 1];

	memmove(b->settings + 1, b->settings, (b->count - 1) * sizeof(last));
	b->settings[0] = last;
}

static int
compare_numbered(const void *x, const void *y)
{
	const struct numbered *left = x, *right = y;

	return strcasecmp(left->name, right->name);
}

static void
free_numbered(void *item)
{
	struct numbered *n = item;

	free(n->name);
	free(n);
}

/* Where counting goes on for a name. */
static unsigned *
last_number(struct inetd *in, const char *name)
{
	struct numbered *n = mem_alloc(sizeof(*n)), **found;

	*n = (struct numbered){ .name = mem_dup(name), .last = 1 };
	found = tsearch(n, &in->numbers, compare_numbered);
	if (found == NULL)
		abort();
	if (*found != n)
		free_numbered(n);
	return &(*found)->last;
}

/* The name with the next number that nobody has; takes the name. */
static char *
numbered(struct inetd *in, char *name)
{
	unsigned *last = last_number(in, name);
	char *id = NULL;

	do {
		free(id);
		id = mem_format("%s/%u", name, ++*last);
	} while (name_set_has(&in->ids, id));
	free(name);
	return id;
}

/* One name for each: "echo" over tcp, "echo/udp", "echo/tcp6"; a second one of a kind gets a number. */
static void
give_id(struct inetd *in, struct block *b, const struct word *protocol)
{
	char *id = first_id(b, protocol);
	const char *kept = b->title.text; /* the set borrows what it holds */

	if (name_set_has(&in->ids, id))
		id = numbered(in, id);
	if (strcmp(id, b->title.text) != 0) {
		inetd_set(b, "id", &b->title.place, id);
		move_to_front(b);
		kept = b->settings[0].words[0].text;
	}
	name_set_add(&in->ids, kept);
	free(id);
}

static void
read_entry(struct inetd *in, const struct inetd_words *words, bool is_off)
{
	const struct inetd_line line = { .s = &in->scan,
		.options = in->options,
		.words = words,
		.addresses = &in->addresses,
		.is_off = is_off };
	struct block b = { 0 };

	if (!inetd_line_read(&line, &b)) {
		struct blocks one = { .item = mem_array(1, sizeof(b)), .count = 1 };

		*one.item = b;
		blocks_done(&one);
		return;
	}
	give_id(in, &b, &words->item[INETD_PROTOCOL]);
	inetd_family_note(&in->families, &b, in->out->count, words->item[INETD_PROTOCOL].text);
	in->out->item = room_for_one(in->out->item, in->out->count, sizeof(b));
	in->out->item[in->out->count++] = b;
}

/* "127.0.0.1:" alone on a line: the address of the lines behind it that have none, also where the line goes on, which is an
 * error or a comment: these lines must not listen elsewhere. */
static bool
read_default_address(struct inetd *in, const struct inetd_words *words)
{
	size_t len = strlen(words->item[0].text);

	if (words->count == 0 || len == 0 || words->item[0].text[len - 1] != ':' ||
	    (words->count > 1 &&
		inetd_is_socket_type(words->item[1].text, strcspn(words->item[1].text, ",:"))))
		return false;
	if (words->count > 1 && *words->item[1].text != '#')
		scan_error(&in->scan, SCAN_HARD, &words->item[1].place,
		    "behind an address for the lines that follow stands nothing: write %.60sNAME without a blank, or a line for each",
		    words->item[0].text);
	inetd_words_done(&in->addresses);
	inetd_addresses_take(&in->addresses, &words->item[0], len - 1);
	return true;
}

/* NetBSD's entries of names and values go over lines, up to a semicolon. */
static void
skip_pairs(struct scan *s)
{
	for (;;) {
		const char *semicolon = memchr(s->at, ';', (size_t)(s->line_end - s->at));
		struct scan ahead = *s;

		if (semicolon != NULL || !scan_next_line(&ahead) || is_entry(&ahead))
			return;
		*s = ahead;
	}
}

/* What other inetds read and we do not. */
static bool
refuse_foreign(struct inetd *in, const struct inetd_words *words)
{
	const struct word *first = &words->item[0], *second = first + 1;

	if (strcmp(first->text, ".include") == 0) {
		scan_error(&in->scan, SCAN_HARD, &first->place,
		    ".include is not supported: name that file on the command line, too");
		return true;
	}
	if (words->count < 2 ||
	    (strcasecmp(second->text, "on") != 0 && strcasecmp(second->text, "off") != 0))
		return false;
	scan_error(&in->scan, SCAN_HARD, &second->place,
	    "NetBSD's form NAME on KEY = VALUE; is not supported: "
	    "write NAME stream tcp nowait USER PROGRAM ARGUMENTS");
	skip_pairs(&in->scan);
	return true;
}

static void
read_service(struct inetd *in)
{
	struct inetd_words words = { 0 };

	inetd_words_take(&words, &in->scan);
	if (words.count > 0 && !read_default_address(in, &words) && !refuse_foreign(in, &words)) {
		while (words.count > 1 && join_next_line(&in->scan))
			inetd_words_take(&words, &in->scan);
		read_entry(in, &words, false);
	}
	inetd_words_done(&words);
}

/* Nothing is said about what is off: most of it is a reminder of what there could be. */
static void
read_off(struct inetd *in)
{
	struct scan *s = &in->scan, before = *s;
	struct problems muted = { 0 };
	struct inetd_words words = { 0 };

	s->problems = &muted;
	s->at += strlen(OFF_MARK);
	inetd_words_take(&words, s);
	if (words.count > INETD_PROGRAM)
		read_entry(in, &words, true);
	inetd_words_done(&words);
	problems_done(&muted);
	before.at = before.line_end;
	*s = before;
}

static void
read_line(struct inetd *in)
{
	struct scan *s = &in->scan;

	scan_blanks(s);
	if (scan_at_line_end(s))
		return;
	if ((size_t)(s->line_end - s->at) > strlen(OFF_MARK) &&
	    memcmp(s->at, OFF_MARK, strlen(OFF_MARK)) == 0)
		read_off(in);
	else if (*s->at != '#')
		read_service(in);
	scan_judge(s, false);
}

void
inetd_read(struct blocks *out, const struct source *source, const struct inetd_options *options,
    struct problems *problems)
{
	struct inetd in = { .options = options, .out = out };

	*out = (struct blocks){ .is_inetd = true };
	scan_init(&in.scan, source, problems);
	do
		read_line(&in);
	while (scan_next_line(&in.scan));
	inetd_family_settle(&in.families, out);
	inetd_words_done(&in.addresses);
	name_set_done(&in.ids);
	tdestroy(in.numbers, free_numbered);
}

static bool
has_keyword_line(struct scan *s)
{
	enum block_kind kind;
	const char *end;

	do {
		scan_blanks(s);
		if (keyword_at(s, s->at, &kind, &end))
			return true;
	} while (scan_next_line(s));
	return false;
}

bool
inetd_is_likely(const struct source *source)
{
	struct problems muted = { 0 };
	enum block_kind kind;
	const char *end;
	struct scan s;
	bool is_likely;

	scan_init(&s, source, &muted);
	if (!scan_gap(&s))
		is_likely = strncmp(source->text, OFF_MARK, strlen(OFF_MARK)) == 0 ||
			    strstr(source->text, "\n" OFF_MARK) != NULL;
	else if (*s.at == '{' || *s.at == '}' || keyword_at(&s, s.at, &kind, &end))
		is_likely = false;
	else /* a misspelt keyword has others behind it */
		is_likely = is_entry(&s) || !has_keyword_line(&s);
	problems_done(&muted);
	return is_likely;
}
