/* Reading and checking client.yaml. */
#include "acme/client_config.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "acme/client_config_schema.h"
#include "mtc/digest.h"
#include "mtc/entry.h"
#include "mtc/runtime.h"

#define MAX_URL_LEN 1023u

bool acme_client_url_is_plain(const char *url) {
  return strncmp(url, "http:", 5) == 0;
}

static bool is_loopback(const char *host) {
  return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
         (strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == 0);
}

mtc_status acme_client_url_check(const char *url, bool allow_loopback, struct mtc_error *error) {
  char *scheme = NULL, *host = NULL, *user = NULL;
  mtc_status status = MTC_OK;
  size_t len = strlen(url);
  for (size_t i = 0; i < len; i++)
    if (url[i] <= ' ' || (unsigned char)url[i] >= 0x7f)
      return mtc_fail(error, MTC_INPUT, "a URL has a byte that is no printable ASCII");
  if (len > MAX_URL_LEN) return mtc_fail(error, MTC_INPUT, "a URL of %zu bytes", len);
  CURLU *parsed = curl_url();
  if (!parsed) return MTC_NOMEM;
  if (curl_url_set(parsed, CURLUPART_URL, url, 0) ||
      curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) ||
      curl_url_get(parsed, CURLUPART_HOST, &host, 0) || !host[0])
    status = mtc_fail(error, MTC_INPUT, "\"%s\" is no URL", url);
  else if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK)
    status = mtc_fail(error, MTC_INPUT, "\"%s\": a URL with a user name", url);
  else if (strcmp(scheme, "https") != 0 &&
           !(allow_loopback && strcmp(scheme, "http") == 0 && is_loopback(host)))
    status = mtc_fail(error, MTC_INPUT, "\"%s\": https is wanted", url);
  curl_free(scheme);
  curl_free(host);
  curl_free(user);
  curl_url_cleanup(parsed);
  return status;
}

/* Replaces a path by one that does not depend on the current folder. */
static mtc_status resolve(const char *config_path, char **path) {
  struct mtc_bytes text = {0};
  const char *slash = strrchr(config_path, '/');
  if (!*path || (*path)[0] == '/' || !slash) return MTC_OK;
  mtc_bytes_append(&text, config_path, (size_t)(slash + 1 - config_path));
  mtc_bytes_append_text(&text, *path);
  mtc_bytes_append_uint(&text, 0, 1);
  mtc_status status = mtc_bytes_status(&text);
  if (status) {
    mtc_bytes_free(&text);
    return status;
  }
  mtc_free(*path);
  *path = (char *)text.data;
  return MTC_OK;
}

/* Programs are looked for in PATH when they have no slash. */
static mtc_status resolve_words(const char *config_path, struct acme_client_words *words) {
  if (words->num == 0 || !strchr(words->items[0], '/')) return MTC_OK;
  return resolve(config_path, &words->items[0]);
}

static mtc_status check_challenge(const struct acme_client_challenge *challenge,
                                  struct mtc_error *error) {
  static const char *const names[] = {"http-01", "dns-01", "tls-alpn-01"};
  const char *name = names[challenge->method];
  bool webroot = challenge->webroot, listen = challenge->listen, hook = challenge->hook.num;
  switch (challenge->method) {
    case ACME_CLIENT_HTTP:
      if (webroot != listen && !hook) return MTC_OK;
      return mtc_fail(error, MTC_INPUT, "challenge: %s needs webroot or listen, one of them", name);
    case ACME_CLIENT_DNS:
      if (hook && !webroot && !listen) return MTC_OK;
      return mtc_fail(error, MTC_INPUT, "challenge: %s needs hook and nothing else", name);
    case ACME_CLIENT_TLS_ALPN:
    default:
      if (listen && !webroot && !hook) return MTC_OK;
      return mtc_fail(error, MTC_INPUT, "challenge: %s needs listen and nothing else", name);
  }
}

static mtc_status parse_identifiers(struct acme_client_certificate *certificate,
                                    struct mtc_error *error) {
  certificate->identifiers = mtc_alloc(certificate->num_names, sizeof *certificate->identifiers);
  if (!certificate->identifiers) return MTC_NOMEM;
  for (unsigned i = 0; i < certificate->num_names; i++) {
    const char *name = certificate->names[i];
    bool is_address = strchr(name, ':') || name[strspn(name, "0123456789.")] == 0;
    struct acme_problem problem = {0};
    json_t *json = json_pack("{s:s, s:s}", "type", is_address ? "ip" : "dns", "value", name);
    enum acme_problem_type type =
        json ? acme_identifier_parse(json, &certificate->identifiers[i], &problem)
             : acme_fail(&problem, ACME_MALFORMED, "it is not UTF-8");
    json_decref(json);
    mtc_status status =
        type ? mtc_fail(error, MTC_INPUT, "identifiers: \"%s\": %s", name, problem.detail) : MTC_OK;
    acme_problem_free(&problem);
    if (status) return status;
    if (acme_identifier_is_wildcard(&certificate->identifiers[i]) &&
        certificate->challenge.method != ACME_CLIENT_DNS)
      return mtc_fail(error, MTC_INPUT, "identifiers: \"%s\": a wildcard needs dns-01", name);
    if (is_address && certificate->challenge.method == ACME_CLIENT_DNS)
      return mtc_fail(error, MTC_INPUT, "identifiers: \"%s\": an address cannot have dns-01", name);
  }
  certificate->num_identifiers =
      acme_identifiers_sort(certificate->identifiers, certificate->num_names);
  return MTC_OK;
}

