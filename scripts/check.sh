#!/bin/sh
# The fast part of the tests: format and lint, types, import rules, unused code, core and unit tests. No kernel, no browser.
set -u
cd "$(dirname -- "$0")/.." || exit 2
. scripts/steps.sh

static_steps
step 'core and unit tests' bin/node node_modules/.bin/vitest run --project core --project unit
finish
