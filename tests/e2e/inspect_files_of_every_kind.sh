#!/usr/bin/env bash
# mtc inspect knows what a CA hands out and publishes, in PEM or DER, for people and for programs; a
# broken block is an error, whatever stands before it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
make_ca --prefix-url https://log.example/mtc
start_daemon
make_csr www; make_csr mail
issue "$work/csr/www.csr" "$work/csr/mail.csr" >/dev/null
"$bin/mtc" reserve --count 1 >/dev/null
"$bin/mtc" landmark allocate >/dev/null
"$bin/mtc" certificate get --serial 1:1 --kind landmark --properties --out "$work/lm.pem"
stop "$daemon"
cd "$work"
inspect() { "$bin/mtc" inspect "$@"; }
# has JQ-EXPRESSION OPTION...: true of the objects, as an array
has() { local expression=$1; shift; inspect --json "$@" | jq -s . >found.json; [ "$(jq "$expression" found.json)" = true ] || fail "$expression: $(cat found.json)"; }
leaf=issued/www.pem
openssl x509 -in "$leaf" -outform DER -out leaf.der
index=$(inspect --json "$leaf" | jq .index)
for file in "$leaf" leaf.der; do
  for option in --json --type=certificate --wire-version=plants-07; do
    inspect "$option" "$file" >/dev/null || fail "$option $file"
  done
  has 'length == 1 and .[0].kind == "certificate" and .[0].ca == "32473.1" and .[0].log == 1 and
    .[0].wire_version == "plants-07" and (.[0].not_after > .[0].not_before) and
    (.[0].serial | tonumber) == 281474976710656 + .[0].index and
    .[0].proof.cosignatures[0].cosigner == "32473.1" and .[0].proof.end > .[0].index' "$file"
done
has '.[0] | .kind == "ca_certificate" and .algorithm == "mldsa44" and .prefix_url == "https://log.example/mtc" and
  .min_serial == "281474976710656"' ca/ca_cert.pem
has 'map(.kind) == ["properties", "certificate"] and .[0].trust_anchor_id == "32473.1.1.1.1" and
  .[0].trust_anchor_negotiation and .[1].proof.cosignatures == []' lm.pem
has 'map(.kind) == ["properties"]' --type properties lm.pem
has 'map(.kind) == ["certificate"]' --type certificate lm.pem
fails "no block CERTIFICATE PROPERTIES" inspect --type properties "$leaf"
inspect --type properties lm.pem | grep "trust_anchor_id 32473.1.1.1.1" >/dev/null || fail "properties in words"

# The proof by itself: the signature's bytes.
offset=$(openssl asn1parse -inform DER -in leaf.der | sed -n '$s/^ *\([0-9]*\):.*/\1/p')
openssl asn1parse -inform DER -in leaf.der -strparse "$offset" -noout -out proof 2>/dev/null || true
for option in --json --type=mtcproof; do inspect "$option" proof >/dev/null || fail "a proof: $option"; done
has ".[0] | .kind == \"mtcproof\" and .cosignatures[0].signature_len == 2420 and .start <= $index and .end > $index" proof
inspect proof | grep '^MTCProof (plants-07' >/dev/null || fail "a proof in words"

log=ca/public/1
has '.[0] | .kind == "checkpoint" and .origin == "oid/1.3.6.1.4.1.32473.1.0.1" and .tree_size == 2 and
  (.root | length) == 64 and .signatures[0].name == "oid/1.3.6.1.4.1.32473.1"' "$log/checkpoint"
has '.[0] | .kind == "landmarks" and .landmarks[0].number == 1 and .landmarks[0].tree_size == 2' "$log/landmarks"
has '.[0] | .kind == "bundle" and (.entries | length) == 2 and .entries[1].type == "tbs_cert_entry" and
  (.entries[0].leaf_hash | length) == 64' "$log"/tile/entries/000.p/2
sed -n '/PROPERTIES-----/,/PROPERTIES-----/p' lm.pem | sed '/-----/d' | base64 -d >properties
has '.[0].kind == "properties"' properties

# What is broken.
head -n 5 "$leaf" >cut.pem
fails "cut.pem: block 1 (CERTIFICATE): PEM: the block \"CERTIFICATE\" has no end" inspect cut.pem
sed '3s/^./*/' "$leaf" >bad.pem
fails "not base64" inspect bad.pem
cat lm.pem bad.pem >second.pem
fails "second.pem: block 3 (CERTIFICATE)" inspect second.pem
fails "block 3 (CERTIFICATE)" inspect --type certificate second.pem
inspect --type properties second.pem >/dev/null || fail "properties before a broken certificate"
fails "no block CERTIFICATE or CERTIFICATE PROPERTIES" inspect ca.pub
fails "none of" inspect "$bin/mtc"
