/* state.json: one table of members, read and written. */
#include "acme/client_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mtc/runtime.h"

#define MAX_TIME_S INT64_C(253402300799) /* the end of the year 9999 */
#define MAX_GENERATION 999999999
#define MAX_TRIES 1000000
#define MAX_PROOFS ACME_MAX_IDENTIFIERS
#define VERSION 1

enum kind { TEXT, TIME, GENERATION, COUNT, TRUTH };

struct member {
  const char *name;
  enum kind kind;
  size_t offset;
  size_t size; /* of a text's array */
};

#define AT(member) offsetof(struct acme_client_state, member)
#define TEXT_AT(name, member) \
  {name, TEXT, AT(member), sizeof((struct acme_client_state *)NULL)->member}

static const struct member members[] = {
    {"last_generation", GENERATION, AT(last_generation), 0},
    {"order_generation", GENERATION, AT(order.generation), 0},
    TEXT_AT("order_identity", order.identity),
    TEXT_AT("order_url", order.url),
    {"order_without_replaces", TRUTH, AT(order.without_replaces), 0},
    {"generation", GENERATION, AT(current.number), 0},
    {"not_before", TIME, AT(not_before_s), 0},
    {"not_after", TIME, AT(current.not_after_s), 0},
    TEXT_AT("identity", identity),
    TEXT_AT("cert_id", cert_id),
    {"deployed", TRUTH, AT(is_deployed), 0},
    {"hook_due", TRUTH, AT(hook_due), 0},
    {"hook_landmark_due", TRUTH, AT(hook_landmark_due), 0},
    TEXT_AT("landmark_url", landmark_url),
    TEXT_AT("alternates", alternates),
    {"landmark_is_alternate", TRUTH, AT(is_alternate), 0},
    {"landmark_at", TIME, AT(landmark_at_s), 0},
    {"landmark_tries", COUNT, AT(landmark_tries), 0},
    {"has_landmark", TRUTH, AT(has_landmark), 0},
    {"window_start", TIME, AT(window_start_s), 0},
    {"window_end", TIME, AT(window_end_s), 0},
    {"renew_at", TIME, AT(renew_at_s), 0},
    {"ask_at", TIME, AT(ask_at_s), 0},
    {"failures", COUNT, AT(failures), 0},
    {"retry_at", TIME, AT(retry_at_s), 0},
    TEXT_AT("problem", problem),
};
#define NUM_MEMBERS (sizeof members / sizeof *members)

static bool read_number(const json_t *value, int64_t max, int64_t *out) {
  *out = json_integer_value(value);
  return json_is_integer(value) && *out >= 0 && *out <= max;
}

static bool read_text(const json_t *value, char *out, size_t size) {
  const char *text = json_string_value(value);
  if (!text || json_string_length(value) >= size || strlen(text) != json_string_length(value))
    return false;
  memcpy(out, text, strlen(text) + 1);
  return true;
}

static bool read_member(const struct member *member, const json_t *value, char *state) {
  int64_t number;
  void *at = state + member->offset;
  switch (member->kind) {
    case TEXT:
      return read_text(value, at, member->size);
    case TIME:
      if (!read_number(value, MAX_TIME_S, &number)) return false;
      memcpy(at, &number, sizeof number);
      return true;
    case GENERATION:
      if (!read_number(value, MAX_GENERATION, &number)) return false;
      memcpy(at, &(uint64_t){(uint64_t)number}, sizeof(uint64_t));
      return true;
    case COUNT:
      if (!read_number(value, MAX_TRIES, &number)) return false;
      memcpy(at, &(unsigned){(unsigned)number}, sizeof(unsigned));
      return true;
    case TRUTH:
    default:
      memcpy(at, &(bool){json_is_true(value)}, sizeof(bool));
      return json_is_boolean(value);
  }
}

