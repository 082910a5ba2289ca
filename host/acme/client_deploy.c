/* What TLS servers read. FOLDER/certificates/NUMBER/ holds what belongs together; FOLDER/current
 * names one of them, so that one rename switches everything:
 *
 *   fullchain.pem -> current/fullchain.pem   key.pem, chains.pem, standalone.pem, landmark.pem
 * alike current       -> certificates/NUMBER
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/client_hook.h"
#include "acme/client_run.h"
#include "mtc/runtime.h"

#define MAX_CHAINS_LEN (1u << 20)
#define HOOK_TIMEOUT_S 300u

static const char *const files[] = {"fullchain.pem", "chains.pem", "key.pem", "standalone.pem",
                                    "landmark.pem"};
#define NUM_FILES (sizeof files / sizeof *files)

void acme_client_path(const struct acme_client_certificate *certificate, uint64_t generation,
                      const char *file, char out[4096]) {
  (void)snprintf(out, 4096, "%s/certificates/%llu%s%s", certificate->folder,
                 (unsigned long long)generation, file[0] ? "/" : "", file);
}

/* A path in chains.pem: its certificates with their properties, then its private key. */
static mtc_status append_path(const struct acme_client_run *run, uint64_t generation,
                              const char *file, struct mtc_bytes *out, struct mtc_error *error) {
  char path[4096];
  acme_client_path(run->certificate, generation, file, path);
  mtc_status status = mtc_file_read(path, MAX_CHAINS_LEN, out, error);
  acme_client_path(run->certificate, generation, "key.pem", path);
  if (!status) status = mtc_file_read(path, MAX_CHAINS_LEN, out, error);
  return status;
}

static bool has_landmark(const struct acme_client_run *run, uint64_t generation) {
  char path[4096];
  struct stat info;
  acme_client_path(run->certificate, generation, "landmark.pem", path);
  return stat(path, &info) == 0;
}

/* Landmark-relative ones first, the newest before older ones that are still valid (a client may not
 * know the newest landmark yet), the standalone one, which needs no landmark, last. */
static mtc_status write_chains(struct acme_client_run *run, struct mtc_error *error) {
  const struct acme_client_state *state = &run->state;
  int64_t now_s = mtc_clock_now_ms() / 1000;
  struct mtc_bytes chains = {0};
  char path[4096];
  mtc_status status = MTC_OK;
  if (state->has_landmark)
    status = append_path(run, state->current.number, "landmark.pem", &chains, error);
  for (size_t i = state->num_old; !status && i-- > 0;)
    if (state->old[i].not_after_s > now_s && has_landmark(run, state->old[i].number))
      status = append_path(run, state->old[i].number, "landmark.pem", &chains, error);
  if (!status) status = append_path(run, state->current.number, "standalone.pem", &chains, error);
  acme_client_path(run->certificate, state->current.number, "chains.pem", path);
  if (!status) status = mtc_file_write_atomic(path, mtc_span_of_bytes(&chains), 0600, error);
  mtc_bytes_wipe(&chains);
  return status;
}

/* Replaces a link of ours; anything else that stands there is somebody's. */
static mtc_status set_link(const struct acme_client_run *run, const char *name, const char *target,
                           struct mtc_error *error) {
  char path[4096], temporary[4096], old[4096];
  struct stat info;
  (void)snprintf(path, sizeof path, "%s/%s", run->certificate->folder, name);
  (void)snprintf(temporary, sizeof temporary, "%s/.mtc-link", run->certificate->folder);
  if (lstat(path, &info) == 0) {
    if (!S_ISLNK(info.st_mode))
      return mtc_fail(error, MTC_INPUT, "%s: is there and no link: move it away", path);
    ssize_t len = readlink(path, old, sizeof old - 1);
    if (len >= 0) old[len] = 0;
    if (len >= 0 && strcmp(old, target) == 0) return MTC_OK;
  }
  (void)unlink(temporary);
  if (symlink(target, temporary) == 0 && rename(temporary, path) == 0) return MTC_OK;
  return mtc_fail(error, MTC_IO, "%s: %s", path, strerror(errno));
}

