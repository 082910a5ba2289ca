/* The daemon's state as a JSON object. */
#include <jansson.h>
#include <stdlib.h>

#include "app/mtcd/daemon.h"
#include "mtc/runtime.h"

static const char *const state_names[] = {"collect", "seal",    "hash",   "stage",  "sign",
                                          "commit",  "publish", "cosign", "certify"};

static json_t *engine_object(struct daemon *daemon) {
  struct mtc_engine_stats stats;
  mtc_engine_stats(daemon->engine, &stats);
  json_t *state_us = json_object();
  for (size_t i = MTC_ENGINE_SEAL; state_us && i <= MTC_ENGINE_CERTIFY; i++)
    (void)json_object_set_new(state_us, state_names[i],
                              json_integer((json_int_t)stats.state_us[i]));
  return json_pack(
      "{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "state",
      stats.is_halted ? "halted" : state_names[stats.state], "halted", stats.is_halted, "tree_size",
      (json_int_t)stats.tree_size, "batches", (json_int_t)stats.num_batches, "entries",
      (json_int_t)stats.num_entries, "null_entries", (json_int_t)stats.num_null_entries, "waiting",
      (json_int_t)stats.num_waiting, "retries", (json_int_t)stats.num_retries, "last_batch_ms",
      (json_int_t)stats.last_batch_ms, "last_error", stats.last_error, "state_us", state_us);
}

static json_t *counters_object(unsigned max_batches, const struct mtc_card_counters *card) {
  return json_pack(
      "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "batches_at_a_time",
      (json_int_t)max_batches, "cycles", (json_int_t)card->num_cycles, "leaf_blocks",
      (json_int_t)card->num_leaf_blocks, "node_blocks", (json_int_t)card->num_node_blocks,
      "entries", (json_int_t)card->num_entries, "leaf_hashes", (json_int_t)card->num_leaf_hashes,
      "node_hashes", (json_int_t)card->num_node_hashes, "no_input_ticks",
      (json_int_t)card->num_no_input_ticks, "no_credit_ticks",
      (json_int_t)card->num_no_credit_ticks, "tail_ticks", (json_int_t)card->num_tail_ticks,
      "stall_cycles", (json_int_t)card->num_stall_cycles);
}

static json_t *lane_object(unsigned number, const struct mtc_lane_stats *lane) {
  return json_pack("{s:i, s:b, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "lane", (int)number,
                   "in_service", lane->in_service, "in_test", lane->in_test, "fault", lane->fault,
                   "test_fault", lane->test_fault, "batches", (json_int_t)lane->num_batches,
                   "faults", (json_int_t)lane->num_faults, "retirements",
                   (json_int_t)lane->num_retirements, "readmissions",
                   (json_int_t)lane->num_readmissions, "card",
                   counters_object(lane->max_batches, &lane->counters));
}

static json_t *lanes_array(const struct mtc_hash_stats *stats) {
  json_t *lanes = json_array();
  for (unsigned i = 0; i < stats->num_lanes; i++)
    (void)json_array_append_new(lanes, lane_object(i, &stats->lanes[i]));
  return lanes;
}

static json_t *hash_object(struct daemon *daemon) {
  struct mtc_hash_stats stats;
  mtc_hasher_stats(daemon->hasher, &stats);
  json_t *hash = json_pack(
      "{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "card_in_service",
      stats.card_in_service, "card_in_test", stats.card_in_test, "batches",
      (json_int_t)stats.num_batches, "card_batches", (json_int_t)stats.num_card_batches,
      "card_leaves", (json_int_t)stats.num_card_leaves, "card_nodes",
      (json_int_t)stats.num_card_nodes, "card_faults", (json_int_t)stats.num_card_faults,
      "card_retirements", (json_int_t)stats.num_card_retirements, "card_readmissions",
      (json_int_t)stats.num_card_readmissions, "cpu_entries", (json_int_t)stats.num_cpu_entries,
      "checked_hashes", (json_int_t)stats.num_checked_hashes, "card_fault", stats.card_fault,
      "card_test_fault", stats.card_test_fault);
  if (hash && daemon->config->has_card) {
    (void)json_object_set_new(hash, "card", counters_object(stats.max_card_batches, &stats.card));
    (void)json_object_set_new(hash, "lanes_in_service",
                              json_integer((json_int_t)stats.num_lanes_in_service));
    (void)json_object_set_new(hash, "lanes", lanes_array(&stats));
  }
  return hash;
}