static mtc_status read_old(const json_t *list, struct acme_client_state *out,
                           struct mtc_error *error) {
  if (!json_is_array(list) || json_array_size(list) > ACME_CLIENT_MAX_OLD)
    return mtc_fail(error, MTC_CORRUPT, "old: no list of at most %u", ACME_CLIENT_MAX_OLD);
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *item = json_array_get(list, i);
    int64_t number;
    if (json_object_size(item) != 2 ||
        !read_number(json_object_get(item, "generation"), MAX_GENERATION, &number) ||
        !read_number(json_object_get(item, "not_after"), MAX_TIME_S, &out->old[i].not_after_s))
      return mtc_fail(error, MTC_CORRUPT, "old[%zu]: generation and not_after are wanted", i);
    out->old[i].number = (uint64_t)number;
  }
  out->num_old = json_array_size(list);
  return MTC_OK;
}

static mtc_status read_proofs(const json_t *list, struct acme_client_state *out,
                              struct mtc_error *error) {
  size_t num = json_array_size(list);
  if (!json_is_array(list) || num > MAX_PROOFS)
    return mtc_fail(error, MTC_CORRUPT, "proofs: no list of at most %u", MAX_PROOFS);
  if (num == 0) return MTC_OK;
  out->proofs = mtc_alloc(num, sizeof *out->proofs);
  if (!out->proofs) return MTC_NOMEM;
  for (size_t i = 0; i < num; i++) {
    const json_t *item = json_array_get(list, i);
    struct acme_client_proof *proof = &out->proofs[i];
    if (json_object_size(item) != 2 ||
        !read_text(json_object_get(item, "name"), proof->name, sizeof proof->name) ||
        !read_text(json_object_get(item, "value"), proof->value, sizeof proof->value) ||
        strstr(proof->name, "..") || strchr(proof->name, '/'))
      return mtc_fail(error, MTC_CORRUPT, "proofs[%zu]: name and value are wanted", i);
  }
  out->num_proofs = num;
  return MTC_OK;
}

static mtc_status read_one(const char *name, const json_t *value, struct acme_client_state *out,
                           struct mtc_error *error) {
  if (strcmp(name, "old") == 0) return read_old(value, out, error);
  if (strcmp(name, "proofs") == 0) return read_proofs(value, out, error);
  if (strcmp(name, "version") == 0)
    return json_is_integer(value) && json_integer_value(value) == VERSION
               ? MTC_OK
               : mtc_fail(error, MTC_CORRUPT, "version: not %d", VERSION);
  for (size_t i = 0; i < NUM_MEMBERS; i++) {
    if (strcmp(name, members[i].name) != 0) continue;
    if (read_member(&members[i], value, (char *)out)) return MTC_OK;
    return mtc_fail(error, MTC_CORRUPT, "%s: not of its kind, or out of its bounds", name);
  }
  return mtc_fail(error, MTC_CORRUPT, "\"%.64s\" is no member of a state", name);
}

/* What contradicts itself would make the client write where nothing of it is. */
static mtc_status check(const struct acme_client_state *state, struct mtc_error *error) {
  uint64_t last = state->last_generation;
  bool fits = state->current.number <= last && state->order.generation <= last &&
              (!state->current.number || state->order.generation != state->current.number) &&
              (!state->order.url[0] || state->order.generation);
  for (size_t i = 0; i < state->num_old; i++)
    fits = fits && state->old[i].number && state->old[i].number <= last &&
           state->old[i].number != state->current.number &&
           state->old[i].number != state->order.generation;
  if (!fits) return mtc_fail(error, MTC_CORRUPT, "its generations contradict each other");
  if (state->current.number && state->not_before_s >= state->current.not_after_s)
    return mtc_fail(error, MTC_CORRUPT, "not_before is not before not_after");
  if (!state->current.number && (state->not_before_s || state->current.not_after_s))
    return mtc_fail(error, MTC_CORRUPT, "times of a certificate that there is not");
  return MTC_OK;
}

