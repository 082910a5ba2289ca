// AXI4-Lite slave before the registers of all lanes: a page pair of 8 KiB for each, lane 0 first.
//
// One write and one read at a time, each answered 2 cycles after it is complete; a read waits a
// cycle where both want the lanes' one address. A write that is not of a whole register of the
// host, and a read of what is no register, is answered SLVERR and does nothing.
module mtc_axil #(
  parameter int unsigned Lanes        = 1,
  parameter int unsigned AddressWidth = 32  // at least 14
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic                    awvalid_i,
  output logic                    awready_o,
  input  logic [AddressWidth-1:0] awaddr_i,
  input  logic                    wvalid_i,
  output logic                    wready_o,
  input  logic [31:0]             wdata_i,
  input  logic [3:0]              wstrb_i,
  output logic                    bvalid_o,
  input  logic                    bready_i,
  output logic [1:0]              bresp_o,
  input  logic                    arvalid_i,
  output logic                    arready_o,
  input  logic [AddressWidth-1:0] araddr_i,
  output logic                    rvalid_o,
  input  logic                    rready_i,
  output logic [31:0]             rdata_o,
  output logic [1:0]              rresp_o,
  // To the lanes: their bits and words side by side, lane 0 lowest.
  output logic [Lanes-1:0]        reg_write_o,
  output logic [12:0]             reg_addr_o,
  output logic [31:0]             reg_wdata_o,
  input  logic [32*Lanes-1:0]     reg_rdata_i
);
  localparam int unsigned LaneWidth = AddressWidth - 13;
  localparam logic [1:0] Okay = 2'b00;
  localparam logic [1:0] SlvErr = 2'b10;

  // A request is kept until its response is taken; only then comes the next.
  logic aw_q, w_q, b_q, ar_q, r_q, write, read;
  logic [AddressWidth-1:0] awaddr_q, araddr_q, address;
  logic [31:0] wdata_q;
  logic whole_q;

  assign awready_o = !aw_q && !b_q;
  assign wready_o  = !w_q && !b_q;
  assign arready_o = !ar_q && !r_q;
  assign bvalid_o  = b_q;
  assign rvalid_o  = r_q;
  assign write     = aw_q && w_q;
  assign read      = ar_q && !write;
  assign address   = write ? awaddr_q : araddr_q;

  // Which lane, and whether that register is there.
  logic [Lanes-1:0] selected;
  logic [31:0] rdata;
  logic known;
  always_comb begin
    rdata = '0;
    for (int i = 0; i < int'(Lanes); i++) begin
      selected[i] = address[AddressWidth-1:13] == LaneWidth'(i);
      if (selected[i]) rdata = rdata | reg_rdata_i[32*i+:32];
    end
  end
  assign known       = selected != '0 && mtc_regs_pkg::is_register(address[12:0]);
  assign reg_addr_o  = address[12:0];
  assign reg_wdata_o = wdata_q;
  assign reg_write_o = write && known && mtc_regs_pkg::is_host_owned(address[12:0]) && whole_q ?
                       selected : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_q <= 1'b0;
      w_q  <= 1'b0;
      b_q  <= 1'b0;
      ar_q <= 1'b0;
      r_q  <= 1'b0;
    end else begin
      aw_q <= !write && (aw_q || (awvalid_i && awready_o));
      w_q  <= !write && (w_q || (wvalid_i && wready_o));
      b_q  <= write || (b_q && !bready_i);
      ar_q <= !read && (ar_q || (arvalid_i && arready_o));
      r_q  <= read || (r_q && !rready_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (awready_o) awaddr_q <= awaddr_i;
    if (wready_o) begin
      wdata_q <= wdata_i;
      whole_q <= wstrb_i == '1;
    end
    if (arready_o) araddr_q <= araddr_i;
    if (write) bresp_o <= reg_write_o != '0 ? Okay : SlvErr;
    if (read) begin
      rdata_o <= known ? rdata : '0;
      rresp_o <= known ? Okay : SlvErr;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!(b_q && (aw_q || w_q)));
      assert (!(r_q && ar_q));
    end
  end

`ifdef VERILATOR
  mtc_stable #(.Width(2)) u_stable_b (
    .clk_i, .rst_ni, .flush_i(1'b0), .valid_i(bvalid_o), .ready_i(bready_i), .data_i(bresp_o)
  );
  mtc_stable #(.Width(34)) u_stable_r (
    .clk_i, .rst_ni, .flush_i(1'b0),
    .valid_i(rvalid_o), .ready_i(rready_i), .data_i({rresp_o, rdata_o})
  );
`endif
endmodule
