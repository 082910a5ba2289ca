/* newOrder and order. Source: RFC 8555, "Applying for Certificate Issuance" */
#include "acme/order.h"

#include <string.h>

#include "acme/account.h"
#include "acme/limits.h"
#include "mtc/runtime.h"

/* A reused authorization leaves at least this much time to finalize. */
#define MIN_LEFT_S 600

json_t *acme_order_json(const struct acme_server *server, const struct acme_order *order,
                        enum acme_state state) {
  json_t *json = json_object(), *urls = json_array();
  (void)json_object_set_new(json, "status", json_string(acme_state_name(state)));
  (void)json_object_set_new(json, "expires", acme_json_time(order->expires_s));
  (void)json_object_set_new(json, "identifiers", json_loads(order->identifiers, 0, NULL));
  (void)json_object_set_new(json, "profile", json_string(order->profile));
  for (size_t i = 0; i < order->num_authorizations; i++)
    (void)json_array_append_new(urls, acme_url(server, "authz", order->authorizations[i], ""));
  (void)json_object_set_new(json, "authorizations", urls);
  (void)json_object_set_new(json, "finalize", acme_url(server, "order", order->id, "/finalize"));
  if (order->replaces && order->replaces[0])
    (void)json_object_set_new(json, "replaces", json_string(order->replaces));
  if (state == ACME_VALID)
    (void)json_object_set_new(json, "certificate",
                              acme_url(server, "order", order->id, "/certificate"));
  if (order->error && order->error[0])
    (void)json_object_set_new(json, "error", json_loads(order->error, 0, NULL));
  return json;
}

mtc_status acme_order_take(struct acme_request *request, struct acme_order *out,
                           struct mtc_error *error) {
  mtc_status status = acme_order_load(request->server->db, request->id, out, error);
  if (status || (out->id && out->account_id == request->account.id)) return status;
  bool is_there = out->id != 0;
  acme_order_free(out);
  (void)is_there; /* others' orders and none look alike */
  return acme_refuse(request, ACME_UNAUTHORIZED, "this is no order of yours");
}

mtc_status acme_order_answer(struct acme_request *request, struct mtc_error *error) {
  struct acme_order order;
  enum acme_state state = ACME_PENDING;
  if (request->jws.json)
    return acme_refuse(request, ACME_MALFORMED, "orders are read by POST-as-GET (empty payload)");
  mtc_status status = acme_order_take(request, &order, error);
  if (!status && order.id)
    status = acme_order_state(request->server->db, &order, acme_now_s(), &state, error);
  if (!status && order.id) {
    request->json = acme_order_json(request->server, &order, state);
    if (state == ACME_PROCESSING) acme_request_header(request, "Retry-After", "2");
  }
  acme_order_free(&order);
  return status;
}

/* What a newOrder asks for. */
struct wish {
  struct acme_identifier identifiers[ACME_MAX_IDENTIFIERS];
  size_t num_identifiers;
  const char *profile;
  const char *replaces; /* NULL: nothing */
  struct acme_issued replaced;
  bool is_renewal; /* of a certificate that has all of the names */
};

static enum acme_problem_type read_identifiers(struct acme_request *request, struct wish *wish) {
  struct acme_problem *problem = &request->problem;
  const json_t *list = json_object_get(request->jws.json, "identifiers");
  size_t num = json_array_size(list);
  if (num < 1 || num > ACME_MAX_IDENTIFIERS)
    return acme_fail(problem, ACME_MALFORMED, "identifiers is no list of 1 to %u",
                     ACME_MAX_IDENTIFIERS);
  for (size_t i = 0; i < num; i++)
    if (acme_identifier_parse(json_array_get(list, i), &wish->identifiers[i], problem))
      return problem->type;
  wish->num_identifiers = acme_identifiers_sort(wish->identifiers, num);
  return ACME_NONE;
}

