#include "acme/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "acme/jws.h"
#include "mtc/runtime.h"

#define DAY_S 86400
#define MAX_FILE_LEN (1 << 20)
#define MAX_CONNECTIONS 20000u
#define OTHER_FILES 512u

/* What loading works on: the file's text tells lines. */
struct loading {
  const char *path;
  struct mtc_span file;
  struct acme_config *config;
  struct mtc_error *error;
};

/* Says what is wrong with a key, with its line. */
static mtc_status complain(const struct loading *loading, const char *key, const char *what) {
  unsigned line = mtc_yaml_line(loading->file, key);
  return mtc_fail(loading->error, MTC_INPUT, "%s:%u: %s: %s", loading->path, line, key, what);
}

/* A file's name: absolute, or relative to the configuration's folder. */
static char *resolve(const struct loading *loading, const char *name) {
  struct mtc_bytes text = {0};
  const char *slash = strrchr(loading->path, '/');
  if (name[0] != '/' && slash)
    mtc_bytes_append(&text, loading->path, (size_t)(slash + 1 - loading->path));
  mtc_bytes_append_text(&text, name);
  mtc_bytes_append_uint(&text, 0, 1);
  if (!mtc_bytes_status(&text)) return (char *)text.data;
  mtc_bytes_free(&text);
  return NULL;
}

