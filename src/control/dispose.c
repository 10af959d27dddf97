/* SPDX-License-Identifier: MIT */
#include "control/dispose.h"

#include <stdlib.h>

#include "base/mem.h"
#include "conf/config.h"
#include "loop/beside.h"

/* A smaller one is freed sooner than a thread is made. */
#define FEW_SERVICES 64

struct heap {
	struct config **item;
	size_t count;
};

static struct {
	struct loop *loop;
	struct beside *beside;    /* NULL: nothing is being freed */
	struct heap now, waiting; /* what the thread has; what is yet to come */
} disposal;

static void start(void);

static void
work(void *arg)
{
	const struct heap *h = arg;

	for (size_t i = 0; i < h->count; i++)
		config_free(h->item[i]);
	free(h->item);
	mem_trim();
}

static void
done(void *arg)
{
	(void)arg;
	disposal.beside = NULL;
	if (disposal.waiting.count > 0)
		start();
}

static void
start(void)
{
	disposal.now = disposal.waiting;
	disposal.waiting = (struct heap){ 0 };
	disposal.beside = beside_start(disposal.loop, work, done, &disposal.now);
}

static void
dispose(struct config *c)
{
	struct heap *h = &disposal.waiting;

	if (c->count < FEW_SERVICES) {
		config_free(c);
		return;
	}
	h->item = mem_grow(h->item, h->count + 1, sizeof(struct config *));
	h->item[h->count++] = c;
	if (disposal.beside == NULL)
		start();
}

void
dispose_begin(struct loop *loop)
{
	disposal.loop = loop;
	config_free_by(dispose);
}

void
dispose_end(void)
{
	while (disposal.beside != NULL)
		beside_finish(disposal.beside);
	config_free_by(NULL);
}
