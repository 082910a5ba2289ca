/* The methods that read the log, and landmarks. */
#include <stdio.h>

#include "app/mtcd/daemon.h"
#include "mtc/runtime.h"

#define MAX_LISTED 4096

enum instance_kind { INSTANCE_MERKLE_TREE = 0, INSTANCE_DIRECT = 1 };

mtc_status method_certificate(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  const struct app_config *config = job->daemon->config;
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  struct mtc_bytes der = {0}, properties = {0};
  uint64_t serial, kind, landmark = 0;
  if (!mtc_read_uint(&reader, 8, &serial) || !mtc_read_uint(&reader, 1, &kind) || reader.len ||
      kind > 1)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  if (serial >> 48 != config->log_number)
    return mtc_fail(error, MTC_INPUT, "serial number %llu is of log %llu; this is log %llu",
                    (unsigned long long)serial, (unsigned long long)(serial >> 48),
                    (unsigned long long)config->log_number);
  mtc_status status = mtc_engine_certificate(
      job->daemon->engine, serial & ((UINT64_C(1) << 48) - 1), kind == 1, &der, &landmark, error);
  if (!status && kind == 1)
    status = mtc_properties_append_landmark(
        config->wire, &config->ca_id, config->log_number, landmark,
        mtc_engine_max_active_landmarks(&config->engine), &properties);
  else if (!status)
    status = mtc_properties_append_standalone(config->wire, &config->ca_id, config->log_number,
                                              &properties);
  if (!status) {
    mtc_bytes_append_uint(out, landmark, 8);
    mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&der), 3);
    mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&properties), 2);
  }
  mtc_bytes_free(&der);
  mtc_bytes_free(&properties);
  return status;
}

mtc_status method_reserve(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_reader reader = mtc_reader_of(mtc_span_of_bytes(&job->body));
  struct mtc_span subject = {0};
  uint64_t count, first;
  int64_t expires_s;
  /* Nothing behind the count is anybody's; an empty subject would look like it, and is none. */
  if (!mtc_read_uint(&reader, 8, &count) ||
      (reader.len && (!mtc_read_prefixed(&reader, 2, &subject) || !subject.len)) || reader.len)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed");
  mtc_status status =
      mtc_engine_reserve_for(job->daemon->engine, count, subject, &first, &expires_s, error);
  if (status) return status;
  mtc_bytes_append_uint(out, job->daemon->config->log_number << 48 | first, 8);
  mtc_bytes_append_uint(out, (uint64_t)expires_s, 8);
  return MTC_OK;
}

static void append_landmark(struct mtc_bytes *out, const struct mtc_landmark *landmark) {
  mtc_bytes_append_uint(out, landmark->number, 8);
  mtc_bytes_append_uint(out, landmark->tree_size, 8);
  mtc_bytes_append_uint(out, (uint64_t)landmark->expiry_s, 8);
}

mtc_status method_landmark_allocate(struct job *job, struct mtc_bytes *out,
                                    struct mtc_error *error) {
  struct mtc_landmark landmark;
  mtc_status status = mtc_engine_allocate_landmark(job->daemon->engine, &landmark, error);
  if (!status) append_landmark(out, &landmark);
  return status;
}

mtc_status method_landmark_list(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  struct mtc_landmark *landmarks = mtc_alloc(MAX_LISTED, sizeof *landmarks);
  size_t num = 0;
  if (!landmarks) return MTC_NOMEM;
  mtc_status status =
      mtc_store_read_landmarks(job->daemon->store, landmarks, MAX_LISTED, &num, error);
  mtc_bytes_append_uint(out, num, 2);
  for (size_t i = 0; !status && i < num; i++)
    append_landmark(out, &landmarks[i]);
  mtc_free(landmarks);
  return status;
}

mtc_status method_landmark_schedule(struct job *job, struct mtc_bytes *out,
                                    struct mtc_error *error) {
  struct daemon *daemon = job->daemon;
  struct mtc_landmark newest = {0};
  size_t num = 0;
  mtc_status status = mtc_store_read_landmarks(daemon->store, &newest, 1, &num, error);
  if (status) return status;
  mtc_bytes_append_uint(out, (uint64_t)daemon->config->engine.landmark_interval_s, 8);
  mtc_bytes_append_uint(out, (uint64_t)mtc_engine_next_landmark(daemon->engine), 8);
  mtc_bytes_append_uint(out, num ? newest.tree_size : 0, 8);
  return MTC_OK;
}

