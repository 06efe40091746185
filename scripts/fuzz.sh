#!/bin/sh
# Fuzzing by time: each parser of test/hunt/fuzz-*.hunt.test.ts for ENGAWA_FUZZ_SECONDS (default 20). Takes minutes; no part of `npm test`.
# ENGAWA_FUZZ_KEEP=1 grows the corpora in test/vectors/fuzz; what fails is kept there in any case.
set -u
cd "$(dirname -- "$0")/.." || exit 2
ENGAWA_HUNT=${ENGAWA_HUNT:-1}
ENGAWA_FUZZ_SECONDS=${ENGAWA_FUZZ_SECONDS:-20}
export ENGAWA_HUNT ENGAWA_FUZZ_SECONDS
exec bin/node node_modules/.bin/vitest run --project hunt --testTimeout=3600000 fuzz "$@"
