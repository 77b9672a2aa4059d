# shellcheck shell=bash
# Sourced. An apt of its own that fetches from Debian's archive and changes nothing of the machine's.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
default_mirror=http://deb.debian.org/debian

# The address of the Debian archive that this machine's own apt uses, so that a local mirror is used here as well.
find_mirror() {
  local found
  # shellcheck disable=SC2016 # apt expands these, not the shell
  found=$(apt-get indextargets --format '$(SITE) $(ORIGIN) $(CODENAME)' 2>/dev/null |
    awk '$2 == "Debian" && $3 !~ /-/ { print $1; exit }')
  echo "${found:-$default_mirror}"
}

# Writes $1/apt.conf, for APT_CONFIG: an apt in folder $1 that knows nothing but suite $2 of mirror $3.
configure_apt() {
  local folder=$1 suite=$2 mirror=$3
  mkdir -p "$folder"/{lists/partial,archives/partial}
  : >"$folder/status"
  echo "deb [signed-by=$keyring] $mirror $suite main" >"$folder/sources.list"
  cat >"$folder/apt.conf" <<EOC
Dir::State "$folder";
Dir::State::status "$folder/status";
Dir::State::lists "$folder/lists";
Dir::Cache "$folder";
Dir::Cache::archives "$folder/archives";
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "root";
APT::Get::List-Cleanup "false";
Acquire::Languages "none";
Acquire::Retries "3";
EOC
}
