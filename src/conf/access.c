/* SPDX-License-Identifier: MIT */
#include "conf/access.h"

#include <stdlib.h>

#include "base/mem.h"

struct access_list *
access_list_need(struct access_list **list)
{
	if (*list == NULL)
		*list = mem_alloc(sizeof(**list));
	return *list;
}

void
access_list_free(struct access_list *list)
{
	if (list == NULL)
		return;
	ip_set_unref(list->set);
	for (size_t i = 0; i < list->files.count; i++)
		ip_set_unref(list->file_sets[i]);
	free(list->file_sets);
	strings_done(&list->files);
	strings_done(&list->domains);
	free(list);
}

struct access_list *
access_list_clone(const struct access_list *from)
{
	struct access_list *to;

	if (from == NULL)
		return NULL;
	to = mem_alloc(sizeof(*to));
	to->set = ip_set_ref(from->set);
	strings_copy(&to->files, &from->files);
	to->file_sets = mem_array(from->files.count, sizeof(struct ip_set *));
	for (size_t i = 0; i < from->files.count; i++)
		to->file_sets[i] = ip_set_ref(from->file_sets[i]);
	strings_copy(&to->domains, &from->domains);
	return to;
}

/* Two sets that hold nothing are equal, whether they are there or not. */
static bool
sets_equal(const struct ip_set *x, const struct ip_set *y)
{
	if (x != NULL && y != NULL)
		return ip_set_equal(x, y);
	return x == y || ip_set_ranges(x != NULL ? x : y) == 0;
}

bool
access_list_equal(const struct access_list *left, const struct access_list *right)
{
	const struct access_list *x = access_list_get(left), *y = access_list_get(right);

	if (!sets_equal(x->set, y->set) || !strings_equal(&x->files, &y->files) ||
	    !strings_equal(&x->domains, &y->domains))
		return false;
	for (size_t i = 0; i < x->files.count; i++)
		if (!sets_equal(x->file_sets[i], y->file_sets[i]))
			return false;
	return true;
}
