#!/bin/sh
# Makes configuration of templates, as far as there are any.
set -eu
templates=/etc/nginx/templates made=/etc/nginx/conf.d

[ -d "$templates" ] || exit 0
# shellcheck disable=SC2016,SC2046 # the names in the form of envsubst, each a word
known=$(printf '${%s} ' $(awk 'END { for (name in ENVIRON) print name }' </dev/null))
find "$templates" -follow -type f -name '*.template' -print | while read -r template; do
  name=${template#"$templates/"}
  mkdir -p "$made/$(dirname "$name")"
  envsubst "$known" <"$template" >"$made/${name%.template}"
done
