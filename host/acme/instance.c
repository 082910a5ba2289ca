#include "acme/instance.h"

#include <stdio.h>
#include <string.h>

#include "mtc/runtime.h"

#define START_PATIENCE_MS 2000
#define PATIENCE_MS 10000
#define RETRY_MS 2000
#define REFRESH_MS 60000

struct daemon_link {
  struct acme_job job; /* first: an answer on its way to the thread of the jobs */
  struct acme_instances *instances;
  struct acme_jobs *jobs;
  const char *socket;
  struct acme_ca *ca;
  bool is_asking;
  int64_t next_ms;
  mtc_status status;
  struct mtc_bytes answer, schedule;
  char text[160];
};

struct acme_instances {
  struct daemon_link *links;
  size_t num_links;
  struct acme_instance *instances;
  size_t num_instances;
};

/* One instance of MTC_RPC_INSTANCES. */
struct described {
  uint64_t kind;
  struct mtc_span name, certificate;
  uint64_t num_profiles;
};

static bool read_instance(struct mtc_reader *reader, struct described *out) {
  return mtc_read_uint(reader, 1, &out->kind) && mtc_read_prefixed(reader, 1, &out->name) &&
         mtc_read_prefixed(reader, 3, &out->certificate) &&
         mtc_read_uint(reader, 2, &out->num_profiles);
}

static void take_tree(struct acme_instance *instance) {
  struct mtc_ca_params params;
  struct mtc_error error = {""};
  instance->wire = mtc_ca_certificate_detect(mtc_span_of_bytes(&instance->certificate));
  if (!instance->wire ||
      mtc_ca_certificate_parse(instance->wire, mtc_span_of_bytes(&instance->certificate), &params,
                               &error)) {
    instance->is_known = false;
    (void)snprintf(instance->reason, sizeof instance->reason, "its CA certificate is damaged: %s",
                   error.text);
    return;
  }
  instance->ca_id = params.ca_id;
  instance->prefix_url[0] = 0;
  if (params.prefix_url.len < sizeof instance->prefix_url)
    (void)snprintf(instance->prefix_url, sizeof instance->prefix_url, "%.*s",
                   (int)params.prefix_url.len, (const char *)params.prefix_url.data);
  for (char *c = instance->prefix_url; *c; c++)
    if (*c <= 0x20 || *c >= 0x7f || *c == '>' || *c == '<') instance->prefix_url[0] = 0;
}

static void take_profile(struct acme_instance *instance, const struct described *described,
                         uint64_t validity_s) {
  bool is_new = !instance->is_known;
  if (!mtc_span_equal(mtc_span_of_bytes(&instance->certificate), described->certificate)) {
    mtc_bytes_clear(&instance->certificate);
    mtc_bytes_append_span(&instance->certificate, described->certificate);
    if (mtc_bytes_status(&instance->certificate)) return;
  }
  instance->is_known = true;
  instance->is_tree = described->kind == 0;
  instance->validity_s = validity_s;
  if (instance->is_tree) take_tree(instance);
  if (is_new && instance->is_known)
    mtc_log(MTC_LOG_INFO, "profile", "name=%s kind=%s validity_s=%llu", instance->profile->name,
            instance->is_tree ? "merkle-tree" : "direct", (unsigned long long)validity_s);
}

/* Gives the profile of a described instance to those of ours that name it. */
static void match(struct acme_instances *instances, struct acme_ca *ca,
                  const struct described *described, struct mtc_span profile, uint64_t validity_s,
                  bool *is_found) {
  for (size_t i = 0; i < instances->num_instances; i++) {
    struct acme_instance *instance = &instances->instances[i];
    const struct acme_profile *own = instance->profile;
    if (instance->ca != ca || is_found[i] ||
        !mtc_span_equal(mtc_span_of_text(own->profile), profile))
      continue;
    if (own->instance && !mtc_span_equal(mtc_span_of_text(own->instance), described->name))
      continue;
    is_found[i] = true;
    take_profile(instance, described, validity_s);
  }
}

