/* SPDX-License-Identifier: MIT */
/* porterctl: looks inside a running porterd, and steers it. */
#include "ctl/ctl.h"

int
main(int argc, char **argv)
{
	return ctl_main(argc, argv);
}
