# shellcheck shell=bash
# The environment every script runs in: Debian 13 or newer, with scripts/packages.txt installed and
# NSS softoken from Debian testing in a private folder (the ML-DSA token of the tests and the demo).
#
# On Debian 13 or newer the host itself serves. Anywhere else a Debian 13 root is made once with
# mmdebstrap in the user's cache folder, keyed by what goes into it, and commands run inside it in a
# private mount namespace. There the repository, the current folder, /tmp and what the caller shares
# are the host's own at their own paths; nothing else can be written to, so that no file ends up in
# the root, where nobody would look for it.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
env_marker=/etc/mtc-environment
env_suite=trixie
env_version=2   # raise it when make_root makes another root out of the same packages
cache_dir=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mtc
. "$repo/scripts/lib/job.sh"

packages() { grep -v '^#' "$repo/scripts/packages.txt"; }

env_key() {
  { cat "$repo/scripts/packages.txt" "$repo/scripts/lib/nss.sh"; echo "$env_version"; } |
    sha256sum | cut -c1-16
}

# The mirror this host already uses, so that no registry is named here; empty means mmdebstrap's own.
host_mirror() {
  if [ -n "${MTC_DEBIAN_MIRROR:-}" ]; then printf '%s\n' "$MTC_DEBIAN_MIRROR"; return; fi
  apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' 2>/dev/null |
    awk -F'|' '$1 == "Debian" && $2 !~ /security/ && !found++ { print $2 }'
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
  MTC_NSS_DIR=$cache_dir/nss-$(env_key)
  export MTC_NSS_DIR
  [ ! -e "$MTC_NSS_DIR/.complete" ] || return 0
  local mirror
  mirror=$(host_mirror)
  if [ -z "$mirror" ] && [ "$(id -u)" -eq 0 ]; then   # apt knows its mirror once it has lists
    quietly "Updating the package lists" apt-get update -qq || exit 1
    mirror=$(host_mirror)
  fi
  [ -n "$mirror" ] || die "apt knows no Debian mirror: run apt-get update, or set MTC_DEBIAN_MIRROR"
  mkdir -p "$cache_dir"
  quietly "Fetching NSS softoken" "$repo/scripts/lib/nss.sh" "$MTC_NSS_DIR" "$mirror" || exit 1
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
  MTC_REPO=$repo quietly "Making a Debian 13 environment in $root (once, about 2 minutes)" \
    mmdebstrap --mode=root --variant=apt --aptopt='APT::Install-Recommends "false"' \
    --include="$(packages | paste -sd, -)" \
    --customize-hook='cp "$MTC_REPO/scripts/lib/nss.sh" "$1/tmp/nss.sh"' \
    --customize-hook="chroot \"\$1\" bash /tmp/nss.sh /opt/mtc-nss '$mirror'" \
    --customize-hook='rm -rf "$1/tmp/nss.sh" "$1"/root/.[!.]*' \
    --customize-hook="echo '$(env_key)' >\"\$1$env_marker\"" \
    "$env_suite" "$partial" ${mirror:+"$mirror"} || die "the environment could not be made"
  mv "$partial" "$root"
}

ensure_root() {
  local root=$1
  [ -e "$root$env_marker" ] && return
  mkdir -p "$cache_dir"
  exec 9>"$cache_dir/lock"                      # another clone may be making the same root
  flock 9
  [ -e "$root$env_marker" ] || make_root "$root"
  exec 9>&-
}

# make_dev ROOT: a /dev that holds what programs need and no device of the host.
make_dev() {
  local root=$1 name
  mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
  for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
  done
  for name in pts shm; do
    mkdir "$root/dev/$name"
    mount --rbind "/dev/$name" "$root/dev/$name"
  done
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  ln -s fd/0 "$root/dev/stdin"
  ln -s fd/1 "$root/dev/stdout"
  ln -s fd/2 "$root/dev/stderr"
  mount -o remount,ro "$root/dev"
}

# enter_root ROOT CWD NUM-FOLDERS FOLDER... COMMAND...: becomes COMMAND in the root, with the folders
# shared. Called in a private mount namespace.
enter_root() {
  local root=$1 cwd=$2 folders=("${@:4:$3}") folder
  shift $((3 + $3))
  mount --bind "$root" "$root"
  # A mount point holds nothing but folders; what holds more is Debian's, or the whole root.
  for folder in "${folders[@]}"; do
    [ ! -e "$root$folder" ] || [ -z "$(find "$root$folder" ! -type d -print -quit)" ] ||
      die "$folder cannot be shared with the environment, which has its own: use a folder elsewhere"
  done
  for folder in /proc /sys /tmp; do mount --rbind "$folder" "$root$folder"; done
  make_dev "$root"
  for folder in "${folders[@]}"; do
    [ "$root$folder" -ef "$folder" ] && continue   # lies in one that is shared already
    mkdir -p "$root$folder"
    mount --rbind "$folder" "$root$folder"
  done
  cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
  mount -o remount,bind,ro "$root"
  exec chroot "$root" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    MTC_NSS_DIR=/opt/mtc-nss ${CI:+CI="$CI"} \
    bash -c 'cd "$1" && shift && exec "$@"' run "$cwd" "$@"
}

# env_exec COMMAND...: makes what is missing, then becomes COMMAND in the environment; the folders of
# $shared are shared with it.
shared=()
env_exec() {
  if [ -e "$env_marker" ]; then
    export MTC_NSS_DIR=${MTC_NSS_DIR:-/opt/mtc-nss}
    exec "$@"
  fi
  if host_is_debian_13; then
    ensure_host
    exec "$@"
  fi
  [ "$(id -u)" -eq 0 ] || die "this host is not Debian 13: the Debian 13 environment needs root"
  local root folders folder
  root=$cache_dir/root-$(env_key)
  ensure_root "$root"
  folders=("$repo" "${shared[@]}")
  [ "$PWD" = / ] || folders+=("$PWD")   # the root's own will do: it cannot be written to
  for folder in "${folders[@]}"; do
    [ -d "$folder" ] || die "$folder is no folder: it cannot be shared with the environment"
  done
  folder=$(dirname "$repo")/shared
  [ ! -d "$folder" ] || folders+=("$folder")
  # A worktree's objects lie in another folder.
  folder=$(git -c safe.directory='*' -C "$repo" rev-parse --path-format=absolute --git-common-dir \
    2>/dev/null || true)
  [ ! -d "$folder" ] || folders+=("$folder")
  export -f say die make_dev enter_root
  exec unshare --mount --propagation private \
    bash -c 'set -euo pipefail; enter_root "$@"' run "$root" "$PWD" "${#folders[@]}" "${folders[@]}" "$@"
}
