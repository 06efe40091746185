#!/bin/sh
# All tests: the static steps of check.sh, then every vitest project, kernel and browser included. Needs root (namespaces).
# Results also go to .cache/vitest.json, for .ci/run.
set -u
cd "$(dirname -- "$0")/.." || exit 2
. scripts/steps.sh

mkdir -p .cache
rm -f .cache/vitest.json
static_steps
step 'all tests' bin/node node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json=.cache/vitest.json
finish
