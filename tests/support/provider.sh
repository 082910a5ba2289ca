# shellcheck shell=bash
# The OpenSSL provider in the stories: an openssl.cnf for each order of providers.
# shellcheck disable=SC2154  # $work, $bin: of lib.sh, which comes before
export OPENSSL_MODULES=$work/modules
mkdir -p "$OPENSSL_MODULES"
ln -sf "$bin/../lib/mtc.so" "$OPENSSL_MODULES/mtc.so"
for module in /usr/lib/*/ossl-modules/*.so; do ln -sf "$module" "$OPENSSL_MODULES/"; done

# provider_config FILE ORDER [LINE...]: ORDER is default,mtc or mtc,default or prefer (default first,
# and ?provider=mtc); the LINEs go to the provider's section.
provider_config() {
  local file=$1 order=$2; shift 2
  {
    printf '%s\n' 'openssl_conf = init' '[init]' 'providers = providers'
    [ "$order" != prefer ] || printf '%s\n' 'alg_section = algorithms'
    printf '%s\n' '[providers]'
    case $order in
      mtc,default) printf '%s\n' 'mtc = provider_mtc' 'default = provider_default' ;;
      *) printf '%s\n' 'default = provider_default' 'mtc = provider_mtc' ;;
    esac
    printf '%s\n' '[algorithms]' 'default_properties = ?provider=mtc' '[provider_default]' 'activate = 1' '[provider_mtc]' 'activate = 1'
    printf '%s\n' "$@"
    printf '%s\n' '[req]' 'distinguished_name = name' '[name]'
  } >"$file"
}

# ca_config FILE FOLDER: adds the section of `openssl ca` for the CA of the stories; its files are in FOLDER.
ca_config() {
  cat >>"$1" <<END
[ca]
default_ca = mtc_ca
[mtc_ca]
database = $2/index.txt
new_certs_dir = $2
serial = $2/serial
certificate = $work/ca/ca_cert.pem
private_key = mtc://32473.1
default_md = sha256
policy = any
default_days = 3
unique_subject = no
[any]
commonName = optional
END
  : >"$2/index.txt"
}

# A module with a sanitizer needs the sanitizer's library in the unmodified openssl.
sanitizer=$(ldd "$bin/../lib/mtc.so" | sed -n 's/.*lib[at]san.* => \(.*\) (.*/\1/p')

# with CONFIG COMMAND...: under that openssl.cnf.
with() {
  local config=$1; shift
  if [ -n "$sanitizer" ]; then
    # What openssl itself does not free at its end is not ours.
    ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$sanitizer OPENSSL_CONF=$config "$@"
  else
    OPENSSL_CONF=$config "$@"
  fi
}
# shellcheck disable=SC2034,SC2054  # what the stories use; the commas are part of the names
orders=('default,mtc' 'mtc,default' prefer)

# reserve COUNT: the first of so many reserved serial numbers.
reserve() { "$bin/mtc" reserve --count "$1" --json | jq -r .first_serial; }

# make_ca_key ALGORITHM: the key that make_ca takes.
make_ca_key() {
  rm -f "$work/ca.key" "$work/ca.pub"
  "$bin/mtc" key generate --uri "$work/ca.key" --algorithm "$1" --out "$work/ca.pub" 2>/dev/null
}

# A relying party of openssl's own: the CA certificate is trusted, though nobody signed it.
ossl_verify() { openssl verify -partial_chain -CAfile "$work/ca/ca_cert.pem" "$@"; }
