/* newAccount and account. Source: RFC 8555, "Account Management" */
#include "acme/account.h"

#include <string.h>

#include "acme/limits.h"
#include "http/address.h"
#include "mtc/runtime.h"

#define MAX_CONTACTS 10u
#define MAX_CONTACT_LEN 320u

void acme_account_show(struct acme_request *request, const struct acme_account *account) {
  json_t *json = json_object();
  json_t *contacts = json_loads(account->contacts, 0, NULL);
  (void)json_object_set_new(json, "status", json_string(acme_state_name(account->state)));
  if (json_array_size(contacts)) (void)json_object_set(json, "contact", contacts);
  json_decref(contacts);
  if (account->terms[0]) (void)json_object_set_new(json, "termsOfServiceAgreed", json_true());
  (void)json_object_set_new(json, "createdAt", acme_json_time(account->created_s));
  (void)json_object_set_new(json, "orders",
                            acme_url(request->server, "account", account->id, "/orders"));
  request->json = json;
}

static void add_location(struct acme_request *request, uint64_t id) {
  acme_request_header(request, "Location", "%s/account/%016llx", request->server->config->url,
                      (unsigned long long)id);
}

static const char *terms_of(const struct acme_server *server) {
  const char *terms = server->config->yaml->terms_of_service;
  return terms ? terms : "";
}

bool acme_check_terms(struct acme_request *request) {
  const char *terms = terms_of(request->server);
  if (!terms[0] || strcmp(terms, request->account.terms) == 0) return false;
  (void)acme_refuse(request, ACME_USER_ACTION_REQUIRED,
                    "the terms of service have changed: agree by newAccount with"
                    " termsOfServiceAgreed");
  memcpy(request->problem.link, terms, strlen(terms) + 1); /* the configuration bounds it */
  return true;
}

/* One mailbox and nothing else: no header fields, no list. Source: RFC 8555, "Account Creation" */
static enum acme_problem_type check_contact(const json_t *contact, struct acme_problem *problem) {
  const char *text = json_string_value(contact);
  if (!text || json_string_length(contact) != strlen(text) || strlen(text) > MAX_CONTACT_LEN)
    return acme_fail(problem, ACME_INVALID_CONTACT, "a contact is no text of at most %u characters",
                     MAX_CONTACT_LEN);
  if (strncmp(text, "mailto:", 7) != 0)
    return acme_fail(problem, ACME_UNSUPPORTED_CONTACT, "contact \"%.100s\" is no mailto URL",
                     text);
  const char *at = strchr(text, '@');
  for (const char *c = text; *c; c++)
    if (*c <= 0x20 || *c >= 0x7f || strchr("?,<>\"\\%", *c) || (*c == '@' && c != at)) at = NULL;
  if (!at || at == text + 7 || !at[1] || at[1] == '.' || !strchr(at, '.') ||
      at[strlen(at) - 1] == '.')
    return acme_fail(problem, ACME_INVALID_CONTACT, "contact \"%.100s\" is not one mail address",
                     text);
  return ACME_NONE;
}

static enum acme_problem_type check_contacts(struct acme_request *request, const json_t *contacts) {
  struct acme_problem *problem = &request->problem;
  if (contacts && !json_is_array(contacts))
    return acme_fail(problem, ACME_MALFORMED, "contact is no list");
  if (json_array_size(contacts) > MAX_CONTACTS)
    return acme_fail(problem, ACME_INVALID_CONTACT, "more than %u contacts", MAX_CONTACTS);
  if (json_array_size(contacts) == 0 && request->server->config->yaml->contact_required)
    return acme_fail(problem, ACME_INVALID_CONTACT, "a contact is needed");
  for (size_t i = 0; i < json_array_size(contacts); i++)
    if (check_contact(json_array_get(contacts, i), problem)) return problem->type;
  return ACME_NONE;
}

/* false when a member is there and no boolean. */
static bool read_flag(struct acme_request *request, const char *name, bool *out) {
  const json_t *value = json_object_get(request->jws.json, name);
  *out = json_is_true(value);
  if (!value || json_is_boolean(value)) return true;
  (void)acme_refuse(request, ACME_MALFORMED, "%s is neither true nor false", name);
  return false;
}

static mtc_status answer_existing(struct acme_request *request, struct acme_account *account,
                                  bool has_agreed, struct mtc_error *error) {
  const char *terms = terms_of(request->server);
  if (account->state != ACME_VALID)
    return acme_refuse(request, ACME_UNAUTHORIZED, "the account is %s",
                       acme_state_name(account->state));
  if (has_agreed && strcmp(account->terms, terms) != 0) {
    char *copy = mtc_strdup(terms);
    if (!copy) return MTC_NOMEM;
    mtc_free(account->terms);
    account->terms = copy;
    mtc_status status = acme_account_update(request->server->db, account, error);
    if (status) return status;
  }
  acme_account_show(request, account);
  add_location(request, account->id);
  return MTC_OK;
}

