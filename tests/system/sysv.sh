#!/bin/sh
# SPDX-License-Identifier: MIT
# The System V script as installed: files dropped into conf.d, edited and restarted, with sessions held meanwhile.
# shellcheck source=tests/tools/system.sh
. "${SRC_ROOT:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/tools/system.sh"
run_installed
init=/etc/init.d/porterd
port=$(free_ports)
other=$((port + 1))

ends_with 0 $init start
drop_service "$port" 5
ends_with 0 $init restart
answers "$port" hello hello || fail "the file dropped into conf.d does not serve after a restart"

hold 5 "$port" || fail "five sessions cannot be held"
! ask "$port" hello || fail "a sixth session was served"
ends_with 0 $init restart
answers "$port" hello hello || fail "the port is not bound at once after a restart with five sessions held"

drop_service "$other" 2
ends_with 0 $init restart
! is_listening "$port" || fail "the old port is still open"
hold 2 "$other" || fail "two sessions cannot be held"
! ask "$other" hello || fail "the new limit does not hold"
ends_with 0 $init stop
