/* The one private key that this process holds: on a token, or in a file. */
#ifndef MTC_SIGNER_KEY_H
#define MTC_SIGNER_KEY_H

#include "sign/mechanism.h"
#include "sign/protocol.h"

struct signer_key;

/* Every function may set *pin_refused: nobody may then try again without an operator. `open`
 * appends what the token says of itself to `out_description`, and the public key, where the token
 * has it, to `out_public_key`. */
struct signer_key_kind {
  mtc_status (*open)(const struct mtc_signer_config *config, struct signer_key **out,
                     struct mtc_bytes *out_description, struct mtc_bytes *out_public_key,
                     bool *pin_refused, struct mtc_error *error);
  mtc_status (*sign)(struct signer_key *key, struct mtc_span message, struct mtc_bytes *out,
                     bool *pin_refused, struct mtc_error *error);
  mtc_status (*public_key)(struct signer_key *key, struct mtc_bytes *out, struct mtc_error *error);
  void (*close)(struct signer_key *key);
};

extern const struct signer_key_kind signer_token_key;
extern const struct signer_key_kind signer_file_key;

#endif