mtc_status acme_client_state_parse(struct mtc_span text, struct acme_client_state *out,
                                   struct mtc_error *error) {
  json_error_t problem;
  const char *name;
  json_t *value;
  mtc_status status = MTC_OK;
  *out = (struct acme_client_state){0};
  if (text.len > ACME_CLIENT_MAX_STATE_LEN) return mtc_fail(error, MTC_CORRUPT, "it is too long");
  json_t *json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &problem);
  if (!json)
    return mtc_fail(error, MTC_CORRUPT, "line %d: no JSON: %s", problem.line, problem.text);
  if (!json_is_object(json) || !json_object_get(json, "version"))
    status = mtc_fail(error, MTC_CORRUPT, "no JSON object with a version");
  void *next = json_object_iter(json);
  for (; !status && next; next = json_object_iter_next(json, next)) {
    name = json_object_iter_key(next);
    value = json_object_iter_value(next);
    status = read_one(name, value, out, error);
  }
  json_decref(json);
  if (!status) status = check(out, error);
  if (status) acme_client_state_free(out);
  return status;
}

static json_t *make_member(const struct member *member, const char *state) {
  const void *at = state + member->offset;
  int64_t number;
  switch (member->kind) {
    case TEXT:
      return json_string(at);
    case TIME:
    case GENERATION:
      memcpy(&number, at, sizeof number);
      return json_integer(number);
    case COUNT:
      return json_integer(*(const unsigned *)at);
    case TRUTH:
    default:
      return json_boolean(*(const bool *)at);
  }
}

static json_t *make_json(const struct acme_client_state *state) {
  json_t *json = json_object(), *old = json_array(), *proofs = json_array();
  int failed = json_object_set_new(json, "version", json_integer(VERSION));
  for (size_t i = 0; i < NUM_MEMBERS; i++)
    failed |=
        json_object_set_new(json, members[i].name, make_member(&members[i], (const char *)state));
  for (size_t i = 0; i < state->num_old; i++)
    failed |= json_array_append_new(
        old, json_pack("{s:I, s:I}", "generation", (json_int_t)state->old[i].number, "not_after",
                       (json_int_t)state->old[i].not_after_s));
  for (size_t i = 0; i < state->num_proofs; i++)
    failed |= json_array_append_new(proofs, json_pack("{s:s, s:s}", "name", state->proofs[i].name,
                                                      "value", state->proofs[i].value));
  failed |= json_object_set_new(json, "old", old);
  failed |= json_object_set_new(json, "proofs", proofs);
  if (!failed) return json;
  json_decref(json);
  return NULL;
}

mtc_status acme_client_state_append(const struct acme_client_state *state, struct mtc_bytes *out) {
  json_t *json = make_json(state);
  char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
  json_decref(json);
  if (!text) return MTC_NOMEM;
  mtc_bytes_append_format(out, "%s\n", text);
  free(text);
  return mtc_bytes_status(out);
}

mtc_status acme_client_state_load(const char *folder, struct acme_client_state *out,
                                  struct mtc_error *error) {
  char path[4096];
  struct stat info;
  struct mtc_bytes file = {0};
  *out = (struct acme_client_state){0};
  (void)snprintf(path, sizeof path, "%s/state.json", folder);
  if (stat(path, &info) != 0 && errno == ENOENT) return MTC_OK;
  mtc_status status = mtc_file_read(path, ACME_CLIENT_MAX_STATE_LEN, &file, error);
  if (!status) {
    status = acme_client_state_parse(mtc_span_of_bytes(&file), out, error);
    if (status) status = mtc_fail_within(error, status, "%s", path);
  }
  mtc_bytes_free(&file);
  return status;
}

mtc_status acme_client_state_save(const char *folder, const struct acme_client_state *state,
                                  struct mtc_error *error) {
  char path[4096];
  struct mtc_bytes text = {0};
  (void)snprintf(path, sizeof path, "%s/state.json", folder);
  mtc_status status = acme_client_state_append(state, &text);
  if (status) (void)mtc_fail(error, status, "out of memory");
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&text), 0600, error);
  mtc_bytes_free(&text);
  return status;
}

void acme_client_state_free(struct acme_client_state *state) {
  mtc_free(state->proofs);
  *state = (struct acme_client_state){0};
}
