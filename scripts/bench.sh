#!/bin/sh
# Runs the benchmarks one after another (or those named: `npm run bench -- ingest`). Each prints its figures and its ratio
# against a baseline measured in the same run; they judge nothing, so only a crash fails.
set -u
cd "$(dirname -- "$0")/.." || exit 2

[ $# -gt 0 ] || set -- $(ls bench/*.ts 2>/dev/null | sed 's|^bench/||; s|\.ts$||')
[ $# -gt 0 ] || {
  echo 'no benchmark in bench/' >&2
  exit 1
}
failed=''
for name; do
  echo "== $name"
  bin/node "bench/$name.ts" || failed="$failed $name"
done
[ -z "$failed" ] || {
  echo "== FAILED:$failed" >&2
  exit 1
}
