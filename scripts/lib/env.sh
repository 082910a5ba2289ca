# shellcheck shell=bash
# The environment every script runs in: Debian 13 or newer, with scripts/packages.txt installed and
# NSS softoken from Debian testing in a private folder (the ML-DSA token of the tests and the demo).
#
# On Debian 13 or newer the host itself serves. Anywhere else a Debian 13 root is made once with
# mmdebstrap in the user's cache folder, keyed by a hash of what goes into it, and commands run
# inside it in a private mount namespace, with the repository bind-mounted at its own path.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
env_marker=/etc/mtc-environment
env_suite=trixie
cache_dir=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mtc

. "$repo/scripts/lib/job.sh"

packages() { grep -v '^#' "$repo/scripts/packages.txt"; }

env_key() {
  cat "$repo/scripts/packages.txt" "$repo/scripts/lib/nss.sh" "$repo/scripts/lib/env.sh" |
    sha256sum | cut -c1-16
}

# The mirror this host already uses, so that no registry is named here; empty means mmdebstrap's own.
host_mirror() {
  if [ -n "${MTC_DEBIAN_MIRROR:-}" ]; then printf '%s\n' "$MTC_DEBIAN_MIRROR"; return; fi
  apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' 2>/dev/null |
    awk -F'|' '$1 == "Debian" && $2 !~ /security/ { print $2; exit }'
}

host_is_debian_13() {
  local id version
  id=$(. /etc/os-release && printf '%s' "${ID:-}")
  version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  [ "$id" = debian ] || return 1
  [ -z "$version" ] || [ "${version%%.*}" -ge 13 ]   # testing and unstable carry no version
}

ensure_host_packages() {
  local missing=() package
  for package in $(packages); do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" -eq 0 ] ||
    die "these packages are missing; install them as root: apt-get install ${missing[*]}"
  quietly "Updating the package lists" apt-get update -qq || exit 1
  DEBIAN_FRONTEND=noninteractive quietly "Installing ${#missing[@]} packages" \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" || exit 1
}

ensure_host() {
  ensure_host_packages
  export MTC_NSS_DIR=$cache_dir/nss-$(env_key)
  if [ ! -e "$MTC_NSS_DIR/.complete" ]; then
    mkdir -p "$cache_dir"
    quietly "Fetching NSS softoken" "$repo/scripts/lib/nss.sh" "$MTC_NSS_DIR" "$(host_mirror)" || exit 1
  fi
}

make_root() {
  local root=$1 partial=$1.partial mirror
  mirror=$(host_mirror)
  if ! command -v mmdebstrap >/dev/null; then
    quietly "Installing mmdebstrap" \
      sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mmdebstrap' ||
      die "mmdebstrap could not be installed"
  fi
  rm -rf --one-file-system "$partial"
  quietly "Making a Debian 13 environment in $root (once, about 2 minutes)" \
    mmdebstrap --mode=root --variant=apt --aptopt='APT::Install-Recommends "false"' \
    --include="$(packages | paste -sd, -)" \
    --customize-hook="cp '$repo/scripts/lib/nss.sh' \"\$1/tmp/nss.sh\"" \
    --customize-hook="chroot \"\$1\" bash /tmp/nss.sh /opt/mtc-nss '$mirror'" \
    --customize-hook="rm \"\$1/tmp/nss.sh\"; echo '$(env_key)' >\"\$1$env_marker\"" \
    "$env_suite" "$partial" ${mirror:+"$mirror"} || die "the environment could not be made"
  mv "$partial" "$root"
}

ensure_root() {
  local root=$1
  [ -e "$root$env_marker" ] && return
  [ "$(id -u)" -eq 0 ] || die "this host is not Debian 13; making a Debian 13 environment needs root"
  mkdir -p "$cache_dir"
  exec 9>"$cache_dir/lock"                      # another clone may be making the same root
  flock 9
  [ -e "$root$env_marker" ] || make_root "$root"
  exec 9>&-
}

# Binds FILE-OR-FOLDER at the same path inside the root. Called inside the private namespace.
bind_same() {
  [ -e "$2" ] || return 0
  mkdir -p "$1$2"
  mount --rbind "$2" "$1$2"
}

# env_exec COMMAND...: makes what is missing, then becomes COMMAND in the environment.
env_exec() {
  if [ -e "$env_marker" ]; then
    export MTC_NSS_DIR=${MTC_NSS_DIR:-/opt/mtc-nss}
    exec "$@"
  fi
  if host_is_debian_13; then
    ensure_host
    exec "$@"
  fi
  local root=$cache_dir/root-$(env_key) git_dir cwd=$PWD
  ensure_root "$root"
  git_dir=$(git -C "$repo" rev-parse --path-format=absolute --git-common-dir 2>/dev/null || true)
  export -f bind_same
  exec unshare --mount --propagation private bash -c '
    set -e
    root=$1 repo=$2 shared=$3 git_dir=$4 cwd=$5; shift 5
    for folder in /proc /sys /dev /tmp; do mount --rbind "$folder" "$root$folder"; done
    bind_same "$root" "$repo"
    bind_same "$root" "$shared"
    case $git_dir in ""|"$repo"/*) ;; *) bind_same "$root" "$git_dir" ;; esac
    cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
    [ -d "$root$cwd" ] || cwd=$repo
    exec chroot "$root" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      MTC_NSS_DIR=/opt/mtc-nss ${CI:+CI="$CI"} ${MTC_OPTIONS:+$MTC_OPTIONS} \
      bash -c "cd \"\$1\" && shift && exec \"\$@\"" run "$cwd" "$@"
  ' run "$root" "$repo" "$(dirname "$repo")/shared" "$git_dir" "$cwd" "$@"
}
