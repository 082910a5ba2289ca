/* The published folder against the store. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/check.h"
#include "mtc/runtime.h"

#define MAX_FILE_LEN (1u << 20) /* of the checkpoint and the landmarks */

/* Appends a published file; one that is not there leaves `out` empty and *out_found false. */
static mtc_status read_file(struct check *check, const char *name, size_t max_len,
                            struct mtc_bytes *out, bool *out_found) {
  char path[PATH_MAX];
  struct mtc_error error = {""};
  struct stat info;
  *out_found = false;
  int len = snprintf(path, sizeof path, "%s/%llu/%s", check->options->publish_folder,
                     (unsigned long long)check->options->log_number, name);
  if (len < 0 || (size_t)len >= sizeof path)
    return mtc_fail(check->error, MTC_INPUT, "path too long: %s", check->options->publish_folder);
  if (lstat(path, &info) != 0) {
    if (errno == ENOENT) return MTC_OK;
    return mtc_fail(check->error, MTC_IO, "cannot stat %s: %s", path, strerror(errno));
  }
  *out_found = true;
  return check_finding(check, mtc_file_read(path, max_len, out, &error), &error,
                       "published file %s", name);
}

mtc_status check_file(struct check *check, const char *name, struct mtc_span content,
                      bool is_required) {
  struct mtc_bytes file = {0};
  bool found;
  if (!check->options->publish_folder) return MTC_OK;
  uint64_t num_problems = check->report->num_problems;
  mtc_status status = read_file(check, name, content.len, &file, &found);
  if (!status && !found && is_required) check_problem(check, "%s is not published", name);
  /* Unless it was too long to be read, which is said already. */
  if (!status && found && num_problems == check->report->num_problems &&
      !mtc_span_equal(mtc_span_of_bytes(&file), content))
    check_problem(check, "%s is published with other content", name);
  mtc_bytes_free(&file);
  return status;
}

static void parse_published(struct check *check) {
  struct mtc_error error = {""};
  struct mtc_checkpoint *note = mtc_alloc(1, sizeof *note);
  if (note && !mtc_checkpoint_parse(mtc_span_of_bytes(&check->checkpoint_file), note, &error)) {
    check->published_size = note->tree_size;
    mtc_checkpoint_free(note);
  }
  mtc_free(note);
}

mtc_status check_read_published(struct check *check) {
  bool found;
  if (!check->options->publish_folder) return MTC_OK;
  mtc_status status = read_file(check, "checkpoint", MAX_FILE_LEN, &check->checkpoint_file, &found);
  if (!status) status = read_file(check, "landmarks", MAX_FILE_LEN, &check->landmarks_file, &found);
  parse_published(check);
  return status;
}

/* The CA's line of the published note, verified over the note's own size and root. */
static mtc_status check_note_signature(struct check *check, const struct mtc_checkpoint *note,
                                       const struct mtc_head *head) {
  const struct mtc_engine_options *options = check->options;
  const struct mtc_subtree tree = {0, note->tree_size};
  struct mtc_bytes name = {0}, message = {0};
  bool found = false;
  uint8_t key_id[4];
  mtc_tai_append_origin(&options->ca_id, &name);
  mtc_status status = mtc_bytes_status(&name);
  if (!status) status = mtc_note_key_id(mtc_span_of_bytes(&name), options->public_key, key_id);
  for (size_t i = 0; i < note->num_signatures && !status; i++) {
    const struct mtc_note_signature *line = &note->signatures[i];
    if (!mtc_span_equal(line->name, mtc_span_of_bytes(&name)) ||
        memcmp(line->key_id, key_id, sizeof key_id) != 0)
      continue;
    found = true;
    mtc_bytes_clear(&message);
    status = mtc_cosigned_message_append(&options->ca_id, &check->log_id, line->timestamp_s, tree,
                                         &note->root, &message);
    if (!status &&
        mtc_signature_verify(mtc_algorithm_of_public_key(options->public_key), options->public_key,
                             mtc_span_of_bytes(&message), line->signature))
      check_problem(check, "the published checkpoint's signature does not verify");
    if (line->timestamp_s != (uint64_t)head->timestamp_s)
      check_problem(check, "the published checkpoint has another time than the stored one");
  }
  if (!status && !found) check_problem(check, "the published checkpoint is not signed by the CA");
  mtc_bytes_free(&name);
  mtc_bytes_free(&message);
  return status ? mtc_fail(check->error, status, "the published checkpoint cannot be verified")
                : MTC_OK;
}

