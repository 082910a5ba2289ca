/* mtc_log_check: everything the log promises, computed a second time from its entries. */
#include "engine/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "mtc/runtime.h"

/* A log with more is lost, or its sizes are invented: counting further would take for ever. */
#define MAX_PROBLEMS 1000

void check_problem(struct check *check, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  mtc_log(MTC_LOG_ERROR, "log_problem", "log=%llu what=\"%s\"",
          (unsigned long long)check->options->log_number, text);
  struct mtc_log_report *report = check->report;
  if (report->num_problems++ == 0)
    (void)snprintf(report->first_problem, sizeof report->first_problem, "%s", text);
}

mtc_status check_finding(struct check *check, mtc_status status, const struct mtc_error *error,
                         const char *format, ...) {
  char what[256];
  va_list arguments;
  if (!status) return MTC_OK;
  va_start(arguments, format);
  (void)vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  if (status == MTC_NOMEM || status == MTC_IO)
    return mtc_fail(check->error, status, "%s: %s", what, error->text);
  check_problem(check, "%s: %s", what, error->text[0] ? error->text : mtc_status_name(status));
  return MTC_OK;
}

bool check_is_hopeless(const struct check *check) {
  return check->report->num_problems >= MAX_PROBLEMS;
}

static mtc_status check_database(struct check *check) {
  struct mtc_bytes problems = {0};
  struct mtc_error error = {""};
  struct mtc_span line;
  mtc_status status = check_finding(check, mtc_store_check_file(check->store, &problems, &error),
                                    &error, "database file");
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&problems));
  while (mtc_read_line(&reader, &line))
    check_problem(check, "database file: %.*s", (int)line.len, (const char *)line.data);
  mtc_bytes_free(&problems);
  return status;
}

/* A staged batch will be signed as it is by whoever opens the log next. */
static mtc_status check_pending(struct check *check) {
  const struct mtc_head *pending = &check->state.pending;
  struct mtc_tile_source tiles = mtc_store_tile_source(check->store, pending->tree_size);
  const struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
  struct mtc_hash root;
  struct mtc_error error = {""};
  mtc_status status = mtc_tree_hash(&nodes, (struct mtc_subtree){0, pending->tree_size}, &root);
  if (status)
    return check_finding(check, status, &error, "tiles of the pending tree size %llu",
                         (unsigned long long)pending->tree_size);
  if (!mtc_hash_equal(&root, &pending->root))
    check_problem(check, "the staged tiles do not give the root of the pending tree size %llu",
                  (unsigned long long)pending->tree_size);
  return MTC_OK;
}

static mtc_status check_log(struct check *check) {
  struct mtc_error error = {""};
  /* The folder first: what is published later than we look may be ahead of what we read. */
  mtc_status status = check_read_published(check);
  if (!status) status = check_database(check);
  if (status) return status;
  status = mtc_store_hold(check->store, &error);
  if (!status) status = mtc_store_state(check->store, &check->state, &error);
  if (status) return check_finding(check, status, &error, "state of the log");
  check->report->tree_size = check->state.head.tree_size;
  status = check_load_landmarks(check);
  if (!status) status = check_tree(check);
  if (!status && check->state.has_pending) status = check_pending(check);
  if (!status) status = check_landmark_rules(check);
  if (!status && !check_is_hopeless(check)) status = check_signatures(check);
  if (!status && !check_is_hopeless(check)) status = check_requests(check);
  if (!status) status = check_published_notes(check);
  if (!status && check_is_hopeless(check))
    check_problem(check, "more than %d problems: the rest was not looked at", MAX_PROBLEMS);
  return status;
}

mtc_status mtc_log_check(struct mtc_store *store, const struct mtc_engine_options *options,
                         struct mtc_log_report *out, struct mtc_error *error) {
  *out = (struct mtc_log_report){0};
  struct check *check = mtc_alloc(1, sizeof *check);
  if (!check) return mtc_fail(error, MTC_NOMEM, "checking the log: out of memory");
  *check = (struct check){.store = store, .options = options, .report = out, .error = error};
  mtc_status status = mtc_tai_log_id(&options->ca_id, options->log_number, &check->log_id);
  if (status)
    status = mtc_fail(error, status, "log number %llu, or the CA ID is too long for a log ID",
                      (unsigned long long)options->log_number);
  if (!status && mtc_algorithm_of_public_key(options->public_key) == MTC_ALGORITHM_NONE)
    status = mtc_fail(error, MTC_INPUT, "the CA's public key is of no known algorithm");
  if (!status) status = check_log(check);
  mtc_store_let_go(store);
  mtc_bytes_free(&check->checkpoint_file);
  mtc_bytes_free(&check->landmarks_file);
  mtc_free(check->landmarks);
  mtc_free(check->used);
  mtc_free(check);
  return status;
}