/* Whom an address belongs to: a customer of IPv6 has 2^64 of them. */
static void name_network(const char *address, char out[HTTP_MAX_ADDRESS]) {
  struct http_address parsed;
  (void)snprintf(out, HTTP_MAX_ADDRESS, "%s", address);
  if (http_address_parse(mtc_span_of_text(address), &parsed))
    http_address_text(http_address_network(parsed), out);
}

static mtc_status make(struct acme_request *request, const json_t *contacts, bool has_agreed,
                       struct mtc_error *error) {
  struct acme_account *account = &request->account;
  struct acme_server *server = request->server;
  const char *kid, *address = http_request_address(request->http), *terms = terms_of(server);
  char network[HTTP_MAX_ADDRESS];
  if (acme_check_binding(request, &kid) || check_contacts(request, contacts)) return MTC_OK;
  if (terms[0] && !has_agreed) {
    (void)acme_refuse(request, ACME_USER_ACTION_REQUIRED,
                      "the terms of service have to be agreed to: termsOfServiceAgreed");
    memcpy(request->problem.link, terms, strlen(terms) + 1);
    return MTC_OK;
  }
  name_network(address, network);
  mtc_status status = acme_check_account_key(request, &request->key, error);
  if (status || request->problem.type) return status;
  status = acme_limit_check(server, ACME_LIMIT_ACCOUNTS, network, &request->problem, error);
  if (status || request->problem.type) return status;
  memcpy(account->thumbprint, request->key.thumbprint, sizeof account->thumbprint);
  account->jwk = mtc_strdup(request->key.jwk);
  account->state = ACME_VALID;
  account->contacts = contacts ? acme_json_text(contacts) : mtc_strdup("[]");
  account->terms = mtc_strdup(terms);
  account->binding_kid = mtc_strdup(kid);
  account->created_s = acme_now_s();
  if (!account->jwk || !account->contacts || !account->terms || !account->binding_kid)
    return MTC_NOMEM;
  status = acme_draw_id(&account->id, error);
  if (!status) status = acme_limit_count(server, ACME_LIMIT_ACCOUNTS, network, error);
  if (!status) status = acme_account_insert(server->db, account, error);
  if (status) return status;
  mtc_log(MTC_LOG_INFO, "account", "id=%016llx address=%s binding=%s",
          (unsigned long long)account->id, address, kid);
  acme_account_show(request, account);
  add_location(request, account->id);
  request->answer.status = 201;
  return MTC_OK;
}

mtc_status acme_new_account(struct acme_request *request, struct mtc_error *error) {
  struct acme_account existing;
  bool only_existing, has_agreed;
  if (!request->jws.json) return acme_refuse(request, ACME_MALFORMED, "the payload is empty");
  if (!read_flag(request, "onlyReturnExisting", &only_existing) ||
      !read_flag(request, "termsOfServiceAgreed", &has_agreed))
    return MTC_OK;
  mtc_status status =
      acme_account_find(request->server->db, request->key.thumbprint, &existing, error);
  if (status) return status;
  if (existing.id)
    status = answer_existing(request, &existing, has_agreed, error);
  else if (only_existing)
    status = acme_refuse(request, ACME_ACCOUNT_DOES_NOT_EXIST, "no account has this key");
  else
    status = make(request, json_object_get(request->jws.json, "contact"), has_agreed, error);
  acme_account_free(&existing);
  return status;
}

/* What is unknown or not the client's to change is ignored, as the RFC wants it. */
static mtc_status update(struct acme_request *request, struct mtc_error *error) {
  struct acme_account *account = &request->account;
  const json_t *contacts = json_object_get(request->jws.json, "contact");
  const char *state = json_string_value(json_object_get(request->jws.json, "status"));
  if (state && strcmp(state, "deactivated") != 0 && strcmp(state, "valid") != 0)
    return acme_refuse(request, ACME_MALFORMED, "status can only be set to deactivated");
  if (contacts && check_contacts(request, contacts)) return MTC_OK;
  if (contacts) {
    char *text = acme_json_text(contacts);
    if (!text) return MTC_NOMEM;
    mtc_free(account->contacts);
    account->contacts = text;
  }
  bool is_end = state && strcmp(state, "deactivated") == 0;
  if (is_end) {
    account->state = ACME_DEACTIVATED;
    acme_key_cache_drop(request->server->keys, account->id);
    mtc_log(MTC_LOG_INFO, "account", "id=%016llx deactivated=yes", (unsigned long long)account->id);
  }
  return contacts || is_end ? acme_account_update(request->server->db, account, error) : MTC_OK;
}

mtc_status acme_account_answer(struct acme_request *request, struct mtc_error *error) {
  if (request->id != request->account.id)
    return acme_refuse(request, ACME_UNAUTHORIZED, "this is not your account");
  mtc_status status = request->jws.json ? update(request, error) : MTC_OK;
  if (!status && !request->problem.type) acme_account_show(request, &request->account);
  return status;
}
