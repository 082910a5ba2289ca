// Reads the host's stream: SYNC beats, batch headers, frontier seeds, entries (docs/registers.md).
//
// A batch takes one of the slots for open batches; the next header may come while earlier batches are
// still hashed. Throughput one beat a cycle, four more a batch and one for each level of its seeds.
// An error closes its batch with what came before it; everything behind is discarded until the next
// SYNC beat, and failed_o stays up till then.
module mtc_ingest (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 beat_valid_i,
  output logic                 beat_ready_o,
  input  mtc_pkg::beat_t       beat_i,
  // registers
  input  logic                 resync_i,
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
  output logic                 entry_valid_o,
  input  logic                 entry_ready_i,
  output mtc_pkg::entry_beat_t entry_o,
  output logic                 more_o          // entries of the batch are still to come
);
  typedef enum logic [2:0] {
    StDiscard, StHeader, StOpen, StSeeds, StEntry, StBody, StClose
  } state_e;

  state_e state_d, state_q;
  logic failed_d, failed_q;
  mtc_pkg::fault_t fault_d, fault_q;
  logic [31:0] session_d, session_q;  // nonce of the SYNC beat
  logic [31:0] taken_d, taken_q;      // beats since it
  logic [31:0] batch_d, batch_q;
  logic [47:0] start_d, start_q;
  logic [48:0] next_d, next_q;        // index of the next entry
  logic [48:0] end_d, end_q;          // of the batch
  logic [47:0] seeds_d, seeds_q;      // still to come, shifted to `level`
  logic [5:0] level_d, level_q;
  logic [16:0] beats_d, beats_q;      // of the entry, still to come
  logic [15:0] len_d, len_q;
  logic [31:0] cookie_d, cookie_q;
  logic opens_d, opens_q;             // the next entry is the batch's first
  mtc_pkg::slot_t slot_d, slot_q;

  // The fields of a beat, by their byte offsets.
  logic [31:0] word0, word4, word8, word12, word24, word28;
  logic [63:0] start;
  logic take, fail, is_sync, len_good, level_good, is_entry, promises_q, promises_d;
  mtc_pkg::fault_t cause, refusal;

  assign word0  = beat_i[31:0];
  assign word4  = beat_i[63:32];
  assign word8  = beat_i[95:64];
  assign word12 = beat_i[127:96];
  assign start  = beat_i[191:128];
  assign word24 = beat_i[223:192];
  assign word28 = beat_i[255:224];
  assign take   = beat_valid_i && beat_ready_o;

  function automatic logic [31:0] count_ones(logic [63:0] value);
    count_ones = '0;
    for (int i = 0; i < 64; i++) count_ones = count_ones + {31'd0, value[i]};
  endfunction

  // What is wrong with a header, code 0 if nothing.
  always_comb begin
    refusal = '0;
    if (word0 != mtc_regs_pkg::MagicBatch) begin
      refusal = {mtc_regs_pkg::ErrMagic, word0};
    end else if (word4 != mtc_regs_pkg::StreamVersion) begin
      refusal = {mtc_regs_pkg::ErrVersion, word4};
    end else if (word8 != session_q) begin
      refusal = {mtc_regs_pkg::ErrNonce, word8};
    end else if (word24 == '0 || word24 > mtc_pkg::MaxBatch) begin
      refusal = {mtc_regs_pkg::ErrCount, word24};
    end else if (start > (64'd1 << mtc_pkg::LevelTop) - {32'd0, word24}) begin
      refusal = {mtc_regs_pkg::ErrStart, start[31:0]};
    end else if (word28 != count_ones(start)) begin
      refusal = {mtc_regs_pkg::ErrSeeds, word28};
    end
  end

  assign is_sync    = word0 == mtc_regs_pkg::MagicSync && word4 == mtc_regs_pkg::StreamVersion &&
                      word8 == nonce_i;
  assign len_good   = word0 != '0 && word0 <= mtc_pkg::MaxEntry;
  assign level_good = beat_i[287:256] == {26'd0, level_q};
  assign is_entry   = state_q == StEntry;

  assign credit_o       = taken_q + mtc_pkg::InputDepth;
  assign sync_ack_o     = session_q;
  assign discarding_o   = state_q == StDiscard;
  assign failed_o       = failed_q;
  assign fault_o        = fault_q;
  assign start_o        = start_q;
  assign seed_o.slot    = slot_q;
  assign seed_o.level   = level_q;
  assign seed_o.hash    = mtc_pkg::hash_from_bytes(beat_i[255:0]);
  assign entry_o.first  = is_entry;
  assign entry_o.cookie = is_entry ? word4 : cookie_q;
  assign entry_o.len    = is_entry ? word0[15:0] : len_q;
  assign entry_o.slot   = slot_q;
  assign entry_o.opens  = opens_q;
  assign entry_o.data   = beat_i;
  assign more_o         = state_q == StEntry || state_q == StBody || state_q == StSeeds;

  assign open_o.slot     = slot_q;
  assign open_o.batch    = batch_q;
  assign open_o.promised = promises_q ? promised_q : '0;
  assign close_o.slot    = slot_q;
  assign close_o.fault   = failed_q ? fault_q : '0;
  assign close_o.records = promises_q ? records_q : '0;

  // Counting ones is slow: the counts are registers, and a state that needs one waits a cycle.
  logic [31:0] promised_q, records_q;
  logic settled_q;
  always_ff @(posedge clk_i) begin
    settled_q  <= state_d == state_q;
    promised_q <= 32'(mtc_pkg::count_records(end_q) - mtc_pkg::count_records({1'b0, start_q}));
    records_q  <= 32'(mtc_pkg::count_records(next_q) - mtc_pkg::count_records({1'b0, start_q}));
  end

  always_comb begin
    state_d       = state_q;
    session_d     = session_q;
    taken_d       = take ? taken_q + 1'b1 : taken_q;
    batch_d       = batch_q;
    start_d       = start_q;
    next_d        = next_q;
    end_d         = end_q;
    promises_d    = promises_q;
    seeds_d       = seeds_q;
    level_d       = level_q;
    beats_d       = beats_q;
    len_d         = len_q;
    cookie_d      = cookie_q;
    opens_d       = opens_q;
    slot_d        = slot_q;
    beat_ready_o  = 1'b0;
    entry_valid_o = 1'b0;
    seed_valid_o  = 1'b0;
    sync_o        = 1'b0;
    open_valid_o  = 1'b0;
    close_valid_o = 1'b0;
    fail          = 1'b0;
    cause         = '0;
    unique case (state_q)
      StDiscard: begin
        beat_ready_o = 1'b1;
        if (beat_valid_i && is_sync) begin
          sync_o    = 1'b1;
          session_d = word8;
          taken_d   = '0;
          state_d   = StHeader;
        end
      end
      StHeader: begin
        beat_ready_o = 1'b1;
        if (beat_valid_i) begin
          batch_d    = word12;
          start_d    = start[47:0];
          next_d     = start[48:0];
          end_d      = start[48:0] + {17'd0, word24};
          fail       = refusal.code != mtc_regs_pkg::ErrNone;
          cause      = refusal;
          promises_d = !fail;
          state_d    = StOpen;
        end
      end
      StOpen: if (settled_q && !in_use_i[slot_q]) begin
        open_valid_o = 1'b1;
        level_d      = '0;
        seeds_d      = start_q;
        opens_d      = 1'b1;
        state_d      = failed_q ? StClose : StSeeds;
      end
      StSeeds: begin
        beat_ready_o = seeds_q[0];
        if (seeds_q == '0) begin
          state_d = StEntry;
        end else if (!seeds_q[0] || beat_valid_i) begin
          seed_valid_o = seeds_q[0];
          fail         = seeds_q[0] && !level_good;
          cause        = {mtc_regs_pkg::ErrSeeds, beat_i[287:256]};
          seeds_d      = seeds_q >> 1;
          level_d      = level_q + 1'b1;
          if (fail) state_d = StClose;
        end
      end
      StEntry: begin
        beat_ready_o  = entry_ready_i || !len_good;
        entry_valid_o = beat_valid_i && len_good;
        len_d         = word0[15:0];
        cookie_d      = word4;
        if (take) begin
          beats_d = (word0[16:0] + 17'd7) >> 6;
          fail    = !len_good;
          cause   = {mtc_regs_pkg::ErrLength, word0};
          if (fail) begin
            state_d = StClose;
          end else begin
            next_d = next_q + 1'b1;
            if (beats_d != '0) begin
              state_d = StBody;
            end else begin
              opens_d = 1'b0;
              if (next_d == end_q) state_d = StClose;
            end
          end
        end
      end
      StBody: begin
        beat_ready_o  = entry_ready_i;
        entry_valid_o = beat_valid_i;
        if (take) begin
          beats_d = beats_q - 1'b1;
          if (beats_d == '0) begin
            opens_d = 1'b0;
            state_d = next_q == end_q ? StClose : StEntry;
          end
        end
      end
      StClose: if (settled_q) begin
        close_valid_o = 1'b1;
        slot_d        = slot_q + 1'b1;
        state_d       = failed_q ? StDiscard : StHeader;
      end
      default: state_d = StDiscard;
    endcase
    if (resync_i) begin
      state_d       = StDiscard;
      sync_o        = 1'b0;
      open_valid_o  = 1'b0;
      close_valid_o = 1'b0;
    end

    failed_d = failed_q;
    fault_d  = fault_q;
    if (fail) begin
      failed_d = 1'b1;
      fault_d  = cause;
    end
    if (sync_o) begin
      failed_d = 1'b0;
      fault_d  = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q   <= StDiscard;
      failed_q  <= 1'b0;
      fault_q   <= '0;
      session_q <= '0;
      taken_q   <= '0;
      slot_q    <= '0;
    end else begin
      state_q   <= state_d;
      failed_q  <= failed_d;
      fault_q   <= fault_d;
      session_q <= session_d;
      taken_q   <= taken_d;
      slot_q    <= slot_d;
    end
  end

  always_ff @(posedge clk_i) begin
    batch_q    <= batch_d;
    start_q    <= start_d;
    next_q     <= next_d;
    end_q      <= end_d;
    promises_q <= promises_d;
    seeds_q    <= seeds_d;
    level_q    <= level_d;
    beats_q    <= beats_d;
    len_q      <= len_d;
    cookie_q   <= cookie_d;
    opens_q    <= opens_d;
  end

`ifdef VERILATOR
  mtc_stable #(.Width($bits(entry_o))) u_stable (
    .clk_i, .rst_ni, .flush_i(resync_i),
    .valid_i(entry_valid_o), .ready_i(entry_ready_i), .data_i(entry_o)
  );
`endif
endmodule