/* The two subtrees between a landmark and the one before, a line each; empty ones have none. */
static mtc_status append_subtrees(struct daemon *daemon, const char *ca_id, uint64_t previous_size,
                                  uint64_t tree_size, struct mtc_bytes *out) {
  struct mtc_tile_source tiles = mtc_store_tile_source(daemon->store, tree_size);
  const struct mtc_node_source nodes = {mtc_tile_read_node, &tiles};
  struct mtc_subtree cover[2];
  mtc_subtree_cover((struct mtc_subtree){previous_size, tree_size}, cover);
  for (size_t i = 0; i < 2; i++) {
    struct mtc_hash hash;
    if (cover[i].start == cover[i].end) continue;
    mtc_status status = mtc_tree_hash(&nodes, cover[i], &hash);
    if (status) return status;
    mtc_bytes_append_format(out, "%s %llu %llu %llu ", ca_id,
                            (unsigned long long)daemon->config->log_number,
                            (unsigned long long)cover[i].start, (unsigned long long)cover[i].end);
    mtc_bytes_append_base64(out, mtc_span_of(hash.bytes, sizeof hash.bytes));
    mtc_bytes_append_text(out, "\n");
  }
  return MTC_OK;
}

mtc_status method_trusted_subtrees(struct job *job, struct mtc_bytes *out,
                                   struct mtc_error *error) {
  struct daemon *daemon = job->daemon;
  if (job->body.data[0] != 0)
    return mtc_fail(error, MTC_INPUT, "the request's body is malformed"); /* verbosity: reserved */
  struct mtc_landmark *landmarks = mtc_alloc(MAX_LISTED, sizeof *landmarks);
  char ca_id[MTC_TAI_MAX_TEXT];
  int64_t now_s = mtc_clock_now_ms() / 1000;
  size_t num = 0;
  if (!landmarks) return MTC_NOMEM;
  mtc_tai_format(&daemon->config->ca_id, ca_id);
  mtc_status status = mtc_store_read_landmarks(daemon->store, landmarks, MAX_LISTED, &num, error);
  size_t prefix = mtc_bytes_open_prefix(out, 3);
  /* Oldest first, as a relying party meets them; expired ones are trusted no more. */
  for (size_t i = num; !status && i-- > 0;) {
    uint64_t previous_size = i + 1 < num ? landmarks[i + 1].tree_size : 0;
    if (daemon->config->wire->landmarks_have_expiry
            ? landmarks[i].expiry_s < now_s
            : i >= mtc_engine_max_active_landmarks(&daemon->config->engine))
      continue;
    status = append_subtrees(daemon, ca_id, previous_size, landmarks[i].tree_size, out);
  }
  mtc_bytes_close_prefix(out, prefix, 3);
  mtc_free(landmarks);
  return status;
}

mtc_status method_ca_certificate(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  (void)error;
  mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&job->daemon->config->ca_certificate), 3);
  return MTC_OK;
}

static void append_instance(enum instance_kind kind, const char *name, struct mtc_span certificate,
                            const struct mtc_profile *profiles, unsigned num_profiles,
                            struct mtc_bytes *out) {
  mtc_bytes_append_uint(out, kind, 1);
  mtc_bytes_append_prefixed(out, mtc_span_of_text(name), 1);
  mtc_bytes_append_prefixed(out, certificate, 3);
  mtc_bytes_append_uint(out, num_profiles, 2);
  for (unsigned i = 0; i < num_profiles; i++) {
    mtc_bytes_append_prefixed(out, mtc_span_of_text(profiles[i].name), 1);
    mtc_bytes_append_uint(out, (uint64_t)profiles[i].validity_s, 8);
  }
}

mtc_status method_instances(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  const struct app_config *config = job->daemon->config;
  char ca_id[MTC_TAI_MAX_TEXT];
  (void)error;
  mtc_tai_format(&config->ca_id, ca_id);
  mtc_bytes_append_uint(out, config->num_direct + 1, 2);
  append_instance(INSTANCE_MERKLE_TREE, ca_id, mtc_span_of_bytes(&config->ca_certificate),
                  config->profiles, config->num_profiles, out);
  for (unsigned i = 0; i < config->num_direct; i++) {
    const struct app_direct *direct = &config->direct[i];
    append_instance(INSTANCE_DIRECT, direct->name, mtc_span_of_bytes(&direct->certificate),
                    direct->profiles, direct->num_profiles, out);
  }
  return MTC_OK;
}

mtc_status method_card_readmit(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  (void)out;
  return mtc_hasher_readmit(job->daemon->hasher, error);
}

mtc_status method_signer_unlatch(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  (void)out;
  struct daemon *daemon = job->daemon;
  mtc_status status = mtc_signer_unlatch(daemon->signer, error);
  for (unsigned i = 0; !status && daemon->direct && i < daemon->config->num_direct; i++)
    status = mtc_signer_unlatch(daemon->direct[i].signer, error);
  return status;
}

mtc_status method_checkpoint(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  char path[4096];
  struct mtc_bytes note = {0};
  (void)snprintf(path, sizeof path, "%s/%llu/checkpoint", job->daemon->config->publish_folder,
                 (unsigned long long)job->daemon->config->log_number);
  mtc_status status = mtc_file_read(path, 1 << 20, &note, error);
  if (!status) mtc_bytes_append_prefixed(out, mtc_span_of_bytes(&note), 3);
  mtc_bytes_free(&note);
  return status;
}
