# Sourced by check.sh and test.sh: runs steps one after another, goes on after a failing one, and ends with what failed.
failed=''

step() {
  name=$1
  shift
  echo "== $name"
  "$@" || failed="$failed; $name"
}

# dependency-cruiser exits 0 when it understood no module at all (it does with a TypeScript it does not know): count them.
import_rules() {
  report=$(bin/node node_modules/.bin/depcruise --config .dependency-cruiser.cjs --output-type err src 2>&1)
  verdict=$?
  echo "$report"
  [ "$verdict" = 0 ] || return 1
  echo "$report" | grep -Eq '\([1-9][0-9]* modules' || {
    echo 'no module was cruised: the import rules proved nothing'
    return 1
  }
}

static_steps() {
  step 'format and lint' bin/node node_modules/.bin/biome check .
  step 'types' bin/node node_modules/.bin/tsc -p .
  step 'import rules' import_rules
  step 'unused code' bin/node node_modules/.bin/knip
}

finish() {
  [ -z "$failed" ] || {
    echo "== FAILED: ${failed#; }"
    exit 1
  }
  echo '== all steps passed'
}
