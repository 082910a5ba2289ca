#!/usr/bin/env bash
# Two ACME servers on one database in front of one CA: accounts and orders of one are the other's, at
# the same time, and no order has two certificates.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/support/acme.sh
. "$(dirname "$0")/../support/acme.sh"
command -v python3 >/dev/null || exit 77

make_ca
start_daemon
make_acme
start_acme
first=$acme first_connect=$acme_connect
start_acme
make_csr www
connects=("$first_connect" "$acme_connect")
acme_client account >/dev/null
acme_client order www.example.com "$work/csr/www.csr" >/dev/null # authorizes the name
clients=()
for i in 0 1 2 3; do
  for _ in 1 2 3; do
    acme_connect=${connects[$((i % 2))]} acme_client order www.example.com "$work/csr/www.csr"
  done >"$work/orders.$i" &
  clients+=("$!")
done
for client in "${clients[@]}"; do wait "$client" || fail "a client failed"; done
[ "$(cat "$work"/orders.? | jq -r .status | grep -c '^valid$')" = 12 ] || fail "not every order is valid"
[ "$(cat "$work"/orders.? | jq -r .certificate | sort -u | wc -l)" = 12 ] || fail "two orders are one"
[ "$("$bin/mtc" status --json | jq .engine.tree_size)" = 13 ] || fail "not one certificate an order"
# What one has issued the other delivers.
url=$(jq -r .certificate "$work/orders.0" | head -n 1)
for acme_connect in "${connects[@]}"; do
  acme_client read "$url" | body >"$work/$acme_connect.pem"
  verify "$work/$acme_connect.pem" || fail "not the certificate"
done
cmp "$work/$first_connect.pem" "$work/$acme_connect.pem" || fail "two certificates"
stop "$first"
stop "$acme"
stop "$daemon"
