/* client.yaml: what a subscriber's machine keeps certificates for, and how it proves control. */
#ifndef ACME_CLIENT_CONFIG_H
#define ACME_CLIENT_CONFIG_H

#include <openssl/evp.h>

#include "acme/identifier.h"

enum acme_client_method { ACME_CLIENT_HTTP, ACME_CLIENT_DNS, ACME_CLIENT_TLS_ALPN };

/* A program and its arguments: no shell. */
struct acme_client_words {
  char **items;
  unsigned num;
};

struct acme_client_challenge {
  enum acme_client_method method;
  char *webroot;                 /* http-01: folder, or NULL */
  char *listen;                  /* http-01, tls-alpn-01: "address:port", or NULL */
  struct acme_client_words hook; /* dns-01 */
};

struct acme_client_certificate {
  char *name;
  char **names; /* identifiers as written */
  unsigned num_names;
  char *profile; /* or NULL */
  char *folder;
  unsigned key_type; /* one of mtc_key_type_bits */
  bool reuse_key;
  struct acme_client_challenge challenge;
  struct acme_client_words deploy_hook;
  /* made from the above */
  struct acme_identifier *identifiers; /* sorted, without duplicates */
  size_t num_identifiers;
  char identity[65]; /* SHA-256 of what an order asks for: a change means a new order */
};

struct acme_client_external {
  char *kid;
  char *key_file; /* base64url MAC key */
};

struct acme_client_account {
  char *key;
  char **contacts;
  unsigned num_contacts;
  bool terms_agreed;
  struct acme_client_external *external; /* or NULL */
};

/* Paths are absolute, or as resolved against the configuration's folder. */
struct acme_client_config {
  char *directory;
  char *ca_file; /* or NULL: the system's */
  struct acme_client_account account;
  struct acme_client_certificate *certificates;
  unsigned num_certificates;
};

/*
 * acme_client_config_load reads and checks a configuration; unknown keys are errors.
 *
 * Errors:   INPUT ("file:line: what" or "file: what"), IO, NOMEM.
 */
mtc_status acme_client_config_load(const char *path, struct acme_client_config **out,
                                   struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_config_parse does so with a file's content; `path` names it and the folder that
 * relative paths begin at.
 */
mtc_status acme_client_config_parse(const char *path, struct mtc_span file,
                                    struct acme_client_config **out,
                                    struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_config_free releases a configuration; NULL is ignored.
 */
void acme_client_config_free(struct acme_client_config *config);

/*
 * acme_client_url_check tells whether a URL may be used: https, or http to a loopback address (for
 * tests and a proxy on the machine) where `allow_loopback`; printable, at most 1023 bytes.
 *
 * Errors:   INPUT.
 */
mtc_status acme_client_url_check(const char *url, bool allow_loopback,
                                 struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_client_url_is_plain tells whether a URL that was checked is http.
 */
bool acme_client_url_is_plain(const char *url);

#endif
