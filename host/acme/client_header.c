/* Values of headers, and times. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "acme/client_answer.h"
#include "acme/client_step.h"

/* Takes two or four digits. */
static bool read_digits(const char **text, unsigned num, int64_t min, int64_t max, int64_t *out) {
  *out = 0;
  for (unsigned i = 0; i < num; i++, (*text)++) {
    if (**text < '0' || **text > '9') return false;
    *out = *out * 10 + (**text - '0');
  }
  return *out >= min && *out <= max;
}

static bool skip(const char **text, char wanted) {
  if (**text != wanted) return false;
  (*text)++;
  return true;
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
  int64_t shifted = month > 2 ? month - 3 : month + 9;
  if (month <= 2) year--;
  return 365 * year + year / 4 - year / 100 + year / 400 + (153 * shifted + 2) / 5 + day - 1 -
         719468;
}

static bool read_offset(const char **text, int64_t *out_s) {
  int64_t hours, minutes;
  *out_s = 0;
  if (skip(text, 'Z') || skip(text, 'z')) return true;
  int64_t sign = **text == '-' ? -1 : 1;
  if (!skip(text, '+') && !skip(text, '-')) return false;
  if (!read_digits(text, 2, 0, 23, &hours) || !skip(text, ':') ||
      !read_digits(text, 2, 0, 59, &minutes))
    return false;
  *out_s = sign * (hours * 3600 + minutes * 60);
  return true;
}

bool acme_client_read_time(const char *text, int64_t *out_s) {
  int64_t year, month, day, hour, minute, second, offset_s;
  if (!read_digits(&text, 4, 1970, 9998, &year) || !skip(&text, '-') ||
      !read_digits(&text, 2, 1, 12, &month) || !skip(&text, '-') ||
      !read_digits(&text, 2, 1, 31, &day) || !(skip(&text, 'T') || skip(&text, 't')) ||
      !read_digits(&text, 2, 0, 23, &hour) || !skip(&text, ':') ||
      !read_digits(&text, 2, 0, 59, &minute) || !skip(&text, ':') ||
      !read_digits(&text, 2, 0, 60, &second))
    return false;
  if (skip(&text, '.')) {
    size_t len = strspn(text, "0123456789");
    if (len == 0) return false;
    text += len;
  }
  if (!read_offset(&text, &offset_s) || *text) return false;
  *out_s = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s;
  return *out_s >= 0;
}

int64_t acme_client_retry_after(const char *value, int64_t now_s) {
  uint64_t seconds;
  if (!value) return 0;
  if (value[strspn(value, "0123456789")] == 0) {
    if (!mtc_parse_decimal(mtc_span_of_text(value), INT64_MAX, &seconds)) return 0;
    return seconds < ACME_CLIENT_MAX_WAIT_S ? (int64_t)seconds : ACME_CLIENT_MAX_WAIT_S;
  }
  time_t date = curl_getdate(value, NULL);
  if (date <= now_s) return 0;
  return date - now_s < ACME_CLIENT_MAX_WAIT_S ? date - now_s : ACME_CLIENT_MAX_WAIT_S;
}

/* Whether a list of relations, separated by spaces, has one. */
static bool has_relation(struct mtc_span list, const char *relation) {
  size_t wanted = strlen(relation);
  for (size_t at = 0; at < list.len;) {
    size_t len = 0;
    while (at + len < list.len && list.data[at + len] != ' ')
      len++;
    if (len == wanted && strncasecmp((const char *)list.data + at, relation, len) == 0) return true;
    at += len + 1;
  }
  return false;
}

static const char *skip_space(const char *text) {
  return text + strspn(text, " \t");
}

/* Takes `; name=value` or `; name="value"` off the front. */
static bool read_parameter(const char **text, struct mtc_span *name, struct mtc_span *value) {
  const char *at = skip_space(*text);
  if (*at != ';') return false;
  at = skip_space(at + 1);
  *name = mtc_span_of(at, strcspn(at, " \t=;,\""));
  at = skip_space(at + name->len);
  *value = mtc_span_of(at, 0);
  if (*at == '=') {
    at = skip_space(at + 1);
    bool is_quoted = *at == '"';
    if (is_quoted) at++;
    size_t len = strcspn(at, is_quoted ? "\"" : " \t;,");
    *value = mtc_span_of(at, len);
    at += len;
    if (is_quoted && *at++ != '"') return false;
  }
  *text = at;
  return true;
}

static void resolve(const char *base, struct mtc_span target, bool allow_plain,
                    char out_url[ACME_CLIENT_MAX_URL]) {
  char text[ACME_CLIENT_MAX_URL], *url = NULL;
  struct mtc_error ignored;
  if (target.len >= sizeof text) return;
  memcpy(text, target.data, target.len);
  text[target.len] = 0;
  CURLU *parsed = curl_url();
  if (parsed && curl_url_set(parsed, CURLUPART_URL, base, 0) == CURLUE_OK &&
      curl_url_set(parsed, CURLUPART_URL, text, 0) == CURLUE_OK &&
      curl_url_get(parsed, CURLUPART_URL, &url, 0) == CURLUE_OK &&
      acme_client_url_check(url, allow_plain, &ignored) == MTC_OK)
    (void)snprintf(out_url, ACME_CLIENT_MAX_URL, "%s", url);
  curl_free(url);
  curl_url_cleanup(parsed);
}

/* Takes the next link of a relation off a header's value; false at its end, or at what is no link.
 */
static bool next_link(const char **value, const char *relation, struct mtc_span *out) {
  const char *at = skip_space(*value);
  while (*at == '<') {
    struct mtc_span target = mtc_span_of(at + 1, strcspn(at + 1, ">")), name, parameter;
    bool has_rel = false, is_it = false;
    at += 1 + target.len;
    if (*at++ != '>') break;
    while (read_parameter(&at, &name, &parameter)) {
      /* The first rel of a link counts. */
      if (has_rel || name.len != 3 || strncasecmp((const char *)name.data, "rel", 3) != 0) continue;
      has_rel = true;
      is_it = has_relation(parameter, relation);
    }
    at = skip_space(at);
    bool is_last = *at != ',';
    if (!is_last) at = skip_space(at + 1);
    *value = is_last ? "" : at;
    *out = target;
    if (is_it) return true;
    if (is_last) break;
  }
  return false;
}

void acme_client_read_link(const char *value, const char *relation, const char *base,
                           bool allow_plain, char out_url[ACME_CLIENT_MAX_URL]) {
  struct mtc_span target;
  out_url[0] = 0;
  while (!out_url[0] && next_link(&value, relation, &target))
    resolve(base, target, allow_plain, out_url);
}

void acme_client_read_links(const char *value, const char *relation, const char *base,
                            bool allow_plain, char urls[ACME_CLIENT_MAX_URLS]) {
  struct mtc_span target;
  char url[ACME_CLIENT_MAX_URL];
  while (next_link(&value, relation, &target)) {
    size_t len = strlen(urls);
    url[0] = 0;
    resolve(base, target, allow_plain, url);
    if (url[0] && !strchr(url, ' ') && len + strlen(url) + 2 <= ACME_CLIENT_MAX_URLS)
      (void)snprintf(urls + len, ACME_CLIENT_MAX_URLS - len, "%s%s", len ? " " : "", url);
  }
}
