/* mtc ca init: a CA's folder: certificate, empty log, configuration. */
#include <stdio.h>
#include <string.h>

#include "app/mtc/ca_init.h"
#include "app/mtc/cli.h"

static const char *check_options(struct ca_init *init) {
  bool is_given = init->wire_version || init->algorithm || init->prefix_url || init->ca.crl_sign;
  if (init->certificate_file && is_given)
    return "--certificate says it already: --wire-version, --algorithm, --prefix-url, --crl-sign";
  if (!init->wire_version) init->wire_version = "plants-07";
  init->ca.wire = mtc_wire_find(init->wire_version);
  init->signer.algorithm = mtc_algorithm_find(init->algorithm ? init->algorithm : "ml-dsa-44");
  if (!init->dir || !init->key || (!init->id && !init->certificate_file))
    return "--dir, --id and --key are needed (--certificate stands for --id)";
  if (!init->ca.wire) return "--wire-version is none of plants-05, plants-06, plants-07";
  if (init->signer.algorithm == MTC_ALGORITHM_NONE) return "--algorithm is unknown";
  if (init->log_number < 1 || init->log_number > 65535)
    return "--log-number: 1 to 65535 are allowed";
  return strlen(init->dir) > 3800 ? "--dir is too long" : NULL;
}

static int run(const struct cli_command *command, int argc, char **argv) {
  static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                          {"id", required_argument, NULL, 'i'},
                                          {"wire-version", required_argument, NULL, 'w'},
                                          {"log-number", required_argument, NULL, 'l'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"prefix-url", required_argument, NULL, 'u'},
                                          {"module", required_argument, NULL, 'm'},
                                          {"module-args", required_argument, NULL, 'a'},
                                          {"pin-source", required_argument, NULL, 'p'},
                                          {"algorithm", required_argument, NULL, 'g'},
                                          {"card", required_argument, NULL, 'c'},
                                          {"crl-sign", no_argument, NULL, 's'},
                                          {"certificate", required_argument, NULL, 'C'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  struct ca_init init = {.log_number = 1};
  struct mtc_error error = {""};
  for (int option; (option = cli_option(command, argc, argv, options)) != -1;) {
    switch (option) {
      case 'd':
        init.dir = optarg;
        break;
      case 'i':
        init.id = optarg;
        break;
      case 'w':
        init.wire_version = optarg;
        break;
      case 'k':
        init.key = optarg;
        break;
      case 'u':
        init.prefix_url = optarg;
        break;
      case 'm':
        init.signer.module = optarg;
        break;
      case 'a':
        init.signer.module_args = optarg;
        break;
      case 'p':
        init.signer.pin_source = optarg;
        break;
      case 'g':
        init.algorithm = optarg;
        break;
      case 'c':
        init.card = optarg;
        break;
      case 'C':
        init.certificate_file = optarg;
        break;
      case 's':
        init.ca.crl_sign = true;
        break;
      case 'l':
        if (!mtc_parse_decimal(mtc_span_of_text(optarg), 65535, &init.log_number))
          init.log_number = 0;
        break;
      default:
        return option == 'h' ? CLI_DONE : CLI_USAGE;
    }
  }
  if (optind != argc) return cli_usage(command, "there are no arguments beside the options");
  const char *problem = check_options(&init);
  if (problem) return cli_usage(command, problem);
  mtc_status status = ca_init_check(&init, &error);
  if (!status) status = ca_init_make(&init, &error);
  mtc_bytes_free(&init.public_key);
  mtc_bytes_free(&init.certificate);
  if (status) return cli_fail(command, status, &error);
  (void)printf("CA %s, log %llu, %s: %s/ca_cert.pem\nnext: mtcd --config %s/mtc.yaml\n", init.id,
               (unsigned long long)init.log_number, init.wire_version, init.dir, init.dir);
  return CLI_DONE;
}

const struct cli_command command_ca_init = {
    "ca",
    "init",
    "mtc ca init --dir DIR --id CA-ID --key URI|FILE [--wire-version plants-07] [--log-number 1]\n"
    "         [--certificate FILE]\n"
    "         [--prefix-url URL] [--module PATH] [--module-args TEXT] [--pin-source file:PATH]\n"
    "         [--algorithm ml-dsa-44] [--crl-sign] [--card FOLDER]",
    "make a CA's folder: certificate, empty log, configuration",
    "Makes DIR with ca_cert.pem, log.db and mtc.yaml. DIR must not hold one of them yet.\n"
    "\n"
    "  --id            trust anchor ID of the CA, as 32473.1\n"
    "  --key           pkcs11: URI (RFC 7512) of an existing key, or a PEM key file (development)\n"
    "  --algorithm     what the key is for: ml-dsa-44 (unless given), ml-dsa-65, ml-dsa-87,\n"
    "                  ecdsa-p256, ecdsa-p384, ed25519\n"
    "  --module        the PKCS#11 module, unless the URI has ?module-path=/PATH; --module-args: "
    "its\n"
    "                  initialisation string\n"
    "  --pin-source    file:PATH of a file that holds the PIN, which mtcd reads at each start; or\n"
    "                  pin-source in the URI\n"
    "  --prefix-url    where the log will be served, http:// or https:// without a slash at its "
    "end:\n"
    "                  goes into the CA certificate (ML-DSA-44 only, as c2sp.org/mtc-tlog wants "
    "it)\n"
    "  --wire-version  plants-05, plants-06 or plants-07; kept for life\n"
    "  --crl-sign      the CA key may also sign CRLs: goes into the CA certificate\n"
    "  --certificate   the CA certificate of a key ceremony (mtc key ceremony), which then says "
    "the\n"
    "                  ID and all that would go into it; --key must be its key\n"
    "  --log-number    of the first log; the certificate allows it and four more\n"
    "  --card          hash on the card at FOLDER (user, h2c_0, c2h_0) instead of the CPU\n",
    run};