static bool take_instances(struct acme_instances *instances, struct acme_ca *ca,
                           struct mtc_span answer, bool *is_found) {
  struct mtc_reader reader = mtc_reader_of(answer);
  struct described described;
  struct mtc_span profile;
  uint64_t num, validity_s;
  if (!mtc_read_uint(&reader, 2, &num)) return false;
  for (uint64_t i = 0; i < num; i++) {
    if (!read_instance(&reader, &described)) return false;
    for (uint64_t k = 0; k < described.num_profiles; k++) {
      if (!mtc_read_prefixed(&reader, 1, &profile) || !mtc_read_uint(&reader, 8, &validity_s))
        return false;
      match(instances, ca, &described, profile, validity_s, is_found);
    }
  }
  return reader.len == 0;
}

static void take_schedule(struct acme_instances *instances, struct acme_ca *ca,
                          struct mtc_span answer) {
  struct mtc_reader reader = mtc_reader_of(answer);
  uint64_t interval_s;
  if (!mtc_read_uint(&reader, 8, &interval_s) || interval_s > INT32_MAX) return;
  for (size_t i = 0; i < instances->num_instances; i++)
    if (instances->instances[i].ca == ca)
      instances->instances[i].interval_s =
          instances->instances[i].is_tree ? (int64_t)interval_s : 0;
}

/* A daemon that is away for a while has not lost its profiles. */
static void take_answer(struct daemon_link *link) {
  struct acme_instances *instances = link->instances;
  bool is_found[64] = {false};
  link->next_ms = mtc_clock_monotonic_ms() + (link->status ? RETRY_MS : REFRESH_MS);
  bool is_read = !link->status &&
                 take_instances(instances, link->ca, mtc_span_of_bytes(&link->answer), is_found);
  for (size_t i = 0; i < instances->num_instances; i++) {
    struct acme_instance *instance = &instances->instances[i];
    if (instance->ca != link->ca || is_found[i] || (link->status && instance->is_known)) continue;
    bool is_said = instance->reason[0] != 0;
    (void)snprintf(instance->reason, sizeof instance->reason, "%s",
                   link->status ? link->text
                   : is_read    ? "the CA's daemon has no such profile"
                                : "the CA's daemon answered what is not understood");
    instance->is_known = false;
    if (!is_said)
      mtc_log(MTC_LOG_WARNING, "profile", "name=%s missing=%s", instance->profile->name,
              instance->reason);
  }
  if (is_read) take_schedule(instances, link->ca, mtc_span_of_bytes(&link->schedule));
}

static void refreshed(struct acme_job *job, mtc_status status, const char *text) {
  struct daemon_link *link = (struct daemon_link *)job;
  (void)status, (void)text;
  take_answer(link);
  link->is_asking = false;
}

static void got_schedule(void *context, const struct acme_ca_result *result) {
  struct daemon_link *link = context;
  mtc_bytes_clear(&link->schedule);
  if (!result->status) mtc_bytes_append_span(&link->schedule, result->body);
  acme_jobs_put(link->jobs, &link->job);
}

static void got_instances(void *context, const struct acme_ca_result *result) {
  struct daemon_link *link = context;
  mtc_bytes_clear(&link->answer);
  link->status = result->status;
  (void)snprintf(link->text, sizeof link->text, "%s", result->text ? result->text : "");
  if (!result->status) mtc_bytes_append_span(&link->answer, result->body);
  if (link->status || acme_ca_call(link->ca, MTC_RPC_LANDMARK_SCHEDULE, mtc_span_of(NULL, 0),
                                   PATIENCE_MS, got_schedule, link))
    acme_jobs_put(link->jobs, &link->job);
}

int64_t acme_instances_refresh(struct acme_instances *instances, struct acme_jobs *jobs) {
  int64_t now_ms = mtc_clock_monotonic_ms(), wait_ms = REFRESH_MS;
  for (size_t i = 0; i < instances->num_links; i++) {
    struct daemon_link *link = &instances->links[i];
    if (link->is_asking || !link->ca) continue;
    if (link->next_ms <= now_ms) {
      link->jobs = jobs;
      link->job.done = refreshed;
      link->next_ms = now_ms + RETRY_MS;
      link->is_asking = !acme_ca_call(link->ca, MTC_RPC_INSTANCES, mtc_span_of(NULL, 0),
                                      PATIENCE_MS, got_instances, link);
    }
    if (link->next_ms - now_ms < wait_ms) wait_ms = link->next_ms - now_ms;
  }
  return wait_ms;
}

