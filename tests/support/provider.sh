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

# with CONFIG COMMAND...: under that openssl.cnf.
with() {
  local config=$1; shift
  OPENSSL_CONF=$config "$@"
}
# shellcheck disable=SC2034,SC2054  # what the stories use; the commas are part of the names
orders=('default,mtc' 'mtc,default' prefer)
