#include "app/mtc/issue_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/mtc/cli.h"

/* A file, whatever it is called. */
struct identity {
  dev_t device;
  ino_t inode;
};

struct outputs {
  char **paths;
  struct identity *csrs;
  size_t num_paths, num_csrs; /* CSRs that are there */
};

bool issue_out_path(const char *folder, const char *csr, char out[4096]) {
  const char *slash = strrchr(csr, '/');
  const char *name = slash ? slash + 1 : csr, *dot = strrchr(name, '.');
  size_t len = strlen(name);
  if (dot && dot != name &&
      (strcmp(dot, ".csr") == 0 || strcmp(dot, ".pem") == 0 || strcmp(dot, ".der") == 0))
    len = (size_t)(dot - name);
  int written = snprintf(out, 4096, "%s/%.*s.pem", folder, (int)len, name);
  return written > 0 && written < 4096;
}

static int compare_paths(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_identities(const void *a, const void *b) {
  const struct identity *x = a, *y = b;
  if (x->device != y->device) return x->device < y->device ? -1 : 1;
  return x->inode == y->inode ? 0 : x->inode < y->inode ? -1 : 1;
}

static bool identify(const char *path, struct identity *out) {
  struct stat info;
  if (stat(path, &info) != 0) return false;
  *out = (struct identity){info.st_dev, info.st_ino};
  return true;
}

static mtc_status collect(const char *folder, char *const *csrs, size_t num_csrs,
                          struct outputs *out, struct mtc_error *error) {
  out->paths = mtc_alloc(num_csrs, sizeof *out->paths);
  out->csrs = mtc_alloc(num_csrs, sizeof *out->csrs);
  if (!out->paths || !out->csrs) return MTC_NOMEM;
  for (size_t i = 0; i < num_csrs; i++) {
    char path[4096];
    if (!issue_out_path(folder, csrs[i], path))
      return mtc_fail(error, MTC_INPUT, "the path of the certificate for %s is too long", csrs[i]);
    out->paths[i] = mtc_strdup(path);
    if (!out->paths[i]) return MTC_NOMEM;
    out->num_paths++;
    if (identify(csrs[i], &out->csrs[out->num_csrs])) out->num_csrs++;
  }
  qsort(out->paths, out->num_paths, sizeof *out->paths, compare_paths);
  qsort(out->csrs, out->num_csrs, sizeof *out->csrs, compare_identities);
  return MTC_OK;
}

static mtc_status check_path(const struct outputs *outputs, size_t i, struct mtc_error *error) {
  const char *path = outputs->paths[i];
  struct identity there;
  if (i > 0 && strcmp(outputs->paths[i - 1], path) == 0)
    return mtc_fail(error, MTC_INPUT, "two CSRs would be written to %s", path);
  if (!identify(path, &there)) return MTC_OK;
  if (outputs->num_csrs &&
      bsearch(&there, outputs->csrs, outputs->num_csrs, sizeof there, compare_identities))
    return mtc_fail(error, MTC_INPUT, "%s is one of the CSRs: choose another --out", path);
  return cli_check_replaceable(path, error);
}

mtc_status issue_out_check(const char *folder, char *const *csrs, size_t num_csrs,
                           struct mtc_error *error) {
  struct outputs outputs = {0};
  mtc_status status = collect(folder, csrs, num_csrs, &outputs, error);
  for (size_t i = 0; !status && i < outputs.num_paths; i++)
    status = check_path(&outputs, i, error);
  for (size_t i = 0; i < outputs.num_paths; i++)
    mtc_free(outputs.paths[i]);
  mtc_free(outputs.paths);
  mtc_free(outputs.csrs);
  return status;
}
