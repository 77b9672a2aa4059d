# Sourced by install-node and remove-node: the places on the node, and what both do there.
#
# NODE_ROOT is where the container sees the node's folders. Commands that must see the node as the node sees itself run
# in the mount namespace of the node's first process; for this the pod needs hostPID and privileged.

NODE_ROOT=${NODE_ROOT-/node}
ON_NODE=${ON_NODE-nsenter --target 1 --mount --}

program=/usr/local/sbin/stockade
unit=/etc/systemd/system/stockade.service
etc=/etc/stockade
configuration=$etc/stockade.yaml
# All that only these scripts write: profiles (a link) leads to profiles.a or profiles.b.
cluster=$etc/cluster
pins=/sys/fs/bpf/stockade
LOCK_SECONDS=${LOCK_SECONDS-60}

say() { echo "${0##*/}: $*"; }
fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

on_node() {
  # shellcheck disable=SC2086 # a command and its arguments
  $ON_NODE "$@"
}

# One of these scripts at a time: pods of two versions overlap in an update. Whoever has the lock also removes what was
# half written.
lock() {
  mkdir -p "$NODE_ROOT$etc" || fail "cannot make the folder $etc of the node"
  # Tried first: a shell ends at once if exec itself cannot open a file.
  (: >>"$NODE_ROOT$etc/.lock") 2>/dev/null ||
    fail "cannot write to $etc of the node; if a Stockade runs there, its configuration must leave this pod" \
      "unconfined by a binding of the namespace with required: true"
  exec 9>>"$NODE_ROOT$etc/.lock"
  flock --wait "$LOCK_SECONDS" 9 || fail "another installation or removal has run on this node for $LOCK_SECONDS s"
  trap clean_up EXIT
}
unlock() {
  clean_up
  trap - EXIT
  exec 9>&-
}
clean_up() { :; }

# What is pinned on the node, a name a line.
pinned() { on_node sh -c "if [ -d $pins ]; then ls $pins; fi"; }
