# What the package's scripts, and the scripts of the archive, tell whoever installs and removes.

pins=/sys/fs/bpf/stockade
plugins=/opt/nri/plugins

say() { printf '%s\n' "stockade: $*" >&2; }

# After the first installation, of program $1 and of documents below $2.
say_how_to_begin() {
  say 'installed. It confines nothing yet. Either run it as a service of its own:'
  say '  systemctl enable --now stockade'
  say 'or let containerd launch it, when containerd starts again:'
  say "  install -d $plugins && ln -s $1 $plugins/10-stockade"
  say "Before that, look at $2/share/doc/stockade/examples/stockade.yaml."
}

# After another version has taken the place of the former one, $1, below $2.
say_what_runs() {
  [ -e "$pins" ] || [ -e /run/stockade/stockade.sock ] || return 0
  say "this was version $1, and what runs is the program of that version until you restart it."
  say "Containers stay confined meanwhile. Read $2/share/doc/stockade/docs/upgrade.md, and then restart:"
  say '  systemctl restart stockade     if Stockade is a service of its own'
  say '  systemctl restart containerd   if containerd launches Stockade'
}

# After the program is gone.
say_what_stays() {
  if [ -e "$pins" ]; then
    say 'its rules stay in force in the kernel: containers that are confined stay confined, and gates stay closed.'
    say 'If the node gate is closed, no new pod of this node starts.'
    say "They end with the machine's next start. To end them now, for all containers: rm -r $pins"
  fi
  if [ -e /run/stockade/stockade.sock ]; then
    say 'a Stockade still runs. It ends when containerd, which launched it, is restarted: systemctl restart containerd'
  fi
  if grep -q '^ *required_plugins *=.*"stockade"' /etc/containerd/config.toml 2>/dev/null; then
    say '/etc/containerd/config.toml still has "stockade" in required_plugins: containerd starts no container until you'
    say 'take it out and restart containerd.'
  fi
}

# Takes away the plugin of containerd that is a link to program $1.
remove_plugin_links() {
  for link in "$plugins"/*; do
    if [ -L "$link" ] && [ "$(readlink "$link")" = "$1" ]; then
      rm -f "$link"
      say "removed $link, so containerd launches Stockade no more when it starts again."
    fi
  done
}

# Ends the service, and switches both units off. The gate's unit is not stopped: that would stop containerd.
switch_units_off() {
  command -v systemctl >/dev/null || return 0
  [ ! -d /run/systemd/system ] || systemctl stop stockade.service || true
  systemctl disable --quiet stockade.service stockade-gate.service || true
}

systemd_looks_again() { [ ! -d /run/systemd/system ] || systemctl daemon-reload || true; }
