/* SPDX-License-Identifier: MIT */
/* From files to a configuration. Loading changes nothing anywhere: it gives a value and a list of problems. */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include "conf/config.h"
#include "conf/load_options.h"

/* Loads the main file and all that it includes. Never NULL: what could not be read is in problems and missing from the
 * result. Services come in file order; each has its state. The caller owns one reference. */
struct config *config_load(
    const char *path, const struct load_options *options, struct problems *problems);

#endif
