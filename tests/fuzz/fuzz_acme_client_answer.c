/* What an ACME server answers: the first byte says what it is read as. What is taken over are URLs
 * that were checked, tokens that are file names, times in order, chains that are written as read.
 */
#include "acme/client_answer.h"
#include "acme/client_certificate.h"
#include "fuzz/fuzz.h"
#include "mtc/runtime.h"

static void check_url(const char *url) {
  struct mtc_error error = {0};
  assert(!url[0] || acme_client_url_check(url, false, &error) == MTC_OK);
}

static void check_order(struct mtc_span body) {
  struct acme_client_order order;
  struct mtc_error error = {0};
  if (acme_client_read_order(body, false, &order, &error)) return;
  check_url(order.finalize);
  check_url(order.certificate);
  for (size_t i = 0; i < order.num_authorizations; i++)
    check_url(order.authorizations[i]);
  acme_client_order_free(&order);
}

static void check_authorization(struct mtc_span body, unsigned method) {
  struct acme_client_authorization authorization;
  struct mtc_error error = {0};
  if (acme_client_read_authorization(body, false, (enum acme_client_method)method, &authorization,
                                     &error))
    return;
  check_url(authorization.url);
  assert(!authorization.has_challenge || (authorization.url[0] && authorization.token[0]));
  assert(!strpbrk(authorization.token, "./\\ \n"));
}

static void check_chain(struct mtc_span body) {
  struct acme_client_chain chain, again;
  struct mtc_error error = {0};
  struct mtc_bytes one = {0}, other = {0};
  if (acme_client_read_chain(body, &chain, &error)) return;
  acme_client_append_chain(&chain, true, &one);
  assert(acme_client_read_chain(mtc_span_of_bytes(&one), &again, &error) == MTC_OK);
  acme_client_append_chain(&again, true, &other);
  assert(mtc_span_equal(mtc_span_of_bytes(&one), mtc_span_of_bytes(&other)));
  acme_client_chain_free(&chain);
  acme_client_chain_free(&again);
  mtc_bytes_free(&one);
  mtc_bytes_free(&other);
}

static void check_header(struct mtc_span body) {
  char url[ACME_CLIENT_MAX_URL], urls[ACME_CLIENT_MAX_URLS] = "";
  int64_t time_s;
  char *text = text_of(body.data, body.len);
  acme_client_read_link(text, "acme-optional-alternate", "https://ca.test/cert/1", false, url);
  check_url(url);
  acme_client_read_links(text, "alternate", "https://ca.test/cert/1", false, urls);
  for (size_t len, at = 0; urls[at]; at += len) {
    at += urls[at] == ' ';
    len = strcspn(urls + at, " ");
    assert(len > 0 && len < sizeof url);
    (void)snprintf(url, sizeof url, "%.*s", (int)len, urls + at);
    check_url(url);
  }
  time_s = acme_client_retry_after(text, 1000);
  assert(time_s >= 0 && time_s <= 86400);
  if (acme_client_read_time(text, &time_s)) assert(time_s >= 0);
  mtc_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct acme_client_directory directory;
  struct acme_client_problem problem;
  struct mtc_error error = {0};
  int64_t start_s, end_s;
  if (len == 0) return 0;
  struct mtc_span body = mtc_span_of(data + 1, len - 1);
  switch (data[0]) {
    case 'd':
      if (!acme_client_read_directory(body, false, &directory, &error))
        check_url(directory.renewal_info);
      break;
    case 'o':
      check_order(body);
      break;
    case '0':
    case '1':
    case '2':
      check_authorization(body, data[0] - (unsigned)'0');
      break;
    case 'w':
      if (!acme_client_read_window(body, &start_s, &end_s, &error))
        assert(start_s >= 0 && start_s < end_s);
      break;
    case 'p':
      acme_client_read_problem(body, 400, &problem);
      assert(problem.text[0]);
      break;
    case 'c':
      check_chain(body);
      break;
    default:
      check_header(body);
  }
  return 0;
}
