/* SPDX-License-Identifier: MIT */
#include "base/journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define TEXT_MOST    4096u
#define SERVICE_MOST 255u

/* How a record lies in the ring: both strings follow, each with its NUL, the service's first and empty if there is none. */
struct header {
	uint64_t seq;
	int64_t wall_ms;
	uint64_t connection;
	uint16_t service_len;
	uint16_t text_len;
	uint8_t kind;
	uint8_t level;
};

#define ALIGNMENT   _Alignof(struct header)
#define ROUND_UP(n) (((n) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)
#define LEAST       ROUND_UP(sizeof(struct header) + 2)
#define MOST        ROUND_UP(sizeof(struct header) + SERVICE_MOST + 1 + TEXT_MOST + 1)

/* Records follow each other without a gap, except that one which would not fit before the end begins at the front. Where
 * they begin is looked up by number, so that a reader finds its place in one step. */
static struct {
	char *block;      /* the records, and behind them the places */
	uint32_t *places; /* of the record with a number, by its remainder */
	size_t size;      /* of the records */
	size_t nplaces;
	size_t head;     /* where the next record goes */
	uint64_t oldest; /* number of the oldest record that is there; next: there is none */
} ring = { .oldest = 1 };

/* Numbers go on when the ring is opened anew: readers see that they have missed something. */
static uint64_t next = 1;

static void (*listener)(void *arg);
static void *listener_arg;

void
journal_close(void)
{
	free(ring.block);
	ring.block = NULL;
	ring.oldest = next;
}

void
journal_open(size_t bytes)
{
	journal_close();
	if (bytes == 0)
		return;
	/* Places are numbers of 32 bits. */
	if (bytes > UINT32_MAX / 2)
		bytes = UINT32_MAX / 2;
	ring.size = ROUND_UP(bytes > MOST ? bytes : MOST);
	ring.nplaces = ring.size / LEAST + 1;
	ring.block = mem_alloc(ring.size + ring.nplaces * sizeof(*ring.places));
	ring.places = (uint32_t *)(void *)(ring.block + ring.size);
	ring.head = 0;
}

bool
journal_is_open(void)
{
	return ring.block != NULL;
}

static size_t
place(uint64_t seq)
{
	return ring.places[seq % ring.nplaces];
}

/* Whoever is in the way of so many bytes at the head is among the oldest. */
static void
make_room(size_t bytes)
{
	if (ring.head + bytes > ring.size) {
		while (ring.oldest < next && place(ring.oldest) >= ring.head)
			ring.oldest++;
		ring.head = 0;
	}
	while (ring.oldest < next && place(ring.oldest) >= ring.head &&
	       place(ring.oldest) < ring.head + bytes)
		ring.oldest++;
}

void
journal_add(const struct journal_record *r)
{
	struct header h = { .connection = r->connection };
	char *at;

	if (ring.block == NULL)
		return;
	h.kind = (uint8_t)r->kind;
	h.level = (uint8_t)r->level;
	h.wall_ms = r->wall_ms != 0 ? r->wall_ms : clock_wall_ms();
	h.service_len = (uint16_t)(r->service != NULL ? strnlen(r->service, SERVICE_MOST) : 0);
	h.text_len = (uint16_t)strnlen(r->text, TEXT_MOST);
	const size_t bytes = ROUND_UP(sizeof(h) + h.service_len + 1u + h.text_len + 1u);
	make_room(bytes);
	h.seq = next++;
	ring.places[h.seq % ring.nplaces] = (uint32_t)ring.head;
	at = ring.block + ring.head;
	ring.head += bytes;
	at = (char *)mempcpy(at, &h, sizeof(h));
	if (h.service_len > 0)
		at = (char *)mempcpy(at, r->service, h.service_len);
	*at++ = '\0';
	at = (char *)mempcpy(at, r->text, h.text_len);
	*at = '\0';
	if (listener != NULL)
		listener(listener_arg);
}

uint64_t
journal_next(void)
{
	return next;
}

void
journal_go_on(uint64_t seq)
{
	next = ring.oldest = seq;
	ring.head = 0;
}

bool
journal_read(uint64_t *seq, struct journal_record *out, uint64_t *lost)
{
	const struct header *h;

	if (*seq < ring.oldest) {
		*lost += *seq > 0 ? ring.oldest - *seq : 0;
		*seq = ring.oldest;
	}
	if (*seq >= next)
		return false;
	h = (const struct header *)(const void *)(ring.block + place(*seq));
	const char *service = (const char *)(h + 1);
	*out = (struct journal_record){
		.seq = h->seq,
		.wall_ms = h->wall_ms,
		.kind = (enum journal_kind)h->kind,
		.level = (enum log_level)h->level,
		.connection = h->connection,
		.service = h->service_len > 0 ? service : NULL,
		.text = service + h->service_len + 1,
	};
	++*seq;
	return true;
}

void
journal_set_listener(void (*fn)(void *arg), void *arg)
{
	listener = fn;
	listener_arg = arg;
}
