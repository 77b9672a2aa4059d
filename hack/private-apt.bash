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

# Fills folder $1 with package $3 of suite $2, in the newest version that begins with $4, and prints "FOLDER VERSION".
# $5 is called with the unpacked folder and fails if that is of no use. A folder that is there is only replaced if
# `update` is true. `fail` says what went wrong and exits.
unpack() {
  local target=$1 suite=$2 package=$3 wanted=$4 check=$5 work version
  if [[ ! -e $target/version || $update == true ]]; then
    work=$(mktemp -d "${target%/*}/apt.XXXXXX")
    mirror=${mirror:-$(find_mirror)}
    # shellcheck disable=SC2064 # the folder of this call
    trap "rm -rf '$work'" EXIT
    configure_apt "$work" "$suite" "$mirror"
    export APT_CONFIG=$work/apt.conf
    apt-get --quiet=2 update >&2 || fail "cannot read the index of $suite from $mirror; is the mirror reachable?"
    version=$(apt-cache madison "$package" | awk -v wanted="$wanted" 'index($3, wanted) == 1 { print $3; exit }')
    [[ -n $version ]] || fail "$suite of $mirror has no $package $wanted (it has: $(apt-cache madison "$package"))"
    (cd "$work" && apt-get --quiet=2 download "$package=$version" >&2) ||
      fail "cannot download $package $version of $suite from $mirror"
    dpkg -x "$work/${package}"_*.deb "$work/unpacked"
    "$check" "$work/unpacked" || fail "$package $version of $suite is of no use here"
    echo "$version" >"$work/unpacked/version"
    rm -rf "$target"
    mv "$work/unpacked" "$target"
    rm -rf "$work"
    unset APT_CONFIG
  fi
  echo "$target $(<"$target/version")"
}