static bool is_address(const char *text) {
  struct in6_addr address;
  return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_loopback(const char *address) {
  return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* "address:port", an IPv6 address in brackets. */
static mtc_status load_listen(const struct loading *loading, const struct acme_yaml *yaml) {
  struct acme_config *config = loading->config;
  const char *text = yaml->listen, *colon = strrchr(text, ':');
  uint64_t port;
  if (!colon || !mtc_parse_decimal(mtc_span_of_text(colon + 1), 65535, &port))
    return complain(loading, "listen", "it is not address:port");
  size_t len = (size_t)(colon - text);
  bool has_brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
  config->address = mtc_strdup(has_brackets ? text + 1 : text);
  if (!config->address) return MTC_NOMEM;
  config->address[has_brackets ? len - 2 : len] = 0;
  if (!is_address(config->address) || has_brackets != !!strchr(config->address, ':'))
    return complain(loading, "listen",
                    "the address is not numeric (an IPv6 address stands in brackets)");
  if (!yaml->tls && !is_loopback(config->address))
    return complain(loading, "listen",
                    "without tls only a loopback address may be listened on (for a proxy)");
  for (unsigned i = 0; i < yaml->proxies_count; i++)
    if (!is_address(yaml->proxies[i]))
      return complain(loading, "proxies", "an entry is not a numeric address");
  config->http.address = config->address;
  config->http.port = (unsigned)port;
  config->http.proxies = (const char *const *)yaml->proxies;
  config->http.num_proxies = yaml->proxies_count;
  return MTC_OK;
}

/* Printable ASCII without what would end a Link header's URL. */
static bool is_url(const char *text) {
  const char *rest = strncmp(text, "https://", 8) == 0  ? text + 8
                     : strncmp(text, "http://", 7) == 0 ? text + 7
                                                        : "";
  for (const char *c = text; *c; c++)
    if (*c <= 0x20 || *c >= 0x7f || strchr("\"<>\\^`{|}", *c)) return false;
  return rest[0] && rest[0] != '/' && strlen(text) < 200;
}

static mtc_status load_urls(const struct loading *loading, struct acme_yaml *yaml) {
  struct acme_config *config = loading->config;
  const struct {
    const char *key, *value;
  } urls[] = {
      {"url", yaml->url},
      {"terms_of_service", yaml->terms_of_service},
      {"website", yaml->website},
      {"explanation_url", yaml->explanation_url},
  };
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
    if (urls[i].value && !is_url(urls[i].value))
      return complain(loading, urls[i].key, "it is not an http or https URL of ASCII characters");
  if (strpbrk(yaml->url, "?#@")) return complain(loading, "url", "it has a query or fragment");
  if (strncmp(yaml->url, "https://", 8) != 0 && !yaml->testing)
    return complain(loading, "url", "ACME is over https (http is allowed with testing: true)");
  size_t len = strlen(yaml->url);
  if (yaml->url[len - 1] == '/') yaml->url[len - 1] = 0;
  config->url = yaml->url;
  const char *path = strchr(strstr(yaml->url, "://") + 3, '/');
  config->path = path ? path : "";
  return MTC_OK;
}

/* As many as the process may have files open, less what the rest of it needs. */
static unsigned default_connections(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < 2 * OTHER_FILES) return OTHER_FILES;
  return files.rlim_cur > MAX_CONNECTIONS + OTHER_FILES ? MAX_CONNECTIONS
                                                        : (unsigned)files.rlim_cur - OTHER_FILES;
}

/* What a public CA wants of a night without anybody there; 0 in the file is none. */
static mtc_status load_limits(const struct loading *loading, const struct acme_yaml *yaml) {
  struct acme_config *config = loading->config;
  struct acme_limits *limits = &config->limits;
  const struct acme_yaml_limits *own = &yaml->limits;
  const struct {
    const char *key;
    const int64_t *value;
    unsigned by_default, *out;
  } keys[] = {
      {"limits.accounts_per_address_hour", own->accounts_per_address_hour, 10,
       &limits->accounts_per_address_hour},
      {"limits.orders_per_account_hour", own->orders_per_account_hour, 100,
       &limits->orders_per_account_hour},
      {"limits.pending_authorizations", own->pending_authorizations, 300,
       &limits->pending_authorizations},
      {"limits.failures_per_name_hour", own->failures_per_name_hour, 5,
       &limits->failures_per_name_hour},
      {"limits.certificates_per_name_week", own->certificates_per_name_week, 50,
       &limits->certificates_per_name_week},
      {"limits.certificates_per_set_week", own->certificates_per_set_week, 5,
       &limits->certificates_per_set_week},
      /* Without TLS nobody but a proxy connects. */
      {"limits.connections_per_address", own->connections_per_address,
       yaml->tls ? (config->http.max_connections + 7) / 8 : 0,
       &config->http.max_connections_per_address},
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    char what[80];
    int64_t value = keys[i].value ? *keys[i].value : (int64_t)keys[i].by_default;
    if (value < 0 || value > INT32_MAX) {
      (void)snprintf(what, sizeof what, "%lld; 0 (none) to %d are allowed", (long long)value,
                     INT32_MAX);
      return complain(loading, keys[i].key, what);
    }
    *keys[i].out = (unsigned)value;
  }
  return MTC_OK;
}

static mtc_status load_numbers(const struct loading *loading, const struct acme_yaml *yaml) {
  struct acme_config *config = loading->config;
  const struct {
    const char *key;
    int64_t value, max;
  } numbers[] = {
      {"threads", yaml->threads, 256},
      {"finalize_wait_ms", yaml->finalize_wait_ms, 25000},
      {"order_lifetime_s", yaml->order_lifetime_s, 30 * DAY_S},
      {"retention_s", yaml->retention_s, 10 * 366 * DAY_S},
      {"validation.timeout_ms", yaml->validation.timeout_ms, 120000},
      {"validation.reuse_s", yaml->validation.reuse_s, 10 * DAY_S},
      {"validation.threads", yaml->validation.threads, 1024},
      {"validation.threads_per_account", yaml->validation.threads_per_account, 1024},
      {"limits.connections", yaml->limits.connections, 1000000},
      {"http_port", yaml->http_port, 65535},
      {"tls_port", yaml->tls_port, 65535},
  };
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    char what[80];
    if (numbers[i].value >= 0 && numbers[i].value <= numbers[i].max) continue;
    (void)snprintf(what, sizeof what, "%lld; 0 to %lld are allowed", (long long)numbers[i].value,
                   (long long)numbers[i].max);
    return complain(loading, numbers[i].key, what);
  }
  config->finalize_wait_ms = yaml->finalize_wait_ms ? (unsigned)yaml->finalize_wait_ms : 2000;
  config->order_lifetime_s = yaml->order_lifetime_s ? yaml->order_lifetime_s : 7 * DAY_S;
  config->retention_s = yaml->retention_s ? yaml->retention_s : 30 * DAY_S;
  config->reuse_s = yaml->validation.reuse_s ? yaml->validation.reuse_s : 8 * 3600;
  config->http.threads = yaml->threads ? (unsigned)yaml->threads : 4;
  config->http.max_connections =
      yaml->limits.connections ? (unsigned)yaml->limits.connections : default_connections();
  config->http.max_body_len = ACME_MAX_JWS_LEN;
  config->http.idle_timeout_s = 120;
  config->http.request_timeout_s = 30;
  return MTC_OK;
}

