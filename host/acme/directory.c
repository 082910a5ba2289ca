#include "acme/directory.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *meta(const struct acme_config *config) {
  json_t *json = json_object(), *profiles = json_object(), *identities = json_array();
  const struct acme_yaml *yaml = config->yaml;
  if (yaml->terms_of_service)
    (void)json_object_set_new(json, "termsOfService", json_string(yaml->terms_of_service));
  if (yaml->website) (void)json_object_set_new(json, "website", json_string(yaml->website));
  for (unsigned i = 0; i < yaml->caa_identities_count; i++)
    (void)json_array_append_new(identities, json_string(yaml->caa_identities[i]));
  if (json_array_size(identities)) (void)json_object_set(json, "caaIdentities", identities);
  json_decref(identities);
  (void)json_object_set_new(json, "externalAccountRequired",
                            json_boolean(config->is_binding_required));
  for (unsigned i = 0; i < config->num_profiles; i++)
    (void)json_object_set_new(profiles, config->profiles[i].name,
                              json_string(config->profiles[i].description));
  (void)json_object_set_new(json, "profiles", profiles);
  return json;
}

mtc_status acme_directory_append(const struct acme_config *config, struct mtc_bytes *out) {
  static const struct {
    const char *name, *path;
  } resources[] = {
      {"newNonce", "new-nonce"},       {"newAccount", "new-account"}, {"newOrder", "new-order"},
      {"newAuthz", "new-authz"},       {"revokeCert", "revoke-cert"}, {"keyChange", "key-change"},
      {"renewalInfo", "renewal-info"},
  };
  json_t *json = json_object();
  for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
    char url[512];
    (void)snprintf(url, sizeof url, "%s/%s", config->url, resources[i].path);
    (void)json_object_set_new(json, resources[i].name, json_string(url));
  }
  (void)json_object_set_new(json, "meta", meta(config));
  char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
  json_decref(json);
  if (!text) return MTC_NOMEM;
  mtc_bytes_append_text(out, text);
  free(text);
  return mtc_bytes_status(out);
}