/* What is asked for, and of whom: another key type, name or CA makes another certificate. */
static mtc_status make_identity(const struct acme_client_config *config,
                                struct acme_client_certificate *certificate) {
  struct mtc_bytes text = {0};
  struct mtc_hash hash;
  mtc_bytes_append_format(&text, "%s\n%s\n%u\n", config->directory,
                          certificate->profile ? certificate->profile : "", certificate->key_type);
  for (size_t i = 0; i < certificate->num_identifiers; i++)
    mtc_bytes_append_format(&text, "%s\n", certificate->identifiers[i].value);
  mtc_status status = mtc_bytes_status(&text);
  mtc_hash_message(mtc_span_of_bytes(&text), &hash);
  mtc_bytes_free(&text);
  for (size_t i = 0; i < sizeof hash.bytes; i++)
    (void)snprintf(certificate->identity + 2 * i, 3, "%02x", hash.bytes[i]);
  return status;
}

static bool is_plain_name(const char *name) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return name[0] != '.' && name[0] != '-' && name[strspn(name, allowed)] == 0;
}

static mtc_status check_certificate(const char *path, const struct acme_client_config *config,
                                    unsigned index, struct mtc_error *error) {
  struct acme_client_certificate *certificate = &config->certificates[index];
  if (!is_plain_name(certificate->name))
    return mtc_fail(error, MTC_INPUT, "certificates[%u]: name: letters, digits, '.', '_', '-'",
                    index);
  if (!certificate->key_type) certificate->key_type = MTC_KEY_P256;
  mtc_status status = resolve(path, &certificate->folder);
  if (!status) status = resolve(path, &certificate->challenge.webroot);
  if (!status) status = resolve_words(path, &certificate->challenge.hook);
  if (!status) status = resolve_words(path, &certificate->deploy_hook);
  for (unsigned i = 0; !status && i < index; i++) {
    const struct acme_client_certificate *other = &config->certificates[i];
    if (strcmp(other->name, certificate->name) == 0 ||
        strcmp(other->folder, certificate->folder) == 0)
      status = mtc_fail(error, MTC_INPUT, "its name or folder is that of certificates[%u], too", i);
  }
  if (!status) status = check_challenge(&certificate->challenge, error);
  if (!status) status = parse_identifiers(certificate, error);
  if (!status) status = make_identity(config, certificate);
  return status ? mtc_fail_within(error, status, "certificate %s", certificate->name) : MTC_OK;
}

static mtc_status check(const char *path, struct acme_client_config *config,
                        struct mtc_error *error) {
  mtc_status status = acme_client_url_check(config->directory, true, error);
  if (status) return mtc_fail_within(error, status, "directory");
  status = resolve(path, &config->ca_file);
  if (!status) status = resolve(path, &config->account.key);
  if (!status && config->account.external)
    status = resolve(path, &config->account.external->key_file);
  for (unsigned i = 0; !status && i < config->num_certificates; i++)
    status = check_certificate(path, config, i, error);
  return status;
}

mtc_status acme_client_config_parse(const char *path, struct mtc_span file,
                                    struct acme_client_config **out, struct mtc_error *error) {
  void *loaded = NULL;
  *out = NULL;
  mtc_status status = mtc_yaml_parse(path, file, &acme_client_config_schema, &loaded, error);
  if (status) return status;
  status = check(path, loaded, error);
  if (status) {
    acme_client_config_free(loaded);
    if (status == MTC_NOMEM) return mtc_fail(error, status, "%s: out of memory", path);
    return mtc_fail_within(error, status, "%s", path);
  }
  *out = loaded;
  return MTC_OK;
}

mtc_status acme_client_config_load(const char *path, struct acme_client_config **out,
                                   struct mtc_error *error) {
  struct mtc_bytes file = {0};
  *out = NULL;
  mtc_status status = mtc_file_read(path, 1 << 20, &file, error);
  if (!status) status = acme_client_config_parse(path, mtc_span_of_bytes(&file), out, error);
  mtc_bytes_free(&file);
  return status;
}

void acme_client_config_free(struct acme_client_config *config) {
  if (!config) return;
  for (unsigned i = 0; i < config->num_certificates; i++)
    mtc_free(config->certificates[i].identifiers);
  mtc_yaml_free(&acme_client_config_schema, config);
}
