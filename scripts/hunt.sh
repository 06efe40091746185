#!/bin/sh
# The long hunt: the same properties with ENGAWA_HUNT times as many runs (default 100), and test/hunt/ (kills, long fuzzing).
# Takes minutes to hours; no part of `npm test`.
set -u
cd "$(dirname -- "$0")/.." || exit 2
ENGAWA_HUNT=${ENGAWA_HUNT:-100}
export ENGAWA_HUNT
exec bin/node node_modules/.bin/vitest run --project core --project unit --project hunt --testTimeout=3600000 "$@"
