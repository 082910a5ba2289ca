// Types shared by the blocks of a lane.
//
// A beat of a stream holds byte 0 in bits 7:0 (AXI4-Stream order). Hashes and SHA-256 blocks hold
// their first byte in the top bits (the order of FIPS 180-4); to_message_order converts.
package mtc_pkg;
  localparam int unsigned MaxEntry  = 8192;     // bytes
  localparam int unsigned MaxBatch  = 1 << 20;  // entries
  localparam int unsigned Batches   = 4;        // open at a time
  localparam int unsigned Window    = 512;      // leaves from the oldest unfinished to the newest
  localparam int unsigned MaxNodes  = 128;      // interior nodes waiting, hashed, or not yet placed
  localparam int unsigned Blocks    = 1024;     // of leaves that wait for the engine
  localparam int unsigned LeafBlocks = (1 + MaxEntry + 9 + 63) / 64;  // of a leaf, at most
  localparam int unsigned BlocksUnderWay = 8;   // between mtc_ingest and mtc_store, at most 4
  localparam int unsigned Frames    = 8;        // output buffers
  localparam int unsigned InputDepth = 256;     // beats

  typedef logic [511:0] beat_t;
  typedef logic [255:0] hash_t;
  localparam int unsigned PlaceWidth   = $clog2(Window);
  localparam int unsigned AddressWidth = $clog2(Blocks);
  typedef logic [$clog2(Batches)-1:0] slot_t;  // which of the open batches
  typedef logic [PlaceWidth-1:0] place_t;      // of a leaf in the reorder buffer
  typedef logic [AddressWidth-1:0] address_t;  // of a block in the store

  // A beat of an entry, its 8-byte head included.
  typedef struct packed {
    logic        first;
    logic [31:0] cookie;
    logic [13:0] message_len;  // of 0x00 || entry, in bytes
    slot_t       slot;
    logic        opens;  // the first entry of its batch
    beat_t       data;
  } entry_beat_t;

  // What goes with a leaf from its entry to its hash.
  typedef struct packed {
    logic [31:0] cookie;
    slot_t       slot;
    logic        opens;
  } leaf_t;

  // A block of a leaf's message.
  typedef struct packed {
    logic         last;
    leaf_t        leaf;
    logic [511:0] data;  // message order
  } block_t;

  // A leaf whose blocks are all in the store.
  typedef struct packed {
    leaf_t      leaf;
    address_t   address;     // of its first block
    logic [7:0] num_blocks;
  } leaf_job_t;

  // Where a node stands.
  typedef struct packed {
    slot_t       slot;
    logic        edge_l;  // the first of its level in the batch: its left sibling is a seed
    logic [5:0]  level;
    logic [48:0] index;
  } node_t;

  // A node that is hashed.
  typedef struct packed {
    node_t       node;
    logic [31:0] cookie;  // of a leaf
    hash_t       hash;
  } record_t;

  // What a slot of the barrel works on.
  typedef struct packed {
    logic       is_node;
    logic [7:0] left;      // blocks still to come after the one in the pipeline
    address_t   address;   // of the next one (leaves)
    logic [7:0] tail;      // last byte of the right child (nodes)
    place_t     place;     // of the hash (leaves)
    leaf_t      leaf;
    node_t      node;
  } work_t;

  // Opens a batch; closes it, with what will come of it.
  typedef struct packed {
    slot_t       slot;
    logic [31:0] batch;
    logic [31:0] promised;  // records
  } open_t;

  typedef struct packed {
    logic [31:0] code;
    logic [31:0] info;
  } fault_t;

  typedef struct packed {
    slot_t       slot;
    logic [31:0] records;  // that come; the rest of the promise is padding
    fault_t      fault;
  } close_t;

  // A frontier node that stands before the batch.
  typedef struct packed {
    slot_t      slot;
    logic [5:0] level;
    hash_t      hash;
  } seed_t;

  // What a tick of the engine was used for.
  typedef struct packed {
    logic leaf;       // a block of a leaf
    logic node;       // a block of a node
    logic no_input;   // nothing: there was no work
    logic no_credit;  // nothing: there would have been no place for the result
    logic tail;       // nothing: the last nodes of a tree are one after the other
  } use_t;

  function automatic logic [511:0] to_message_order(beat_t beat);
    for (int i = 0; i < 64; i++) to_message_order[511-8*i-:8] = beat[8*i+:8];
  endfunction

  function automatic hash_t hash_from_bytes(logic [255:0] bytes);
    for (int i = 0; i < 32; i++) hash_from_bytes[255-8*i-:8] = bytes[8*i+:8];
  endfunction
endpackage
