/* SPDX-License-Identifier: MIT */
/* Reading configuration files without trusting the file system: no FIFO, device or directory is
 * ever read, nothing blocks, and as root nothing that another user could have written is believed.
 * */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include <sys/types.h>

#include "base/strings.h"
#include "conf/problem.h"

struct trust {
	/* False: any owner and mode will do (porterd does not run as root, or only checks). */
	bool is_checked;
	uid_t owners[3]; /* who may own files and the directories above them, root included */
	size_t owner_count;
};

/* Largest configuration file that is read, in bytes. */
#define SOURCE_MAX_BYTES (64L << 20)

/* Reads a whole regular file (symbolic links are followed; the target, its directory and the
 * directories above are checked). NULL after a problem was added at `from` (the include's place;
 * for the main file a place without line). */
struct source *source_read(const char *path, const struct trust *trust, const struct place *from,
    struct problems *problems);
void source_free(struct source *s);
/* Its places have no lines any more. */
void source_forget_text(struct source *s);

enum naming { NAMING_NATIVE, NAMING_XINETD };
/* NAMING_XINETD for a directory whose last part is "xinetd.d", else NAMING_NATIVE. */
enum naming source_naming(const char *directory);
/* True if includedir loads a file of this name: natively NAME and NAME.conf (no other dot, none
 * leading, no ~ at the end), in xinetd's way names without any dot and without ~ at the end. If
 * not, *why says why. */
bool source_name_loads(const char *name, enum naming naming, const char **why);
/* Paths of the files of a directory that load, sorted by bytes; every file skipped is a note. 0, or
 * -errno after a problem was added (a missing directory is a warning and 0). */
int source_list(const char *directory, const struct trust *trust, const struct place *from,
    struct strings *paths, struct problems *problems);

#endif
