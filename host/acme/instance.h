/* The CA instances behind the profiles, as their daemons describe them. */
#ifndef ACME_INSTANCE_H
#define ACME_INSTANCE_H

#include "acme/ca.h"
#include "acme/config.h"
#include "acme/job.h"
#include "mtc/entry.h"

/* What a daemon says about the instance that has a profile. Thread of the jobs only. */
struct acme_instance {
  const struct acme_profile *profile;
  struct acme_ca *ca;
  bool is_known;                /* the daemon has the profile; else `reason` */
  bool is_tree;                 /* Merkle tree certificates; else directly signed ones */
  struct mtc_bytes certificate; /* of the CA, DER */
  const struct mtc_wire *wire;  /* of a tree */
  struct mtc_tai ca_id;
  char prefix_url[256]; /* "": the CA certificate has none */
  uint64_t validity_s;  /* of certificates */
  int64_t interval_s;   /* of landmarks; 0: none */
  char reason[160];
};

struct acme_instances;

/*
 * acme_instances_open makes one connection for each socket and asks the daemons that are there.
 *
 * Errors:   INPUT, NOMEM, IO.
 */
mtc_status acme_instances_open(const struct acme_config *config, struct acme_instances **out,
                               struct mtc_error *error) MTC_MUST_CHECK;

/*
 * acme_instances_refresh asks the daemons again when that is due; the answers come as jobs.
 *
 * Output:   milliseconds until the next time.
 */
int64_t acme_instances_refresh(struct acme_instances *instances, struct acme_jobs *jobs);

/*
 * acme_instances_find finds an instance by the name of its profile; NULL when there is none.
 */
struct acme_instance *acme_instances_find(struct acme_instances *instances, const char *profile);

/*
 * acme_instances_disconnect ends the calls and connections; the jobs may still run after it.
 */
void acme_instances_disconnect(struct acme_instances *instances);

/*
 * acme_instances_close releases; NULL is ignored.
 */
void acme_instances_close(struct acme_instances *instances);

#endif