static mtc_status check_checkpoint(struct check *check, const struct mtc_checkpoint *note) {
  struct mtc_bytes origin = {0};
  struct mtc_error error = {""};
  struct mtc_head head;
  mtc_tai_append_origin(&check->log_id, &origin);
  mtc_status status = mtc_bytes_status(&origin);
  if (!status && !mtc_span_equal(note->origin, mtc_span_of_bytes(&origin)))
    check_problem(check, "the published checkpoint is another log's");
  mtc_bytes_free(&origin);
  if (status) return status;
  if (note->tree_size < check->state.published_size)
    check_problem(check, "size %llu was published, but the published checkpoint has size %llu",
                  (unsigned long long)check->state.published_size,
                  (unsigned long long)note->tree_size);
  status = mtc_store_read_head(check->store, note->tree_size, &head, &error);
  if (status) return check_finding(check, status, &error, "published checkpoint");
  if (!mtc_hash_equal(&head.root, &note->root))
    check_problem(check, "tree size %llu is published with another root than it is stored with",
                  (unsigned long long)note->tree_size);
  return check_note_signature(check, note, &head);
}

/* The file lists the newest landmarks, newest first, down to one that has expired. */
static mtc_status check_landmarks_file(struct check *check) {
  size_t max = check->num_landmarks + 1, num = 0;
  struct mtc_error error = {""};
  struct mtc_landmark *listed = mtc_alloc(max, sizeof *listed);
  if (!listed) return mtc_fail(check->error, MTC_NOMEM, "landmarks: out of memory");
  mtc_status status =
      mtc_landmarks_parse(check->options->wire, mtc_span_of_bytes(&check->landmarks_file),
                          mtc_clock_now_ms() / 1000, listed, max, &num, &error);
  uint64_t newest = check->num_landmarks ? check->landmarks[check->num_landmarks - 1].number : 0;
  /* One may have been stored and not be published yet. */
  if (!status && listed[0].number != newest && listed[0].number + 1 != newest)
    check_problem(check, "the landmarks file begins with landmark %llu; the newest is %llu",
                  (unsigned long long)listed[0].number, (unsigned long long)newest);
  for (size_t i = 0; i < num && !status; i++) {
    uint64_t number = listed[i].number;
    struct mtc_landmark stored = {0};
    if (number > 0 && number <= check->num_landmarks) stored = check->landmarks[number - 1];
    if (listed[i].number != stored.number || listed[i].tree_size != stored.tree_size ||
        listed[i].expiry_s != stored.expiry_s)
      check_problem(check, "landmark %llu is published otherwise than it is stored",
                    (unsigned long long)number);
  }
  mtc_free(listed);
  return check_finding(check, status, &error, "landmarks file");
}

mtc_status check_published_notes(struct check *check) {
  struct mtc_error error = {""};
  mtc_status status = MTC_OK;
  if (!check->options->publish_folder) return MTC_OK;
  if (check->checkpoint_file.len) {
    struct mtc_checkpoint *note = mtc_alloc(1, sizeof *note);
    if (!note) return mtc_fail(check->error, MTC_NOMEM, "checkpoint: out of memory");
    status = mtc_checkpoint_parse(mtc_span_of_bytes(&check->checkpoint_file), note, &error);
    if (status) {
      status = check_finding(check, status, &error, "published checkpoint");
    } else {
      status = check_checkpoint(check, note);
      mtc_checkpoint_free(note);
    }
    mtc_free(note);
  } else if (check->state.published_size) {
    check_problem(check, "size %llu was published, but there is no published checkpoint",
                  (unsigned long long)check->state.published_size);
  }
  if (status) return status;
  if (check->landmarks_file.len) return check_landmarks_file(check);
  if (check->num_landmarks || check->state.published_size)
    check_problem(check, "the landmarks file is missing");
  return MTC_OK;
}