static enum acme_problem_type read_wish(struct acme_request *request, struct wish *wish) {
  struct acme_problem *problem = &request->problem;
  const struct acme_server *server = request->server;
  const json_t *json = request->jws.json;
  const json_t *profile = json_object_get(json, "profile");
  const json_t *replaces = json_object_get(json, "replaces");
  if (!json) return acme_fail(problem, ACME_MALFORMED, "the payload is empty");
  if (json_object_get(json, "notBefore") || json_object_get(json, "notAfter"))
    return acme_fail(problem, ACME_MALFORMED, "notBefore and notAfter are the profile's to set");
  if ((profile && !json_is_string(profile)) || (replaces && !json_is_string(replaces)))
    return acme_fail(problem, ACME_MALFORMED, "profile or replaces is no text");
  wish->profile = profile ? json_string_value(profile) : server->config->profiles[0].name;
  wish->replaces = replaces ? json_string_value(replaces) : NULL;
  const struct acme_instance *instance = acme_instances_find(server->instances, wish->profile);
  if (!instance)
    return acme_fail(problem, ACME_INVALID_PROFILE, "there is no profile \"%.80s\"", wish->profile);
  if (!instance->is_known) {
    (void)acme_fail(problem, ACME_SERVER_INTERNAL, "profile \"%s\" cannot be issued now",
                    wish->profile);
    problem->http_status = 503;
    problem->retry_after_s = 60;
    return problem->type;
  }
  return read_identifiers(request, wish);
}

/* Whether another order that is not invalid replaces the certificate already. */
static mtc_status is_replaced(sqlite3 *db, const struct acme_issued *issued, bool *out,
                              struct mtc_error *error) {
  struct acme_order order;
  enum acme_state state = ACME_INVALID;
  *out = false;
  if (!issued->replaced_by) return MTC_OK;
  mtc_status status = acme_order_load(db, issued->replaced_by, &order, error);
  if (!status && order.id) status = acme_order_state(db, &order, acme_now_s(), &state, error);
  acme_order_free(&order);
  *out = !status && state != ACME_INVALID;
  return status;
}

/* Source: RFC 9773, "Extensions to the Order Object" */
static mtc_status check_replaces(struct acme_request *request, struct wish *wish,
                                 struct mtc_error *error) {
  sqlite3 *db = request->server->db;
  size_t num_shared = 0;
  bool is_taken = false;
  if (!wish->replaces) return MTC_OK;
  mtc_status status = acme_issued_load(db, wish->replaces, &wish->replaced, error);
  if (status) return status;
  if (!wish->replaced.cert_id[0] || wish->replaced.account_id != request->account.id)
    return acme_refuse(request, ACME_MALFORMED, "replaces: this is no certificate of yours");
  status = acme_order_count_shared(db, wish->replaced.order_id, wish->identifiers,
                                   wish->num_identifiers, &num_shared, error);
  if (!status) status = is_replaced(db, &wish->replaced, &is_taken, error);
  if (status) return status;
  wish->is_renewal = num_shared == wish->num_identifiers;
  if (!num_shared)
    return acme_refuse(request, ACME_MALFORMED,
                       "replaces: the certificate has none of the order's names");
  if (is_taken)
    return acme_refuse(request, ACME_ALREADY_REPLACED,
                       "replaces: another order replaces the certificate");
  return MTC_OK;
}

/* A renewal that the server itself asks for by ARI is not limited, if it has no other names and its
 * validations do not fail: `replaces` is no way around the limits. */
static mtc_status check_limits(struct acme_request *request, const struct wish *wish,
                               struct mtc_error *error) {
  const struct acme_server *server = request->server;
  char account[ACME_ID_TEXT_LEN + 1];
  mtc_status status = MTC_OK;
  acme_format_id(request->account.id, account);
  if (!wish->is_renewal)
    status = acme_limit_check(server, ACME_LIMIT_ORDERS, account, &request->problem, error);
  if (!wish->is_renewal && !status && !request->problem.type)
    status = acme_order_limits_check(server, wish->identifiers, wish->num_identifiers,
                                     &request->problem, error);
  for (size_t i = 0; i < wish->num_identifiers && !status && !request->problem.type; i++) {
    char subject[300];
    (void)snprintf(subject, sizeof subject, "%s/%s", account, wish->identifiers[i].value);
    status = acme_limit_check(server, ACME_LIMIT_FAILURES, subject, &request->problem, error);
  }
  return status;
}

