/* The limits of certificates a week: looked at when an order is made, and when it is finalized,
 * where it is counted with those that are being issued. Many orders opened at once are no way
 * around. */
#include <string.h>

#include "acme/limits.h"
#include "acme/order.h"
#include "mtc/runtime.h"

static bool is_limited(const struct acme_server *server) {
  const struct acme_limits *limits = &server->config->limits;
  return limits->certificates_per_name_week || limits->certificates_per_set_week;
}

mtc_status acme_order_limits_check(const struct acme_server *server,
                                   const struct acme_identifier *names, size_t num,
                                   struct acme_problem *problem, struct mtc_error *error) {
  char set[ACME_SET_NAME_LEN + 1];
  if (!is_limited(server)) return MTC_OK;
  mtc_status status = acme_limit_name_set(names, num, set);
  if (!status) status = acme_limit_check(server, ACME_LIMIT_SETS, set, problem, error);
  for (size_t i = 0; i < num && !status && !problem->type; i++)
    status = acme_limit_check(server, ACME_LIMIT_CERTIFICATES, names[i].value, problem, error);
  return status;
}

mtc_status acme_order_count_shared(sqlite3 *db, uint64_t order_id,
                                   const struct acme_identifier *names, size_t num, size_t *out,
                                   struct mtc_error *error) {
  struct acme_identifier old[ACME_MAX_IDENTIFIERS];
  struct acme_order order;
  size_t num_old = 0;
  *out = 0;
  mtc_status status = acme_order_load(db, order_id, &order, error);
  if (!status && order.id) status = acme_order_identifiers(&order, old, &num_old, error);
  for (size_t i = 0; i < num_old; i++)
    for (size_t k = 0; k < num; k++)
      if (strcmp(old[i].value, names[k].value) == 0) ++*out;
  acme_order_free(&order);
  return status;
}

/* As when it was made: it replaces a certificate that has all of its names. */
static mtc_status is_renewal(sqlite3 *db, const struct acme_order *order,
                             const struct acme_identifier *names, size_t num, bool *out,
                             struct mtc_error *error) {
  struct acme_issued replaced;
  size_t num_shared = 0;
  *out = false;
  if (!order->replaces || !order->replaces[0]) return MTC_OK;
  mtc_status status = acme_issued_load(db, order->replaces, &replaced, error);
  if (!status && replaced.cert_id[0])
    status = acme_order_count_shared(db, replaced.order_id, names, num, &num_shared, error);
  *out = !status && num_shared == num;
  return status;
}

static mtc_status count(const struct acme_server *server, const struct acme_identifier *names,
                        size_t num, struct mtc_error *error) {
  char set[ACME_SET_NAME_LEN + 1];
  mtc_status status = acme_limit_name_set(names, num, set);
  if (!status) status = acme_limit_count(server, ACME_LIMIT_SETS, set, error);
  for (size_t i = 0; i < num && !status; i++)
    status = acme_limit_count(server, ACME_LIMIT_CERTIFICATES, names[i].value, error);
  return status;
}

mtc_status acme_order_limits_take(struct acme_request *request, const struct acme_order *order,
                                  const struct acme_identifier *names, size_t num,
                                  struct mtc_error *error) {
  const struct acme_server *server = request->server;
  bool is_free = false;
  if (!is_limited(server)) return MTC_OK;
  mtc_status status = is_renewal(server->db, order, names, num, &is_free, error);
  if (!status && !is_free)
    status = acme_order_limits_check(server, names, num, &request->problem, error);
  if (!status && !request->problem.type) status = count(server, names, num, error);
  return status;
}

mtc_status acme_order_limits_give_back(const struct acme_server *server,
                                       const struct acme_order *order, int64_t claimed_s,
                                       struct mtc_error *error) {
  char set[ACME_SET_NAME_LEN + 1];
  size_t num = 0;
  struct acme_identifier names[ACME_MAX_IDENTIFIERS];
  if (!is_limited(server)) return MTC_OK;
  mtc_status status = acme_order_identifiers(order, names, &num, error);
  if (!status) status = acme_limit_name_set(names, num, set);
  if (!status) status = acme_limit_give_back(server, ACME_LIMIT_SETS, set, claimed_s, error);
  for (size_t i = 0; i < num && !status; i++)
    status =
        acme_limit_give_back(server, ACME_LIMIT_CERTIFICATES, names[i].value, claimed_s, error);
  return status;
}