/* Counts of the buckets that are not empty, with the end of each. */
static json_t *latency_object(const struct mtc_latency *latency) {
  json_t *buckets = json_array();
  for (unsigned i = 0; i < MTC_LATENCY_BUCKETS; i++) {
    if (!latency->counts[i]) continue;
    (void)json_array_append_new(buckets,
                                json_pack("[I, I]", (json_int_t)mtc_latency_bucket_end_us(i),
                                          (json_int_t)latency->counts[i]));
  }
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "mean_us",
                   (json_int_t)(latency->num ? latency->sum_us / latency->num : 0), "p50_us",
                   (json_int_t)mtc_latency_percentile_us(latency, 500), "p90_us",
                   (json_int_t)mtc_latency_percentile_us(latency, 900), "p99_us",
                   (json_int_t)mtc_latency_percentile_us(latency, 990), "max_us",
                   (json_int_t)latency->max_us, "total_us", (json_int_t)latency->sum_us, "below_us",
                   buckets);
}

static json_t *source_object(const struct mtc_signer_source_stats *stats) {
  const char *state = stats->latched   ? "latched"
                      : stats->down    ? "down"
                      : stats->serving ? "serving"
                                       : "standby";
  return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:s, s:I, s:o}", "name",
                   stats->name, "state", state, "token", stats->token, "mechanism",
                   stats->mechanism, "processes", (int)stats->num_processes, "signatures",
                   (json_int_t)stats->num_signatures, "failures", (json_int_t)stats->num_failures,
                   "wrong_signatures", (json_int_t)stats->num_wrong, "respawns",
                   (json_int_t)stats->num_respawns, "last_error", stats->last_error, "last_error_s",
                   (json_int_t)stats->last_error_s, "latency", latency_object(&stats->latency));
}

static json_t *signer_object(struct daemon *daemon) {
  struct mtc_signer_stats stats;
  mtc_signer_stats(daemon->signer, &stats);
  json_t *sources = json_array();
  for (unsigned i = 0; i < stats.num_sources; i++)
    (void)json_array_append_new(sources, source_object(&stats.sources[i]));
  return json_pack("{s:I, s:I, s:I, s:I, s:b, s:s, s:o}", "signatures",
                   (json_int_t)stats.num_signatures, "failures", (json_int_t)stats.num_failures,
                   "respawns", (json_int_t)stats.num_respawns, "failovers",
                   (json_int_t)stats.num_failovers, "latched", stats.latched, "last_error",
                   stats.last_error, "tokens", sources);
}

mtc_status method_status(struct job *job, struct mtc_bytes *out, struct mtc_error *error) {
  struct daemon *daemon = job->daemon;
  char ca_id[MTC_TAI_MAX_TEXT];
  mtc_tai_format(&daemon->config->ca_id, ca_id);
  (void)error;
  json_t *status = json_pack(
      "{s:s, s:s, s:I, s:o, s:o, s:o}", "ca", ca_id, "wire_version", daemon->config->wire->name,
      "log_number", (json_int_t)daemon->config->log_number, "engine", engine_object(daemon), "hash",
      hash_object(daemon), "signer", signer_object(daemon));
  char *text = status ? json_dumps(status, JSON_COMPACT) : NULL;
  json_decref(status);
  if (!text) return MTC_NOMEM;
  mtc_bytes_append_prefixed(out, mtc_span_of_text(text), 3);
  free(text);
  return MTC_OK;
}
