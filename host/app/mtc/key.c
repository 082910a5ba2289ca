/* mtc key generate: a key pair on a token. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/cli.h"
#include "mtc/proof.h"
#include "mtc/sign.h"

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"uri", required_argument, NULL, 'u'},
                                          {"algorithm", required_argument, NULL, 'g'},
                                          {"module", required_argument, NULL, 'm'},
                                          {"module-args", required_argument, NULL, 'a'},
                                          {"pin-source", required_argument, NULL, 'p'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct mtc_key_request request = {0};
  const char *algorithm = "ml-dsa-44", *out = NULL;
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    switch (option) {
      case 'u':
        request.uri = optarg;
        break;
      case 'g':
        algorithm = optarg;
        break;
      case 'm':
        request.module = optarg;
        break;
      case 'a':
        request.module_args = optarg;
        break;
      case 'p':
        request.pin_source = optarg;
        break;
      case 'o':
        out = optarg;
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  request.algorithm = mtc_algorithm_find(algorithm);
  if (optind != argc || !request.uri)
    return cli_usage(command, "--uri is needed, and nothing else");
  if (request.algorithm == MTC_ALGORITHM_NONE) return cli_usage(command, "--algorithm is unknown");
  if (mtc_key_is_uri(request.uri) && !request.module)
    return cli_usage(command, "--module is needed with a PKCS#11 key");
  struct mtc_bytes key = {0}, pem = {0};
  mtc_status status = mtc_key_generate(&request, &key, &error);
  if (!status) mtc_pem_append("PUBLIC KEY", mtc_span_of_bytes(&key), &pem);
  if (!status) status = mtc_bytes_status(&pem);
  if (!status && out) status = mtc_file_write_atomic(out, mtc_span_of_bytes(&pem), 0644, &error);
  if (!status && !out) (void)fwrite(pem.data, 1, pem.len, stdout);
  mtc_bytes_free(&key);
  mtc_bytes_free(&pem);
  return status ? cli_fail(command, status, &error) : CLI_DONE;
}

const struct cli_command command_key_generate = {
    "key",
    "generate",
    "mtc key generate --uri PKCS11-URI|FILE [--algorithm ml-dsa-44] [--module PATH]\n"
    "         [--module-args TEXT] [--pin-source file:PATH] [--out PUBLIC-KEY-FILE]",
    "make a key pair on a token; never overwrites one",
    "Makes a key pair, test-signs with it, and prints the public key in PEM.\n"
    "\n"
    "  --uri        token and object of the key to be, as pkcs11:token=ca;object=mtc-ca; or the "
    "path\n"
    "               of a PEM file (development only: a CA's key belongs into an HSM)\n"
    "  --algorithm  ml-dsa-44, ml-dsa-65, ml-dsa-87, ecdsa-p256, ecdsa-p384, ed25519\n"
    "  --module     the PKCS#11 module; --module-args: its initialisation string\n"
    "  --pin-source file that holds the PIN; else it is asked for\n",
    run};
