/* Paths of the server. */
#include <stdio.h>
#include <string.h>

#include "acme/core.h"

static const struct acme_route routes[] = {
    {"/directory", ACME_AUTH_NONE, NULL},
    {"/new-nonce", ACME_AUTH_NONE, NULL},
    {"/new-account", ACME_AUTH_JWK, acme_new_account},
    {"/account/#", ACME_AUTH_KID, acme_account_answer},
    {"/account/#/orders", ACME_AUTH_KID, acme_account_orders},
    {"/key-change", ACME_AUTH_KID, acme_key_change},
    {"/new-order", ACME_AUTH_KID, acme_new_order},
    {"/order/#", ACME_AUTH_KID, acme_order_answer},
    {"/order/#/finalize", ACME_AUTH_KID, acme_finalize},
    {"/order/#/certificate", ACME_AUTH_KID, acme_certificate_answer},
    {"/order/#/landmark", ACME_AUTH_KID, acme_landmark_answer},
    {"/landmark/*", ACME_AUTH_OPTIONAL, acme_landmark_public},
    {"/new-authz", ACME_AUTH_KID, acme_new_authorization},
    {"/authz/#", ACME_AUTH_KID, acme_authorization_answer},
    {"/challenge/#/*", ACME_AUTH_KID, acme_challenge_answer},
    {"/revoke-cert", ACME_AUTH_EITHER, acme_revoke},
    {"/renewal-info/*", ACME_AUTH_NONE, acme_renewal_info},
};

/* Matches and fills the request as it goes: what does not match in the end is overwritten. */
static bool match(const char *pattern, const char *path, struct acme_request *request) {
  for (; *pattern; pattern++) {
    if (*pattern == '#') {
      size_t len = strcspn(path, "/");
      if (!acme_parse_id(path, len, &request->id)) return false;
      path += len;
    } else if (*pattern == '*') {
      size_t len = strcspn(path, "/");
      if (len == 0 || len >= sizeof request->text) return false;
      (void)snprintf(request->text, sizeof request->text, "%.*s", (int)len, path);
      path += len;
    } else if (*pattern != *path++) {
      return false;
    }
  }
  return *path == 0;
}

const struct acme_route *acme_route_find(const char *path, struct acme_request *request) {
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
    if (match(routes[i].pattern, path, request)) return &routes[i];
  return NULL;
}