static mtc_status load_profiles(const struct loading *loading, const struct acme_yaml *yaml) {
  struct acme_config *config = loading->config;
  config->profiles = mtc_alloc(yaml->profiles_count, sizeof *config->profiles);
  if (!config->profiles) return MTC_NOMEM;
  bool has_default = !yaml->default_profile;
  for (unsigned i = 0; i < yaml->profiles_count; i++) {
    const struct acme_yaml_profile *profile = &yaml->profiles[i];
    for (const char *c = profile->name; *c; c++)
      if (*c <= 0x20 || *c >= 0x7f || strlen(profile->name) > 64)
        return complain(loading, "profiles", "a name is over 64 characters or not plain ASCII");
    for (unsigned k = 0; k < i; k++)
      if (strcmp(config->profiles[k].name, profile->name) == 0)
        return complain(loading, "profiles", "a name is there twice");
    if (profile->profile && strlen(profile->profile) > 255)
      return complain(loading, "profiles", "profile is over 255 characters");
    config->profiles[i] = (struct acme_profile){
        .name = profile->name,
        .description = profile->description ? profile->description : profile->name,
        .instance = profile->instance,
        .socket = resolve(loading, profile->socket),
        .profile = profile->profile ? profile->profile : profile->name,
    };
    config->num_profiles++;
    if (!config->profiles[i].socket) return MTC_NOMEM;
    if (!yaml->default_profile || strcmp(yaml->default_profile, profile->name) != 0) continue;
    has_default = true;
    struct acme_profile first = config->profiles[0];
    config->profiles[0] = config->profiles[i];
    config->profiles[i] = first;
  }
  return has_default ? MTC_OK : complain(loading, "default_profile", "no profile has this name");
}

/* A MAC key is a file with base64url, as people hand such keys on; RFC 2104 wants as many bits as
 * the hash has, we at least 128. */
static mtc_status load_binding_key(const struct loading *loading, const char *name,
                                   struct mtc_bytes *out) {
  struct mtc_bytes text = {0};
  char *path = resolve(loading, name);
  mtc_status status = path ? mtc_file_read(path, 4096, &text, loading->error) : MTC_NOMEM;
  mtc_free(path);
  if (status)
    status = mtc_fail_within(loading->error, status, "%s:%u: external_account.keys", loading->path,
                             mtc_yaml_line(loading->file, "external_account.keys"));
  while (text.len && strchr(" \r\n", text.data[text.len - 1]))
    text.len--;
  if (!status && (!acme_append_decoded_base64url(out, mtc_span_of_bytes(&text)) || out->len < 16))
    status = complain(loading, "external_account.keys",
                      "an hmac_key file is not base64url of at least 16 bytes");
  mtc_bytes_wipe(&text);
  return status;
}

static mtc_status load_binding(const struct loading *loading, const struct acme_yaml *yaml) {
  struct acme_config *config = loading->config;
  const struct acme_yaml_external *external = yaml->external_account;
  if (!external) return MTC_OK;
  config->is_binding_required = external->required;
  if (!external->keys_count) return complain(loading, "external_account", "it has no keys");
  config->binding_keys = mtc_alloc(external->keys_count, sizeof *config->binding_keys);
  if (!config->binding_keys) return MTC_NOMEM;
  for (unsigned i = 0; i < external->keys_count; i++) {
    config->binding_keys[i].kid = external->keys[i].kid;
    config->num_binding_keys++;
    mtc_status status =
        load_binding_key(loading, external->keys[i].hmac_key, &config->binding_keys[i].mac_key);
    if (status) return status;
    for (unsigned k = 0; k < i; k++)
      if (strcmp(external->keys[k].kid, external->keys[i].kid) == 0)
        return complain(loading, "external_account.keys", "a kid is there twice");
  }
  return MTC_OK;
}

