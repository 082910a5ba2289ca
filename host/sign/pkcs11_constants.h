/* PKCS#11 3.2 constants that the headers of Debian 13 lack. Source: OASIS PKCS #11 v3.2. */
#ifndef MTC_SIGN_PKCS11_CONSTANTS_H
#define MTC_SIGN_PKCS11_CONSTANTS_H

#ifndef CKK_ML_DSA
#define CKK_ML_DSA 0x4AUL
#endif
#ifndef CKM_ML_DSA_KEY_PAIR_GEN
#define CKM_ML_DSA_KEY_PAIR_GEN 0x1CUL
#endif
#ifndef CKM_ML_DSA
#define CKM_ML_DSA 0x1DUL
#endif
#ifndef CKA_PARAMETER_SET
#define CKA_PARAMETER_SET 0x61DUL
#endif
#ifndef CKA_DECAPSULATE
#define CKA_DECAPSULATE 0x634UL
#endif
#ifndef CKA_SEED
#define CKA_SEED 0x637UL
#endif
#ifndef CKP_ML_DSA_44
#define CKP_ML_DSA_44 1UL
#define CKP_ML_DSA_65 2UL
#define CKP_ML_DSA_87 3UL
#endif
#ifndef CKK_EC_EDWARDS
#define CKK_EC_EDWARDS 0x40UL
#endif
#ifndef CKM_EC_EDWARDS_KEY_PAIR_GEN
#define CKM_EC_EDWARDS_KEY_PAIR_GEN 0x1055UL
#endif
#ifndef CKM_EDDSA
#define CKM_EDDSA 0x1057UL
#endif

#endif
