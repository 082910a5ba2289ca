/* The parts of reading mtc.yaml, shared by its files. */
#ifndef MTC_APP_CONFIG_PARTS_H
#define MTC_APP_CONFIG_PARTS_H

#include "app/common/config.h"
#include "app/common/config_schema.h"

/*
 * config_resolve makes a path of the configuration: absolute, or relative to the configuration's
 * own folder. It is kept until config_free.
 *
 * Errors:   NOMEM.
 */
mtc_status config_resolve(struct app_config *config, const char *config_path, const char *path,
                          char **out) MTC_MUST_CHECK;

/*
 * config_load_signer checks a signer block. The latch file is LATCH_NAME.latch unless it says
 * otherwise; algorithm and public key are the CA cosigner's, the caller sets others.
 *
 * Output:   `standby` has room for MTC_SIGNER_MAX_SOURCES - 1 and lives as long as `out`.
 * Errors:   INPUT, NOMEM.
 */
mtc_status config_load_signer(struct app_config *config, const char *path, const char *latch_name,
                              const struct yaml_signer *signer, struct mtc_signer_source *standby,
                              struct mtc_signer_options *out,
                              struct mtc_error *error) MTC_MUST_CHECK;

/*
 * config_load_direct reads the directly signing instances.
 *
 * Requires: the CA certificate and the log's profiles are loaded.
 * Errors:   INPUT naming the instance: its name, certificate (no CA's, another one's key or
 *           subject), signer, profiles; IO, NOMEM.
 */
mtc_status config_load_direct(struct app_config *config, const char *path,
                              const struct yaml_config *yaml,
                              struct mtc_error *error) MTC_MUST_CHECK;

#endif
