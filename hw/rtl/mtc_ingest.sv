// Reads the host's stream: SYNC beats, batch headers, frontier seeds, entries (docs/registers.md).
//
// A batch takes one of the slots for open batches; the next header may come while earlier batches
// are still hashed. Throughput one beat a cycle, one more an entry, 19 a batch and three for each level
// of its seeds. An entry begins when there is room for all of it, and is not stopped any more. An
// error closes its batch with what came before it; everything behind is discarded until the next SYNC
// beat, and failed_o stays up till then.
module mtc_ingest (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 beat_valid_i,
  output logic                 beat_ready_o,
  input  mtc_pkg::beat_t       beat_i,
  input  logic                 len_good_i,     // its first word can be the length of an entry
  // registers
  input  logic                 resync_i,       // is done a cycle later
  input  logic [31:0]          nonce_i,
  output logic [31:0]          credit_o,
  output logic [31:0]          sync_ack_o,
  output logic                 discarding_o,
  output logic                 failed_o,
  output mtc_pkg::fault_t      fault_o,
  // the blocks behind
  output logic                 sync_o,
  input  logic [mtc_pkg::Batches-1:0] in_use_i,
  output logic                 open_valid_o,
  output mtc_pkg::open_t       open_o,
  output logic [47:0]          start_o,
  output logic                 close_valid_o,
  output mtc_pkg::close_t      close_o,
  output logic                 seed_valid_o,
  output mtc_pkg::seed_t       seed_o,
  input  logic                 room_i,         // for an entry, whatever its length
  output logic                 entry_valid_o,
  output mtc_pkg::entry_beat_t entry_o,
  output logic                 more_o          // entries of the batch are still to come
);
  typedef enum logic [3:0] {
    StDiscard, StSync, StHeader, StOpen, StSeeds, StEntry, StBody, StClose
  } state_e;

  // Cycles after which total_q belongs to the registers it is made of, and to the beat that is
  // here.
  localparam logic [2:0] Settling = 3'd7;

  state_e state_d, state_q;
  logic failed_d, failed_q;
  mtc_pkg::fault_t fault_d, fault_q;
  logic [31:0] nonce_q;                // of the beat that may be a SYNC beat
  logic match_q;                       // it is that of the registers
  logic [31:0] session_d, session_q;   // of the SYNC beat
  logic [31:0] credit_d, credit_q;
  logic [31:0] batch_q;
  logic [48:0] start_q;
  logic [20:0] count_q, left_d, left_q;  // entries of the batch; of them still to come
  logic [47:0] seeds_d, seeds_q;       // still to come, shifted to `level`
  logic no_seeds_q;                    // none, a cycle late
  logic slot_free_q;                   // of the batch, a cycle late: nobody else opens one
  logic seed_turn_d, seed_turn_q;      // a level of seeds takes three cycles: the second of one with a seed
  logic skip_turn_d, skip_turn_q;      // that of one without
  logic step_d, step_q;                // the third: on to the next level
  logic [5:0] level_d, level_q;
  logic [7:0] beats_d, beats_q;        // of the entry, still to come
  logic [13:0] message_len_q, len_q;   // of the beat if it begins an entry; of the entry
  logic [31:0] cookie_q;
  logic opens_d, opens_q;              // the next entry is the batch's first
  logic promises_d, promises_q;
  logic [2:0] wait_d, wait_q;          // cycles until the counts have settled
  mtc_pkg::slot_t slot_d, slot_q;

  // The beat that is here, and what is asked of it.
  mtc_pkg::beat_t beat_q;
  logic here_d, here_q, is_sync_q, len_good_d, len_good_q;
  logic single_q, body_last_q;         // an entry of one beat, of two
  logic last_d, last_q;                // beats_q is 1
  logic [7:0] body_q;                  // beats of the entry behind its first
  logic in_entry_d, in_entry_q;        // an entry may begin
  logic in_body_d, in_body_q;          // the state is StBody
  logic drop_d, drop_q;                // the beat goes in this cycle, whatever it is
  logic ready_d, ready_q;              // the next beat goes in, in place of one that is used up
  logic take, take_q, goes_on, fail, settled_q, level_good;
  logic [31:0] word0, word4, word8, word12, word24, word28;
  logic [63:0] start;
  mtc_pkg::fault_t cause, refusal;

  assign word0  = beat_q[31:0];
  assign word4  = beat_q[63:32];
  assign word8  = beat_q[95:64];
  assign word12 = beat_q[127:96];
  assign start  = beat_q[191:128];
  assign word24 = beat_q[223:192];
  assign word28 = beat_q[255:224];

  // What asks for it far and wide has copies of its own.
  logic resync, resync_entry, in_entry;
  mtc_far u_resync (.clk_i, .bit_i(resync_i), .bit_o(resync));
  mtc_far u_resync_entry (.clk_i, .bit_i(resync_i), .bit_o(resync_entry));
  mtc_far u_in_entry (.clk_i, .bit_i(in_entry_d), .bit_o(in_entry));

  // Whether there is room for the next beat is known a cycle before, in a register: a beat of an entry
  // goes at once, the first when there is room for all the entry; any other in the cycle after it was
  // used.
  assign goes_on      = (in_entry_q && len_good_q) || in_body_q;
  assign take         = here_q && (drop_q || goes_on);
  assign here_d       = rst_ni && (ready_q ? beat_valid_i : here_q);
  // A cycle after the entry before: its message may have a block more than beats.
  assign in_entry_d   = rst_ni && !resync_entry && state_q == StEntry && room_i &&
                        (!here_q || (len_good_q && !in_entry_q));
  assign in_body_d    = rst_ni && !resync_entry &&
                        (in_body_q ? !here_q || !last_q : here_q && in_entry_q && len_good_q && !single_q);
  assign last_d       = state_q == StEntry ? body_last_q : take ? beats_q == 8'd2 : last_q;
  assign len_good_d   = ready_q ? len_good_i : len_good_q;
  assign ready_d      = !here_d || drop_d || in_body_d || (in_entry_d && len_good_d);

  // It goes to every bit of the beat, and they are spread wide, and to the buffer before it: each part
  // of the beat has its own copy.
  localparam int unsigned Parts = 8, PartWidth = 512 / Parts;
  for (genvar i = 0; i < Parts; i++) begin : gen_part
    logic ready;
    mtc_far u_ready (.clk_i, .bit_i(ready_d), .bit_o(ready));
    always_ff @(posedge clk_i) begin
      if (ready) beat_q[PartWidth*i+:PartWidth] <= beat_i[PartWidth*i+:PartWidth];
    end
  end
  mtc_far u_ready (.clk_i, .bit_i(ready_d), .bit_o(beat_ready_o));

  // What these registers were made of a cycle before is what is true now.
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (in_body_q == (state_q == StBody));
      assert (!in_body_q || last_q == (beats_q == 8'd1));
      assert (state_q != StEntry || !drop_q);
      assert (!in_entry_q || state_q == StEntry);
      assert (ready_q == (!here_q || drop_q || goes_on));
    end
  end

  always_ff @(posedge clk_i) begin
    ready_q    <= ready_d;
    here_q     <= here_d;
    in_entry_q <= in_entry_d;
    in_body_q  <= in_body_d;
    len_good_q <= len_good_d;
    drop_q     <= rst_ni && drop_d;
    last_q     <= last_d;
    if (ready_q) begin
      is_sync_q  <= beat_i[31:0] == mtc_regs_pkg::MagicSync &&
                    beat_i[63:32] == mtc_regs_pkg::StreamVersion;
      body_q     <= 8'((beat_i[13:0] + 14'd7) >> 6);
      single_q   <= beat_i[13:0] <= 14'd56;
      body_last_q <= beat_i[13:0] > 14'd56 && beat_i[13:0] <= 14'd120;
      message_len_q <= beat_i[13:0] + 14'd1;
    end
  end

  // The sums that a header is checked with and a batch is opened and closed with, a step a cycle:
  // the index where the entries end, the ones of both ends, the records of all between them.
  logic [20:0] amount_q;
  logic [49:0] edge_q;
  logic [20:0] start_ones_q, edge_ones_q;  // of seven bits each
  logic [5:0] start_sum_q, edge_sum_q;
  logic [31:0] total_q;
  logic magic_bad_q, version_bad_q, nonce_bad_q, count_bad_q, start_bad_q, seeds_bad_q, high_q;

  function automatic logic [20:0] count_ones(logic [48:0] value);
    count_ones = '0;
    for (int i = 0; i < 49; i++) begin
      count_ones[3*(i/7)+:3] = count_ones[3*(i/7)+:3] + {2'd0, value[i]};
    end
  endfunction

  function automatic logic [5:0] add_up(logic [20:0] parts);
    // Three sums one behind the other, not seven.
    add_up = ((6'(parts[2:0]) + 6'(parts[5:3])) + (6'(parts[8:6]) + 6'(parts[11:9]))) +
             ((6'(parts[14:12]) + 6'(parts[17:15])) + 6'(parts[20:18]));
  endfunction

  always_ff @(posedge clk_i) begin
    amount_q     <= state_q == StClose ? count_q - left_q : count_q;
    edge_q       <= {1'b0, start_q} + {29'd0, amount_q};
    start_ones_q <= count_ones(start_q);
    edge_ones_q  <= count_ones(edge_q[48:0]);
    start_sum_q  <= add_up(start_ones_q);
    edge_sum_q   <= add_up(edge_ones_q);
    // Records of the first n entries of a log: 2n less the ones of n.
    total_q      <= {10'd0, amount_q, 1'b0} + {26'd0, start_sum_q} - {26'd0, edge_sum_q};

    magic_bad_q   <= word0 != mtc_regs_pkg::MagicBatch;
    version_bad_q <= word4 != mtc_regs_pkg::StreamVersion;
    nonce_bad_q   <= word8 != session_q;
    count_bad_q   <= word24 == '0 || word24 > mtc_pkg::MaxBatch;
    high_q        <= start[63:49] != '0;
    // A log ends at index 2^48 at most.
    start_bad_q   <= high_q || edge_q[49] || (edge_q[48] && edge_q[47:0] != '0);
    seeds_bad_q   <= word28 != {26'd0, start_sum_q};
  end

  // What is wrong with a header, code 0 if nothing.
  always_comb begin
    refusal = '0;
    if (magic_bad_q) refusal = {mtc_regs_pkg::ErrMagic, word0};
    else if (version_bad_q) refusal = {mtc_regs_pkg::ErrVersion, word4};
    else if (nonce_bad_q) refusal = {mtc_regs_pkg::ErrNonce, word8};
    else if (count_bad_q) refusal = {mtc_regs_pkg::ErrCount, word24};
    else if (start_bad_q) refusal = {mtc_regs_pkg::ErrStart, start[31:0]};
    else if (seeds_bad_q) refusal = {mtc_regs_pkg::ErrSeeds, word28};
  end

  assign level_good = beat_q[287:256] == {26'd0, level_q};

  assign credit_o       = credit_q;
  assign sync_ack_o     = session_q;
  assign discarding_o   = state_q == StDiscard || state_q == StSync;
  assign failed_o       = failed_q;
  assign fault_o        = fault_q;
  assign start_o        = start_q[47:0];
  assign seed_o.slot    = slot_q;  // no batch is closed so soon
  assign seed_o.level   = seed_level_q;
  assign seed_o.hash    = mtc_pkg::hash_from_bytes(beat_q[255:0]);
  assign entry_valid_o  = here_q && goes_on;
  assign entry_o.first  = in_entry;
  assign entry_o.cookie = in_entry ? word4 : cookie_q;
  assign entry_o.message_len = in_entry ? message_len_q : len_q;
  assign entry_o.slot   = slot_q;
  assign entry_o.opens  = opens_q;
  assign entry_o.data   = beat_q;
  assign more_o         = state_q == StEntry || state_q == StBody || state_q == StSeeds;

  // What begins a session, opens and closes a batch, and a seed, go far: it is said a cycle later.
  logic syncs, syncs_q, opens, closes, seeds_here;
  logic [5:0] seed_level_q;
  logic [31:0] synced_q;               // nonce of the SYNC beat
  assign sync_o  = syncs_q && !resync;
  logic [31:0] records;
  assign records = promises_q ? total_q : '0;
  always_ff @(posedge clk_i) begin
    syncs_q       <= rst_ni && syncs;
    synced_q      <= nonce_q;
    take_q        <= rst_ni && take;
    seed_valid_o  <= rst_ni && seeds_here;  // the beat is still there
    seed_level_q  <= level_q;
    open_valid_o  <= rst_ni && opens;
    close_valid_o <= rst_ni && closes;
    open_o        <= {slot_q, batch_q, records};
    close_o       <= {slot_q, records, fault_q};
  end

  always_comb begin
    state_d       = state_q;
    session_d     = session_q;
    left_d        = left_q;
    promises_d    = promises_q;
    seeds_d       = step_q ? seeds_q >> 1 : seeds_q;
    seed_turn_d   = 1'b0;
    skip_turn_d   = 1'b0;
    step_d        = 1'b0;
    level_d       = step_q ? level_q + 1'b1 : level_q;
    beats_d       = beats_q;
    opens_d       = opens_q;
    slot_d        = slot_q;
    wait_d        = settled_q ? '0 : wait_q - 1'b1;
    drop_d        = 1'b0;
    seeds_here    = 1'b0;
    syncs         = 1'b0;
    opens         = 1'b0;
    closes        = 1'b0;
    fail          = 1'b0;
    cause         = '0;
    unique case (state_q)
      StDiscard: begin
        drop_d = 1'b1;
        if (here_q && drop_q && is_sync_q) begin
          drop_d  = 1'b0;
          state_d = StSync;
        end
      end
      StSync: begin
        state_d = StDiscard;
        if (match_q) begin
          syncs   = 1'b1;
          wait_d  = Settling;
          state_d = StHeader;
        end
      end
      StHeader: begin
        if (!here_q) wait_d = Settling;
        if (here_q && settled_q) begin
          drop_d     = 1'b1;
          fail       = refusal.code != mtc_regs_pkg::ErrNone;
          cause      = refusal;
          promises_d = !fail;
          state_d    = StOpen;
        end
      end
      StOpen: begin
        level_d = '0;
        seeds_d = start_q[47:0];
        left_d  = count_q;
        opens_d = 1'b1;
        if (slot_free_q) begin
          opens   = 1'b1;
          wait_d  = Settling;
          state_d = failed_q ? StClose : StSeeds;
        end
      end
      StSeeds: begin
        wait_d = Settling;
        seed_turn_d = !seed_turn_q && !skip_turn_q && !step_q && seeds_q[0];
        skip_turn_d = !seed_turn_q && !skip_turn_q && !step_q && !seeds_q[0];
        // Without seeds none is here, and what is counted on does not matter: nobody need ask.
        if (skip_turn_q || (seed_turn_q && here_q)) begin
          drop_d       = seed_turn_q;
          seeds_here   = seed_turn_q;
          fail         = seed_turn_q && !level_good;
          cause        = {mtc_regs_pkg::ErrSeeds, beat_q[287:256]};
          step_d       = 1'b1;
          if (fail) state_d = StClose;
        end
        if (skip_turn_q && no_seeds_q) state_d = StEntry;
      end
      StEntry: begin
        wait_d        = Settling;
        beats_d       = body_q;
        fail          = here_q && !len_good_q;
        cause         = {mtc_regs_pkg::ErrLength, word0};
        if (fail) state_d = StClose;
        if (take) begin
          left_d = left_q - 1'b1;
          if (!single_q) begin
            state_d = StBody;
          end else begin
            opens_d = 1'b0;
            if (left_q == 21'd1) state_d = StClose;
          end
        end
      end
      StBody: begin
        wait_d        = Settling;
        if (take) begin
          beats_d = beats_q - 1'b1;
          if (last_q) begin
            opens_d = 1'b0;
            state_d = left_q == '0 ? StClose : StEntry;
          end
        end
      end
      StClose: if (settled_q) begin
        closes  = 1'b1;
        slot_d  = slot_q + 1'b1;
        wait_d  = Settling;
        state_d = failed_q ? StDiscard : StHeader;
      end
      default: state_d = StDiscard;
    endcase
    if (resync) begin
      state_d    = StDiscard;
      syncs      = 1'b0;
      seeds_here = 1'b0;
      opens      = 1'b0;
      closes     = 1'b0;
    end

    credit_d = take_q ? credit_q + 1'b1 : credit_q;
    failed_d = failed_q;
    fault_d  = fault_q;
    if (fail) begin
      failed_d = 1'b1;
      fault_d  = cause;
    end
    if (sync_o) begin
      session_d = synced_q;
      credit_d  = mtc_pkg::InputDepth;
      failed_d  = 1'b0;
      fault_d   = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q    <= StDiscard;
      failed_q   <= 1'b0;
      fault_q    <= '0;
      session_q  <= '0;
      credit_q   <= mtc_pkg::InputDepth;
      slot_q     <= '0;
      wait_q     <= '0;
      settled_q  <= 1'b1;
    end else begin
      state_q    <= state_d;
      failed_q   <= failed_d;
      fault_q    <= fault_d;
      session_q  <= session_d;
      credit_q   <= credit_d;
      slot_q     <= slot_d;
      wait_q     <= wait_d;
      settled_q  <= wait_d == '0;
    end
  end

  always_ff @(posedge clk_i) begin
    nonce_q    <= word8;
    match_q    <= word8 == nonce_i;
    left_q     <= left_d;
    promises_q <= promises_d;
    seeds_q    <= seeds_d;
    no_seeds_q <= seeds_q == '0;
    slot_free_q <= !in_use_i[slot_q];
    seed_turn_q <= seed_turn_d;
    skip_turn_q <= skip_turn_d;
    step_q     <= step_d;
    level_q    <= level_d;
    beats_q    <= beats_d;
    opens_q    <= opens_d;
    if (state_q == StHeader) begin
      batch_q <= word12;
      start_q <= start[48:0];
      count_q <= word24[20:0];
    end
    if (in_entry) begin
      len_q    <= message_len_q;
      cookie_q <= word4;
    end
  end
endmodule
