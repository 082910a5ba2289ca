// mtc_axil: responses hold until ready; one for each request and none without; a whole write to a
// register of the host reaches its lane once, unchanged, and nothing else reaches any; SLVERR says
// so.
module formal_axil (
  input logic        clk_i,
  input logic        awvalid_i,
  input logic [15:0] awaddr_i,
  input logic        wvalid_i,
  input logic [31:0] wdata_i,
  input logic [3:0]  wstrb_i,
  input logic        bready_i,
  input logic        arvalid_i,
  input logic [15:0] araddr_i,
  input logic        rready_i,
  input logic [95:0] reg_rdata_i
);
  localparam int unsigned Lanes = 3;  // of the eight that 16 bits can name
  logic rst_ni;
  initial rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic awready, wready, bvalid, arready, rvalid;
  logic [1:0] bresp, rresp;
  logic [31:0] rdata, reg_wdata;
  logic [2:0] reg_write;
  logic [12:0] reg_addr;
  mtc_axil #(.Lanes(Lanes), .AddressWidth(16)) u_dut (
    .clk_i, .rst_ni,
    .awvalid_i, .awready_o(awready), .awaddr_i, .wvalid_i, .wready_o(wready), .wdata_i, .wstrb_i,
    .bvalid_o(bvalid), .bready_i, .bresp_o(bresp), .arvalid_i, .arready_o(arready), .araddr_i,
    .rvalid_o(rvalid), .rready_i, .rdata_o(rdata), .rresp_o(rresp),
    .reg_write_o(reg_write), .reg_addr_o(reg_addr), .reg_wdata_o(reg_wdata), .reg_rdata_i
  );

  // What was asked for and not answered yet, and how often the lanes were written for it.
  logic aw_q, w_q, ar_q, written_q, b_stalled_q, r_stalled_q;
  logic [15:0] awaddr_q, araddr_q;
  logic [31:0] wdata_q, rdata_q;
  logic [3:0] wstrb_q;
  logic [1:0] bresp_q, rresp_q;
  logic [2:0] aw_wait_q, ar_wait_q;  // cycles without a response
  logic good_write, good_read;
  assign good_write = wstrb_q == '1 && awaddr_q[15:13] < Lanes &&
                      (awaddr_q[12:0] == mtc_regs_pkg::RegNonce ||
                       awaddr_q[12:0] == mtc_regs_pkg::RegCmd ||
                       awaddr_q[12:0] == mtc_regs_pkg::RegCmdSeq);
  assign good_read  = araddr_q[15:13] < Lanes && mtc_regs_pkg::is_register(araddr_q[12:0]);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_q        <= 1'b0;
      w_q         <= 1'b0;
      ar_q        <= 1'b0;
      written_q   <= 1'b0;
      b_stalled_q <= 1'b0;
      r_stalled_q <= 1'b0;
      aw_wait_q   <= '0;
      ar_wait_q   <= '0;
    end else begin
      if (awvalid_i && awready) begin
        assert (!aw_q);  // one at a time
        aw_q     <= 1'b1;
        awaddr_q <= awaddr_i;
      end
      if (wvalid_i && wready) begin
        assert (!w_q);
        w_q     <= 1'b1;
        wdata_q <= wdata_i;
        wstrb_q <= wstrb_i;
      end
      if (reg_write != '0) begin
        assert (aw_q && w_q && !written_q && good_write);
        assert (reg_write == 3'd1 << awaddr_q[14:13]);
        assert (reg_addr == awaddr_q[12:0] && reg_wdata == wdata_q);
        written_q <= 1'b1;
      end
      if (bvalid) begin
        assert (aw_q && w_q);
        assert (bresp == (good_write ? 2'b00 : 2'b10));
        assert (written_q == good_write);
        if (bready_i) {aw_q, w_q, written_q} <= '0;
      end
      b_stalled_q <= bvalid && !bready_i;
      bresp_q     <= bresp;
      if (b_stalled_q) assert (bvalid && bresp == bresp_q);
      aw_wait_q <= aw_q && w_q && !bvalid ? aw_wait_q + 1'b1 : '0;
      assert (aw_wait_q <= 3'd1);

      if (arvalid_i && arready) begin
        assert (!ar_q);
        ar_q     <= 1'b1;
        araddr_q <= araddr_i;
      end
      if (rvalid) begin
        assert (ar_q);
        assert (rresp == (good_read ? 2'b00 : 2'b10));
        if (!good_read) assert (rdata == '0);
        if (rready_i) ar_q <= 1'b0;
      end
      r_stalled_q <= rvalid && !rready_i;
      rresp_q     <= rresp;
      rdata_q     <= rdata;
      if (r_stalled_q) assert (rvalid && rresp == rresp_q && rdata == rdata_q);
      ar_wait_q <= ar_q && !rvalid ? ar_wait_q + 1'b1 : '0;
      assert (ar_wait_q <= 3'd2);  // a write may go first, once
    end
  end

  // The word that comes is that of the lane, in the cycle of the read.
  logic [31:0] lane_q;
  always_ff @(posedge clk_i) begin
    case (araddr_q[14:13])
      2'd0: lane_q <= reg_rdata_i[31:0];
      2'd1: lane_q <= reg_rdata_i[63:32];
      default: lane_q <= reg_rdata_i[95:64];
    endcase
    if (rst_ni && rvalid && !r_stalled_q && good_read) assert (rdata == lane_q);
  end
endmodule
