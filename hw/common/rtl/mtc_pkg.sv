// Types shared by the blocks of the core.
//
// A beat of a stream holds byte 0 in bits 7:0 (AXI4-Stream order). Hashes and SHA-256 blocks hold
// their first byte in the top bits (the order of FIPS 180-4); to_message_order converts.
package mtc_pkg;
  localparam int unsigned LevelTop = 48;       // levels 0..48: a log ends at index 2^48 at most
  localparam int unsigned MaxEntry = 8192;     // bytes
  localparam int unsigned MaxBatch = 1 << 20;  // entries

  typedef logic [511:0] beat_t;
  typedef logic [255:0] hash_t;

  // A beat of an entry, its 8-byte head included.
  typedef struct packed {
    logic        first;
    logic [31:0] cookie;
    logic [15:0] len;  // of the entry, in bytes
    beat_t       data;
  } entry_beat_t;

  // A block of a message to hash.
  typedef struct packed {
    logic         first;
    logic         last;
    logic [511:0] data;  // message order
  } block_t;

  // Opens a batch.
  typedef struct packed {
    logic [31:0] nonce;
    logic [31:0] batch;
    logic [47:0] start;
    logic [31:0] num_records;
  } batch_t;

  // A frontier node that stands before the batch.
  typedef struct packed {
    logic [5:0] level;
    hash_t      hash;
  } seed_t;

  // A finished node of the tree; level 0 is a leaf.
  typedef struct packed {
    hash_t       hash;
    logic [48:0] index;
    logic [5:0]  level;
    logic [31:0] cookie;
  } record_t;

  // Why a batch was closed.
  typedef struct packed {
    logic [31:0] code;
    logic [31:0] info;
  } fault_t;

  function automatic logic [511:0] to_message_order(beat_t beat);
    for (int i = 0; i < 64; i++) to_message_order[511-8*i-:8] = beat[8*i+:8];
  endfunction

  function automatic hash_t hash_from_bytes(logic [255:0] bytes);
    for (int i = 0; i < 32; i++) hash_from_bytes[255-8*i-:8] = bytes[8*i+:8];
  endfunction
endpackage
