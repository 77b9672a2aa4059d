# shellcheck shell=bash
# Sourced by tests of scripts. A scratch folder, $work, and what was counted: $passed and $failed.

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2034 # for who sources this
passed=0 failed=0

# is TITLE STATUS PATTERN COMMAND...: COMMAND ends with STATUS, and its last line matches PATTERN, an extended regular
# expression. Sets `output`.
is() {
  local title=$1 expected=$2 pattern=$3 status=0
  shift 3
  output=$("$@" 2>&1 </dev/null) || status=$?
  if [[ $status -eq $expected ]] && tail -n 1 <<<"$output" | grep --quiet -E -- "$pattern"; then
    passed=$((passed + 1))
    echo "ok: $title"
  else
    failed=$((failed + 1))
    echo "FAILED: $title: status $status instead of $expected, and it says: $output"
  fi
}
