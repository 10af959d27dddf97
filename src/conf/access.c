/* SPDX-License-Identifier: MIT */
#include "conf/access.h"

#include <stdlib.h>

#include "base/mem.h"

void
access_list_done(struct access_list *list)
{
	ip_set_unref(list->set);
	for (size_t i = 0; i < list->files.count; i++)
		ip_set_unref(list->file_sets[i]);
	free(list->file_sets);
	strings_done(&list->files);
	strings_done(&list->domains);
	*list = (struct access_list){ 0 };
}

void
access_list_copy(struct access_list *to, const struct access_list *from)
{
	access_list_done(to);
	to->set = ip_set_ref(from->set);
	strings_copy(&to->files, &from->files);
	to->file_sets = mem_array(from->files.count, sizeof(struct ip_set *));
	for (size_t i = 0; i < from->files.count; i++)
		to->file_sets[i] = ip_set_ref(from->file_sets[i]);
	strings_copy(&to->domains, &from->domains);
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
access_list_equal(const struct access_list *x, const struct access_list *y)
{
	if (!sets_equal(x->set, y->set) || !strings_equal(&x->files, &y->files) ||
	    !strings_equal(&x->domains, &y->domains))
		return false;
	for (size_t i = 0; i < x->files.count; i++)
		if (!sets_equal(x->file_sets[i], y->file_sets[i]))
			return false;
	return true;
}
