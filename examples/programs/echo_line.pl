#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# A line echo in Perl: the connection is standard input and standard output.
use strict;
use warnings;

$| = 1;    # A socket is no terminal: without this the answer would wait in the buffer.
print while <STDIN>;
