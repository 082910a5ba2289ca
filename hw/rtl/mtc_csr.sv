// The registers (docs/registers.md): reads are combinational and change nothing, a write takes a
// cycle. A command runs two cycles after its CMD_SEQ was written. What is counted is so a cycle
// late.
module mtc_csr #(
  parameter logic [31:0] Build  = 32'd0,
  parameter int unsigned Fold   = 1,
  parameter int unsigned Stages = 1,
  parameter int unsigned Lanes  = 1
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            write_i,
  input  logic [12:0]     addr_i,
  input  logic [31:0]     wdata_i,
  output logic [31:0]     rdata_o,
  output logic            resync_o,
  output logic [31:0]     nonce_o,
  input  logic [31:0]     credit_i,
  input  logic [31:0]     frames_i,
  input  logic [31:0]     sync_ack_i,
  input  logic            busy_i,
  input  logic            discarding_i,
  input  logic            failed_i,
  input  mtc_pkg::fault_t fault_i,
  // what to count
  input  logic            entry_i,
  input  logic            leaf_hash_i,
  input  logic            node_hash_i,
  input  mtc_pkg::use_t   use_i,
  input  logic            stall_i
);
  logic [31:0] nonce_q, command_q, sequence_q, runs_q, ack_q;
  logic unknown_q;
  logic pending_q, resync_q, snapshot_q;

  assign resync_o = resync_q;
  assign nonce_o  = nonce_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      nonce_q    <= '0;
      command_q  <= '0;
      sequence_q <= '0;
      runs_q     <= '0;
      ack_q      <= '0;
      unknown_q  <= 1'b0;
      pending_q  <= 1'b0;
      resync_q   <= 1'b0;
      snapshot_q <= 1'b0;
    end else begin
      if (write_i && addr_i == mtc_regs_pkg::RegNonce) nonce_q <= wdata_i;
      if (write_i && addr_i == mtc_regs_pkg::RegCmd) command_q <= wdata_i;
      if (write_i && addr_i == mtc_regs_pkg::RegCmdSeq) sequence_q <= wdata_i;
      if (!pending_q) runs_q <= sequence_q;
      pending_q  <= sequence_q != ack_q && !pending_q;
      resync_q   <= sequence_q != ack_q && !pending_q && command_q == mtc_regs_pkg::CmdResync;
      snapshot_q <= sequence_q != ack_q && !pending_q && command_q == mtc_regs_pkg::CmdSnapshot;
      if (pending_q) begin
        ack_q     <= runs_q;
        unknown_q <= !resync_q && !snapshot_q;
      end
    end
  end

  // Counters, 64 bits each. Their sums over a tick's uses are the ticks.
  localparam int unsigned NumCounters = 10;
  logic [NumCounters-1:0] step_q;
  logic [64*NumCounters-1:0] counters_q, counters_d, copies_q;

  always_comb begin
    for (int i = 0; i < int'(NumCounters); i++) begin
      counters_d[64*i+:64] = counters_q[64*i+:64] + {63'd0, step_q[i]};
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      step_q     <= '0;
      counters_q <= '0;
      copies_q   <= '0;
    end else begin
      step_q <= {stall_i, use_i.tail, use_i.no_credit, use_i.no_input, node_hash_i, leaf_hash_i,
                 entry_i, use_i.node, use_i.leaf, 1'b1};
      counters_q <= counters_d;
      if (snapshot_q) copies_q <= counters_q;
    end
  end

  always_comb begin
    unique case (addr_i)
      mtc_regs_pkg::RegId: rdata_o = mtc_regs_pkg::RegisterId;
      mtc_regs_pkg::RegVersion: rdata_o = mtc_regs_pkg::InterfaceVersion;
      mtc_regs_pkg::RegCapsEntry: rdata_o = mtc_pkg::MaxEntry;
      mtc_regs_pkg::RegCapsBatch: rdata_o = mtc_pkg::MaxBatch;
      mtc_regs_pkg::RegCapsInput: rdata_o = mtc_pkg::InputDepth;
      mtc_regs_pkg::RegBuild: rdata_o = Build;
      mtc_regs_pkg::RegCapsCore: begin
        rdata_o = {8'(Lanes), 8'(mtc_pkg::Batches), 8'(Stages), 8'(Fold)};
      end
      mtc_regs_pkg::RegStatus: begin
        rdata_o = '0;
        rdata_o[mtc_regs_pkg::StatusBusyLsb] = busy_i;
        rdata_o[mtc_regs_pkg::StatusDiscardingLsb] = discarding_i;
        rdata_o[mtc_regs_pkg::StatusFailedLsb] = failed_i;
      end
      mtc_regs_pkg::RegInCredit: rdata_o = credit_i;
      mtc_regs_pkg::RegOutAvail: rdata_o = frames_i;
      mtc_regs_pkg::RegErrCause: rdata_o = fault_i.code;
      mtc_regs_pkg::RegErrInfo: rdata_o = fault_i.info;
      mtc_regs_pkg::RegCyclesLo: rdata_o = copies_q[0+:32];
      mtc_regs_pkg::RegCyclesHi: rdata_o = copies_q[32+:32];
      mtc_regs_pkg::RegLeafBlocksLo: rdata_o = copies_q[64+:32];
      mtc_regs_pkg::RegLeafBlocksHi: rdata_o = copies_q[96+:32];
      mtc_regs_pkg::RegNodeBlocksLo: rdata_o = copies_q[128+:32];
      mtc_regs_pkg::RegNodeBlocksHi: rdata_o = copies_q[160+:32];
      mtc_regs_pkg::RegEntriesLo: rdata_o = copies_q[192+:32];
      mtc_regs_pkg::RegEntriesHi: rdata_o = copies_q[224+:32];
      mtc_regs_pkg::RegLeafHashesLo: rdata_o = copies_q[256+:32];
      mtc_regs_pkg::RegLeafHashesHi: rdata_o = copies_q[288+:32];
      mtc_regs_pkg::RegNodeHashesLo: rdata_o = copies_q[320+:32];
      mtc_regs_pkg::RegNodeHashesHi: rdata_o = copies_q[352+:32];
      mtc_regs_pkg::RegNoInputLo: rdata_o = copies_q[384+:32];
      mtc_regs_pkg::RegNoInputHi: rdata_o = copies_q[416+:32];
      mtc_regs_pkg::RegNoCreditLo: rdata_o = copies_q[448+:32];
      mtc_regs_pkg::RegNoCreditHi: rdata_o = copies_q[480+:32];
      mtc_regs_pkg::RegTailLo: rdata_o = copies_q[512+:32];
      mtc_regs_pkg::RegTailHi: rdata_o = copies_q[544+:32];
      mtc_regs_pkg::RegStallsLo: rdata_o = copies_q[576+:32];
      mtc_regs_pkg::RegStallsHi: rdata_o = copies_q[608+:32];
      mtc_regs_pkg::RegSyncAck: rdata_o = sync_ack_i;
      mtc_regs_pkg::RegCmdResult: rdata_o = {31'd0, unknown_q};
      mtc_regs_pkg::RegCmdAck: rdata_o = ack_q;
      mtc_regs_pkg::RegNonce: rdata_o = nonce_q;
      mtc_regs_pkg::RegCmd: rdata_o = command_q;
      mtc_regs_pkg::RegCmdSeq: rdata_o = sequence_q;
      default: rdata_o = '0;
    endcase
  end
endmodule
