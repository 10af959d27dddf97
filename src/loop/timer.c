/* SPDX-License-Identifier: MIT */
#include "loop/timer.h"

#include <stdlib.h>

#include "base/mem.h"

static bool
is_earlier(const struct timer_node *a, const struct timer_node *b)
{
	if (a->timer->due_ms != b->timer->due_ms)
		return a->timer->due_ms < b->timer->due_ms;
	return a->order < b->order;
}

static void
put(struct timer_heap *h, unsigned at, struct timer_node node)
{
	h->node[at] = node;
	node.timer->slot = at + 1;
}

/* Moves the node at a place up or down to where it belongs. */
static void
settle(struct timer_heap *h, unsigned at)
{
	const struct timer_node node = h->node[at];

	while (at > 0 && is_earlier(&node, &h->node[(at - 1) / 2])) {
		put(h, at, h->node[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (unsigned child; (child = 2 * at + 1) < h->count; at = child) {
		if (child + 1 < h->count && is_earlier(&h->node[child + 1], &h->node[child]))
			child++;
		if (!is_earlier(&h->node[child], &node))
			break;
		put(h, at, h->node[child]);
	}
	put(h, at, node);
}

void
timer_heap_set(struct timer_heap *h, struct loop_timer *t, int64_t due_ms)
{
	t->due_ms = due_ms;
	if (t->slot == 0) {
		if (h->count == h->room) {
			h->room = h->room == 0 ? 16 : 2 * h->room;
			h->node = mem_grow(h->node, h->room, sizeof(*h->node));
		}
		h->node[h->count].timer = t;
		t->slot = ++h->count;
	}
	h->node[t->slot - 1].order = h->set_count++;
	settle(h, t->slot - 1);
}

void
timer_heap_stop(struct timer_heap *h, struct loop_timer *t)
{
	const unsigned at = t->slot - 1;

	if (t->slot == 0)
		return;
	t->slot = 0;
	h->count--;
	if (at == h->count)
		return;
	put(h, at, h->node[h->count]);
	settle(h, at);
}

struct loop_timer *
timer_heap_first(const struct timer_heap *h)
{
	return h->count == 0 ? NULL : h->node[0].timer;
}

void
timer_heap_fire(struct timer_heap *h, int64_t now_ms)
{
	for (unsigned left = h->count; left > 0 && h->count > 0; left--) {
		struct loop_timer *t = h->node[0].timer;

		if (t->due_ms > now_ms)
			return;
		timer_heap_stop(h, t);
		t->fn(t, now_ms);
	}
}

void
timer_heap_done(struct timer_heap *h)
{
	for (unsigned i = 0; i < h->count; i++)
		h->node[i].timer->slot = 0;
	free(h->node);
	*h = (struct timer_heap){ 0 };
}