mtc_status acme_client_deploy(struct acme_client_run *run, struct mtc_error *error) {
  char target[64];
  (void)snprintf(target, sizeof target, "certificates/%llu",
                 (unsigned long long)run->state.current.number);
  mtc_status status = write_chains(run, error);
  mtc_fault_point("acme.client.chains");
  if (!status) status = set_link(run, "current", target, error);
  for (size_t i = 0; !status && i < NUM_FILES; i++) {
    char path[64];
    (void)snprintf(path, sizeof path, "current/%s", files[i]);
    status = set_link(run, files[i], path, error);
  }
  if (!status) status = mtc_folder_sync(run->certificate->folder, error);
  mtc_fault_point("acme.client.links");
  if (status) return status;
  run->state.is_deployed = true;
  return acme_client_save(run, error);
}

static mtc_status remove_generation(const struct acme_client_run *run, uint64_t generation,
                                    struct mtc_error *error) {
  char path[4096];
  for (size_t i = 0; i < NUM_FILES; i++) {
    acme_client_path(run->certificate, generation, files[i], path);
    (void)unlink(path);
  }
  acme_client_path(run->certificate, generation, "", path);
  if (rmdir(path) == 0 || errno == ENOENT) return MTC_OK;
  return mtc_fail(error, MTC_IO, "%s: %s", path, strerror(errno));
}

static bool is_known(const struct acme_client_state *state, uint64_t generation) {
  bool known = generation == state->current.number || generation == state->order.generation ||
               generation > state->last_generation;
  for (size_t i = 0; i < state->num_old; i++)
    known |= generation == state->old[i].number;
  return known;
}

mtc_status acme_client_clean(struct acme_client_run *run, struct mtc_error *error) {
  char path[4096];
  struct acme_client_state *state = &run->state;
  int64_t now_s = mtc_clock_now_ms() / 1000;
  uint64_t generation;
  size_t num = 0;
  mtc_status status = state->order.generation ? MTC_OK : acme_client_withdraw(run, error);
  if (status) return status;
  for (size_t i = 0; i < state->num_old; i++)
    if (state->old[i].not_after_s >= now_s) state->old[num++] = state->old[i];
  /* chains.pem is made anew without them; a hook is not worth it. */
  if (num != state->num_old) state->is_deployed = false;
  state->num_old = num;
  status = acme_client_save(run, error);
  (void)snprintf(path, sizeof path, "%s/certificates", run->certificate->folder);
  DIR *folder = status ? NULL : opendir(path);
  if (!folder) return status;
  /* Threads other than this one have no business here. */
  for (const struct dirent *entry; !status && (entry = readdir(folder));) /* NOLINT */
    if (mtc_parse_decimal(mtc_span_of_text(entry->d_name), INT64_MAX, &generation) && generation &&
        !is_known(state, generation))
      status = remove_generation(run, generation, error);
  (void)closedir(folder);
  return status;
}

static mtc_status call_hook(const struct acme_client_run *run, const char *kind,
                            struct mtc_error *error) {
  const struct acme_client_certificate *certificate = run->certificate;
  static const char *const arguments[] = {NULL};
  char name[128], folder[4096], what[64];
  (void)snprintf(name, sizeof name, "MTC_ACME_NAME=%s", certificate->name);
  (void)snprintf(folder, sizeof folder, "MTC_ACME_FOLDER=%s", certificate->folder);
  (void)snprintf(what, sizeof what, "MTC_ACME_KIND=%s", kind);
  const char *const environment[] = {name, folder, what, NULL};
  mtc_status status = acme_client_run_hook(&certificate->deploy_hook, arguments, environment,
                                           HOOK_TIMEOUT_S, error);
  return status ? mtc_fail_within(error, status, "deploy_hook") : MTC_OK;
}

mtc_status acme_client_call_hook(struct acme_client_run *run, struct mtc_error *error) {
  struct acme_client_state *state = &run->state;
  mtc_status status = MTC_OK;
  bool has_hook = run->certificate->deploy_hook.num;
  /* A kill between the hook's end and the note of it runs it again, which does no harm. */
  if (has_hook && state->hook_due) status = call_hook(run, "standalone", error);
  if (!status && has_hook && state->hook_landmark_due) status = call_hook(run, "landmark", error);
  mtc_fault_point("acme.client.hook");
  if (status) return status;
  state->hook_due = state->hook_landmark_due = false;
  return acme_client_save(run, error);
}