/* For each identifier a valid authorization that is young enough, or a new one (in `made`). */
static mtc_status choose_authorizations(struct acme_request *request, const struct wish *wish,
                                        struct acme_order *order, struct acme_authorization *made,
                                        size_t *num_made, struct mtc_error *error) {
  const struct acme_server *server = request->server;
  int64_t now_s = order->created_s;
  for (size_t i = 0; i < wish->num_identifiers; i++) {
    const struct acme_identifier *identifier = &wish->identifiers[i];
    struct acme_authorization old;
    mtc_status status = acme_authorization_find_valid(server->db, order->account_id, identifier,
                                                      now_s - server->config->reuse_s,
                                                      now_s + MIN_LEFT_S, &old, error);
    if (status) return status;
    if (old.id) {
      order->authorizations[i] = old.id;
      if (old.expires_s < order->expires_s) order->expires_s = old.expires_s;
    } else {
      struct acme_authorization *authorization = &made[(*num_made)++];
      status =
          acme_authorization_make(order->account_id, identifier,
                                  now_s + server->config->order_lifetime_s, authorization, error);
      order->authorizations[i] = authorization->id;
    }
    acme_authorization_free(&old);
    if (status) return status;
    order->num_authorizations = i + 1;
  }
  return acme_limit_check_pending(server, order->account_id, *num_made, &request->problem, error);
}

static mtc_status write_order(struct acme_request *request, struct wish *wish,
                              const struct acme_order *order, const struct acme_authorization *made,
                              size_t num_made, struct mtc_error *error) {
  const struct acme_server *server = request->server;
  char account[ACME_ID_TEXT_LEN + 1];
  mtc_status status = MTC_OK;
  acme_format_id(order->account_id, account);
  for (size_t i = 0; i < num_made && !status; i++)
    status = acme_authorization_insert(server->db, &made[i], error);
  if (!status) status = acme_order_insert(server->db, order, error);
  if (!status && !wish->replaces)
    status = acme_limit_count(server, ACME_LIMIT_ORDERS, account, error);
  if (!status && wish->replaces) {
    wish->replaced.replaced_by = order->id;
    status = acme_issued_update(server->db, &wish->replaced, error);
  }
  return status;
}

static char *identifiers_text(const struct wish *wish) {
  json_t *list = json_array();
  for (size_t i = 0; i < wish->num_identifiers; i++)
    (void)json_array_append_new(list, acme_identifier_json(&wish->identifiers[i]));
  char *text = acme_json_text(list);
  json_decref(list);
  return text;
}

static mtc_status make(struct acme_request *request, struct wish *wish, struct mtc_error *error) {
  const struct acme_server *server = request->server;
  struct acme_order order = {.account_id = request->account.id, .state = ACME_PENDING};
  enum acme_state state = ACME_PENDING;
  size_t num_made = 0;
  struct acme_authorization *made = mtc_alloc(wish->num_identifiers, sizeof *made);
  order.created_s = acme_now_s();
  order.expires_s = order.created_s + server->config->order_lifetime_s;
  order.identifiers = identifiers_text(wish);
  order.profile = mtc_strdup(wish->profile);
  order.replaces = mtc_strdup(wish->replaces ? wish->replaces : "");
  mtc_status status =
      made && order.identifiers && order.profile && order.replaces ? MTC_OK : MTC_NOMEM;
  if (!status) status = acme_draw_id(&order.id, error);
  if (!status) status = choose_authorizations(request, wish, &order, made, &num_made, error);
  if (!status && !request->problem.type) {
    status = write_order(request, wish, &order, made, num_made, error);
    if (!status && !num_made) state = ACME_READY;
    request->json = acme_order_json(server, &order, state);
    request->answer.status = 201;
    acme_request_header(request, "Location", "%s/order/%016llx", server->config->url,
                        (unsigned long long)order.id);
  }
  mtc_free(made);
  acme_order_free(&order);
  return status;
}

mtc_status acme_new_order(struct acme_request *request, struct mtc_error *error) {
  struct wish wish; /* 26 KB, of which a few names are used: not cleared */
  wish.num_identifiers = 0;
  wish.is_renewal = false;
  if (acme_check_terms(request) || read_wish(request, &wish)) return MTC_OK;
  mtc_status status = check_replaces(request, &wish, error);
  if (!status && !request->problem.type) status = check_limits(request, &wish, error);
  if (!status && !request->problem.type) status = make(request, &wish, error);
  return status;
}
