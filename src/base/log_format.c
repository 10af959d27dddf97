/* SPDX-License-Identifier: MIT */
#include "base/log_format.h"

#include <stdbool.h>
#include <string.h>

#include "base/array.h"

/* More words make the text a message as a whole. */
#define WORDS_MOST 40
#define KEY_SIZE   32u

struct word {
	const char *key, *value;
	size_t key_len, value_len;
	bool is_quoted; /* the value is without its quotes */
};

/* Members that are ours. */
static const char *const own_keys[] = { "time", "level", "daemon_pid", "message" };

/* Values of these keys are numbers whatever program, service or file is named in the others. */
static const char *const numeric_keys[] = {
	"announced",
	"banned",
	"busy",
	"clients",
	"configured",
	"conn",
	"count",
	"ended",
	"errors",
	"fd",
	"found",
	"gid",
	"idle",
	"kept",
	"left-out",
	"listeners",
	"lost",
	"pid",
	"port",
	"programs",
	"running",
	"servers",
	"services",
	"signal",
	"started",
	"status",
	"tries",
	"uid",
	"unbound",
	"warnings",
	"workers",
};

static bool
is_key(const struct word *w, const char *key)
{
	return strlen(key) == w->key_len && memcmp(w->key, key, w->key_len) == 0;
}

static bool
is_among(const struct word *w, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_key(w, keys[i]))
			return true;
	return false;
}

/* Behind an opening quote: where the closing one is, or NULL. */
static const char *
closing_quote(const char *at)
{
	while (*at != '\0' && *at != '"')
		at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
	return *at == '"' ? at : NULL;
}

/* The next key=value word. Returns what comes behind it, or NULL if the text does not go on with one. */
static const char *
read_word(const char *text, struct word *w)
{
	const char *end;

	*w = (struct word){ .key = text };
	w->key_len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	if (w->key_len == 0 || w->key_len >= KEY_SIZE || text[w->key_len] != '=')
		return NULL;
	w->value = text + w->key_len + 1;
	w->is_quoted = *w->value == '"';
	if (w->is_quoted) {
		end = closing_quote(++w->value);
		if (end == NULL || (end[1] != ' ' && end[1] != '\0'))
			return NULL;
		w->value_len = (size_t)(end - w->value);
		return end + 1 + strspn(end + 1, " ");
	}
	w->value_len = strcspn(w->value, " \"");
	end = w->value + w->value_len;
	return *end == '"' ? NULL : end + strspn(end, " ");
}

/* 0: it is not made of words alone. */
static size_t
read_words(const char *text, struct word words[WORDS_MOST])
{
	size_t count = 0;

	while (text != NULL && *text != '\0') {
		if (count == WORDS_MOST)
			return 0;
		text = read_word(text, &words[count]);
		if (text == NULL || is_among(&words[count], own_keys, ARRAY_LEN(own_keys)))
			return 0;
		for (size_t i = 0; i < count; i++)
			if (words[i].key_len == words[count].key_len &&
			    memcmp(words[i].key, words[count].key, words[i].key_len) == 0)
				return 0;
		count++;
	}
	return count;
}

/* A whole number that a double holds exactly. */
static bool
read_number(const struct word *w, uint64_t *n)
{
	if (w->is_quoted || w->value_len == 0 || w->value_len > 15 ||
	    (w->value[0] == '0' && w->value_len > 1))
		return false;
	*n = 0;
	for (size_t i = 0; i < w->value_len; i++) {
		if (w->value[i] < '0' || w->value[i] > '9')
			return false;
		*n = *n * 10 + (uint64_t)(w->value[i] - '0');
	}
	return true;
}

/* Without the escapes of a quote and a backslash; that of a byte, \xNN, stays. */
static size_t
unquote(const struct word *w, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < w->value_len && len < size; i++) {
		if (w->value[i] == '\\' && i + 1 < w->value_len &&
		    (w->value[i + 1] == '"' || w->value[i + 1] == '\\'))
			i++;
		out[len++] = w->value[i];
	}
	return len;
}

static void
put_word(struct line *out, const struct word *w)
{
	char key[KEY_SIZE], value[8192];
	uint64_t n;

	memcpy(key, w->key, w->key_len);
	key[w->key_len] = '\0';
	if (is_among(w, numeric_keys, ARRAY_LEN(numeric_keys)) && read_number(w, &n))
		line_json_number(out, key, n);
	else if (w->is_quoted)
		line_json_textn(out, key, value, unquote(w, value, sizeof(value)));
	else
		line_json_textn(out, key, w->value, w->value_len);
}

void
log_format_json(struct line *out, const struct log_head *head, const char *text)
{
	struct word words[WORDS_MOST];
	size_t count = read_words(text, words);

	line_json_open(out);
	line_json_time(out, "time", head->wall_ms);
	line_json_text(out, "level", head->level);
	line_json_number(out, "daemon_pid", (uint64_t)head->pid);
	for (size_t i = 0; i < count; i++)
		put_word(out, &words[i]);
	if (count == 0)
		line_json_text(out, "message", text);
	line_json_close(out);
}

const char *
log_format_find(const char *text, const char *key, size_t *len)
{
	struct word w;

	while (text != NULL && *text != '\0') {
		text = read_word(text, &w);
		if (text == NULL || !is_key(&w, key))
			continue;
		*len = w.value_len;
		return w.value;
	}
	return NULL;
}
