#!/bin/sh
# SPDX-License-Identifier: MIT
# Shows what porterd tells a program about its connection, then ends.
echo "This is pid $$, serving $SERVICE_ID for ${REMOTE_ADDR-nobody known}."
echo "Its environment:"
env | sort
