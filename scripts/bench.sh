#!/bin/sh
# Runs the benchmarks one after another (or those named: `npm run bench -- ingest`), then shows all figures in one table. Each
# takes 10 to 30 seconds and prints its ratio against a baseline measured in the same run; they judge nothing, so only a
# crash fails. What needs root says so and is left out without it.
set -u
cd "$(dirname -- "$0")/.." || exit 2

[ $# -gt 0 ] || set -- $(ls bench/*.ts 2>/dev/null | sed 's|^bench/||; s|\.ts$||')
[ $# -gt 0 ] || {
  echo 'no benchmark in bench/' >&2
  exit 1
}
output=$(mktemp) || exit 2
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT TERM
failed=''
skipped=''
for name; do
  echo "== $name"
  case $name in
    gardens | lab-latency)
      [ "$(id -u)" -eq 0 ] || {
        echo '  left out: needs root for a network namespace'
        skipped="$skipped $name"
        continue
      }
      ;;
  esac
  bin/node "bench/$name.ts" >"$output.one" || failed="$failed $name"
  grep -v '^RESULT ' "$output.one"
  cat "$output.one" >>"$output"
  rm -f "$output.one"
done
echo
bin/node scripts/bench-summary.ts "$output"
[ -z "$skipped" ] || echo "left out (needs root):$skipped"
[ -z "$failed" ] || {
  echo "== FAILED:$failed" >&2
  exit 1
}