static mtc_status link_instance(struct acme_instances *instances, struct acme_instance *instance,
                                struct mtc_error *error) {
  for (size_t i = 0; i < instances->num_links; i++) {
    if (strcmp(instances->links[i].socket, instance->profile->socket) != 0) continue;
    instance->ca = instances->links[i].ca;
    return MTC_OK;
  }
  struct daemon_link *link = &instances->links[instances->num_links];
  mtc_status status = acme_ca_open(instance->profile->socket, &link->ca, error);
  if (status) return status;
  instances->num_links++;
  link->instances = instances;
  link->socket = instance->profile->socket;
  instance->ca = link->ca;
  return MTC_OK;
}

static void ask_at_start(struct daemon_link *link) {
  struct mtc_error error = {""};
  link->status = acme_ca_call_wait(link->ca, MTC_RPC_INSTANCES, mtc_span_of(NULL, 0),
                                   START_PATIENCE_MS, &link->answer, &error);
  (void)snprintf(link->text, sizeof link->text, "%s", error.text);
  /* Not every CA has landmarks, and the answer only moves renewals. */
  if (!link->status && acme_ca_call_wait(link->ca, MTC_RPC_LANDMARK_SCHEDULE, mtc_span_of(NULL, 0),
                                         START_PATIENCE_MS, &link->schedule, &error))
    mtc_bytes_clear(&link->schedule);
  take_answer(link);
}

mtc_status acme_instances_open(const struct acme_config *config, struct acme_instances **out,
                               struct mtc_error *error) {
  struct acme_instances *instances = mtc_alloc(1, sizeof *instances);
  *out = NULL;
  if (!instances) return MTC_NOMEM;
  instances->links = mtc_alloc(config->num_profiles, sizeof *instances->links);
  instances->instances = mtc_alloc(config->num_profiles, sizeof *instances->instances);
  if (!instances->links || !instances->instances) {
    acme_instances_close(instances);
    return MTC_NOMEM;
  }
  mtc_status status = MTC_OK;
  for (unsigned i = 0; i < config->num_profiles && !status; i++) {
    instances->instances[i].profile = &config->profiles[i];
    instances->num_instances++;
    status = link_instance(instances, &instances->instances[i], error);
  }
  if (status) {
    acme_instances_disconnect(instances);
    acme_instances_close(instances);
    return status;
  }
  for (size_t i = 0; i < instances->num_links; i++)
    ask_at_start(&instances->links[i]);
  *out = instances;
  return MTC_OK;
}

struct acme_instance *acme_instances_find(struct acme_instances *instances, const char *profile) {
  for (size_t i = 0; i < instances->num_instances; i++)
    if (strcmp(instances->instances[i].profile->name, profile) == 0)
      return &instances->instances[i];
  return NULL;
}

void acme_instances_disconnect(struct acme_instances *instances) {
  if (!instances) return;
  for (size_t i = 0; i < instances->num_links; i++) {
    acme_ca_close(instances->links[i].ca);
    instances->links[i].ca = NULL;
  }
  for (size_t i = 0; i < instances->num_instances; i++)
    instances->instances[i].ca = NULL;
}

void acme_instances_close(struct acme_instances *instances) {
  if (!instances) return;
  for (size_t i = 0; i < instances->num_links; i++) {
    mtc_bytes_free(&instances->links[i].answer);
    mtc_bytes_free(&instances->links[i].schedule);
  }
  for (size_t i = 0; i < instances->num_instances; i++)
    mtc_bytes_free(&instances->instances[i].certificate);
  mtc_free(instances->links);
  mtc_free(instances->instances);
  mtc_free(instances);
}
