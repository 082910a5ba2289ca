// OUT_AVAIL: what mtc_emit promises comes, whatever becomes of its inputs: frames come out only
// after they were counted, each whole, with `last` on its last beat, and while one is owed a beat
// is there within a few cycles. SYNC frames are owed from their SYNC beat on.
//
// Frames of three records behind the header (`shrink` in the script), two buffers, two open
// batches. Batches are opened, closed and dropped whenever they may be; records come in any order,
// as many as were announced; beats are taken at any time.
module formal_avail (
  input logic       clk_i,
  input logic       drop_i,
  input logic       sync_i,
  input logic       open_i,
  input logic       close_i,
  input logic       record_i,
  input logic       slot_i,      // of what comes
  input logic [2:0] promised_i,
  input logic [2:0] records_i,   // that will come of them
  input logic       beat_ready_i
);
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  // The batches: not opened in a slot that is in use; not closed before they are open for a cycle.
  logic [1:0] open_q, closed_q, in_use;
  logic [2:0] will_q[2];
  logic [2:0] came_q[2];
  logic [2:0] quiet_q;  // cycles since the last drop or SYNC
  logic drop, sync, open, close, record, ready, next_q;
  assign drop   = rst_ni && drop_i && quiet_q == 3'd7;
  assign sync   = rst_ni && sync_i && quiet_q == 3'd7 && open_q == '0 && in_use == '0 && !drop;
  assign open   = rst_ni && open_i && quiet_q == 3'd7 && !drop && !sync && !in_use[next_q] &&
                  !open_q[next_q];
  assign close  = rst_ni && close_i && !drop && open_q[slot_i] && !closed_q[slot_i];
  assign record = rst_ni && record_i && !drop && open_q[slot_i] && came_q[slot_i] != will_q[slot_i];

  mtc_pkg::open_t opens;
  mtc_pkg::close_t closes;
  mtc_pkg::record_t records;
  assign opens.slot     = next_q;
  assign opens.batch    = '0;
  assign opens.promised = {29'd0, promised_i};
  assign closes.slot    = slot_i;
  assign closes.records = {29'd0, will_q[slot_i]};
  assign closes.fault   = '0;
  always_comb begin
    records           = '0;
    records.node.slot = slot_i;
  end

  logic valid, last;
  logic [31:0] frames, frames_q;
  mtc_pkg::beat_t beat;
  mtc_emit u_dut (
    .clk_i, .rst_ni, .drop_i(drop), .sync_i(sync), .nonce_i('0),
    .open_valid_i(open), .open_i(opens), .close_valid_i(close), .close_i(closes), .in_use_o(in_use),
    .frames_o(frames), .record_valid_i(record), .record_ready_o(ready), .record_i(records),
    .beat_valid_o(valid), .beat_ready_i, .beat_o(beat), .beat_last_o(last)
  );

  logic [3:0] owed, owed_q;  // frames that the host may count on, the one under way included
  logic [1:0] beat_q;        // of the frame under way
  logic [3:0] gap_q;         // cycles without a beat though one is owed
  logic sync_q, stalled_q;
  assign owed = owed_q + (sync_q ? 4'd1 : frames[3:0] - frames_q[3:0]);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      open_q    <= '0;
      closed_q  <= '0;
      quiet_q   <= 3'd7;
      next_q    <= 1'b0;
      owed_q    <= '0;
      beat_q    <= '0;
      gap_q     <= '0;
      frames_q  <= '0;
      sync_q    <= 1'b0;
      stalled_q <= 1'b0;
    end else begin
      quiet_q <= drop || sync ? '0 : quiet_q + {2'd0, quiet_q != 3'd7};
      if (open) begin
        open_q[next_q]   <= 1'b1;
        closed_q[next_q] <= 1'b0;
        will_q[next_q]   <= records_i < promised_i ? records_i : promised_i;
        came_q[next_q]   <= '0;
        next_q           <= !next_q;
      end
      if (close) closed_q[slot_i] <= 1'b1;
      if (record && ready) came_q[slot_i] <= came_q[slot_i] + 1'b1;
      for (int i = 0; i < 2; i++) begin
        if (closed_q[i] && came_q[i] == will_q[i] && !in_use[i]) open_q[i] <= 1'b0;
      end
      if (drop) begin
        open_q   <= '0;
        closed_q <= '0;
      end

      sync_q   <= sync;
      frames_q <= frames;
      if (sync_q) assert (frames == '0);
      else assert (frames == frames_q || frames == frames_q + 1);
      if (valid) begin
        assert (owed != '0);
        assert (last == (beat_q == 2'd3));
      end
      stalled_q <= valid && !beat_ready_i;
      if (stalled_q) assert (valid);
      if (valid && beat_ready_i) beat_q <= beat_q + 1'b1;
      owed_q <= owed - {3'd0, valid && beat_ready_i && last};
      gap_q  <= owed != '0 && !valid ? gap_q + 1'b1 : '0;
      assert (gap_q != 4'd8);
    end
  end
endmodule
