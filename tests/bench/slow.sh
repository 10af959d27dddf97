#!/bin/sh
# SPDX-License-Identifier: MIT
# An echo that waits a second first, without using a processor.
sleep 1
exec "${0%/*}/echo"