/* What would make validation worthless on a public CA. */
static mtc_status load_testing(const struct loading *loading, const struct acme_yaml *yaml) {
  const struct {
    const char *key;
    bool is_set;
  } keys[] = {
      {"resolver", yaml->resolver},           {"trust_anchor", yaml->trust_anchor},
      {"http_port", yaml->http_port},         {"tls_port", yaml->tls_port},
      {"allow_private", yaml->allow_private}, {"synchronous", yaml->synchronous},
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys && !yaml->testing; i++)
    if (keys[i].is_set)
      return complain(loading, keys[i].key, "it is for tests and needs testing: true");
  bool is_off = yaml->synchronous && strcmp(yaml->synchronous, "off") == 0;
  if (yaml->synchronous && !is_off && strcmp(yaml->synchronous, "full") != 0)
    return complain(loading, "synchronous", "it is neither full nor off");
  loading->config->is_synchronous = !is_off;
  loading->config->validation = (struct acme_validator_options){
      .threads = (unsigned)yaml->validation.threads,
      .threads_each = (unsigned)yaml->validation.threads_per_account,
      .timeout_ms = (unsigned)yaml->validation.timeout_ms,
      .caa_identities = (const char *const *)yaml->caa_identities,
      .num_caa_identities = yaml->caa_identities_count,
      .resolver = yaml->resolver,
      .trust_anchor =
          yaml->trust_anchor && strcmp(yaml->trust_anchor, "none") == 0 ? "" : yaml->trust_anchor,
      .http_port = (unsigned)yaml->http_port,
      .tls_port = (unsigned)yaml->tls_port,
      .allow_private = yaml->allow_private,
  };
  return MTC_OK;
}

static mtc_status load_files(const struct loading *loading, const struct acme_yaml *yaml) {
  struct acme_config *config = loading->config;
  const char *link = yaml->landmark_link ? yaml->landmark_link : "optional";
  config->database = resolve(loading, yaml->database);
  if (!config->database) return MTC_NOMEM;
  if (yaml->tls) {
    config->http.certificate = config->certificate = resolve(loading, yaml->tls->certificate);
    config->http.key = config->key = resolve(loading, yaml->tls->key);
    if (!config->certificate || !config->key) return MTC_NOMEM;
  }
  config->is_landmark_alternate = strcmp(link, "alternate") == 0;
  if (!config->is_landmark_alternate && strcmp(link, "optional") != 0)
    return complain(loading, "landmark_link", "it is neither optional nor alternate");
  return MTC_OK;
}

static mtc_status check(const struct loading *loading) {
  struct acme_yaml *yaml = loading->config->yaml;
  mtc_status status = load_numbers(loading, yaml);
  if (!status) status = load_limits(loading, yaml);
  if (!status) status = load_listen(loading, yaml);
  if (!status) status = load_urls(loading, yaml);
  if (!status) status = load_files(loading, yaml);
  if (!status) status = load_profiles(loading, yaml);
  if (!status) status = load_binding(loading, yaml);
  if (!status) status = load_testing(loading, yaml);
  return status;
}

mtc_status acme_config_load(const char *path, struct acme_config **out, struct mtc_error *error) {
  struct mtc_bytes file = {0};
  void *yaml = NULL;
  *out = NULL;
  struct acme_config *config = mtc_alloc(1, sizeof *config);
  if (!config) return MTC_NOMEM;
  mtc_status status = mtc_file_read(path, MAX_FILE_LEN, &file, error);
  if (!status)
    status = mtc_yaml_parse(path, mtc_span_of_bytes(&file), &acme_config_schema, &yaml, error);
  config->yaml = yaml;
  if (!status) {
    const struct loading loading = {path, mtc_span_of_bytes(&file), config, error};
    status = check(&loading);
  }
  mtc_bytes_free(&file);
  if (status)
    acme_config_free(config);
  else
    *out = config;
  return status;
}

void acme_config_free(struct acme_config *config) {
  if (!config) return;
  for (unsigned i = 0; i < config->num_profiles; i++)
    mtc_free(config->profiles[i].socket);
  for (unsigned i = 0; i < config->num_binding_keys; i++)
    mtc_bytes_wipe(&config->binding_keys[i].mac_key);
  mtc_free(config->profiles);
  mtc_free(config->binding_keys);
  mtc_free(config->address);
  mtc_free(config->database);
  mtc_free(config->certificate);
  mtc_free(config->key);
  mtc_yaml_free(&acme_config_schema, config->yaml);
  mtc_free(config);
}
