// The card behind an FT245 bus: everything on the board but pads and reset.
//
// One register request at a time goes over AXI4-Lite; its answer comes before the next is taken.
module mtc_byte_card #(
  parameter int unsigned Fold  = 64,
  parameter logic [31:0] Build = 32'd0
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       rxf_n_i,
  input  logic       txe_n_i,
  output logic       oe_n_o,
  output logic       rd_n_o,
  output logic       wr_n_o,
  input  logic [7:0] data_i,
  output logic [7:0] data_o,
  output logic       drive_o
);
  logic rx_valid, rx_ready, tx_valid, tx_ready;
  logic [7:0] rx_data, tx_data;
  mtc_ft245 u_ft245 (
    .clk_i, .rst_ni, .rxf_n_i, .txe_n_i, .oe_n_o, .rd_n_o, .wr_n_o, .data_i, .data_o, .drive_o,
    .rx_valid_o(rx_valid), .rx_ready_i(rx_ready), .rx_data_o(rx_data),
    .tx_valid_i(tx_valid), .tx_ready_o(tx_ready), .tx_data_i(tx_data)
  );

  logic h2c_valid, h2c_ready, c2h_valid, c2h_ready, c2h_last;
  logic [63:0] h2c_data, c2h_data;
  logic request_valid, request_ready, answer_valid, answer_ready;
  logic [7:0] kind;
  logic [15:0] address;
  logic [31:0] data, rdata;
  logic [1:0] bresp, rresp;
  mtc_bytes_in u_in (
    .clk_i, .rst_ni,
    .byte_valid_i(rx_valid), .byte_ready_o(rx_ready), .byte_i(rx_data),
    .word_valid_o(h2c_valid), .word_ready_i(h2c_ready), .word_o(h2c_data),
    .request_valid_o(request_valid), .request_ready_i(request_ready), .request_kind_o(kind),
    .request_address_o(address), .request_data_o(data)
  );
  mtc_bytes_out u_out (
    .clk_i, .rst_ni,
    .answer_valid_i(answer_valid), .answer_ready_o(answer_ready), .answer_kind_i(kind),
    .answer_resp_i(kind == mtc_bytes_pkg::KindWrite ? bresp :
                   kind == mtc_bytes_pkg::KindRead ? rresp : 2'b00),
    .answer_data_i(kind == mtc_bytes_pkg::KindRead ? rdata : data),
    .word_valid_i(c2h_valid), .word_ready_o(c2h_ready), .word_i(c2h_data),
    .byte_valid_o(tx_valid), .byte_ready_i(tx_ready), .byte_o(tx_data)
  );

  // A request stays until its answer is taken; what it still has to offer to the bus:
  logic fresh_q, aw_q, w_q, ar_q, awready, wready, arready, bvalid, rvalid, writes, reads;
  assign writes        = request_valid && kind == mtc_bytes_pkg::KindWrite;
  assign reads         = request_valid && kind == mtc_bytes_pkg::KindRead;
  assign answer_valid  = request_valid && (writes ? bvalid : reads ? rvalid : 1'b1);
  assign request_ready = answer_valid && answer_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fresh_q <= 1'b1;
      aw_q    <= 1'b0;
      w_q     <= 1'b0;
      ar_q    <= 1'b0;
    end else begin
      fresh_q <= !request_valid || request_ready;
      aw_q    <= fresh_q ? writes : aw_q && !awready;
      w_q     <= fresh_q ? writes : w_q && !wready;
      ar_q    <= fresh_q ? reads : ar_q && !arready;
    end
  end

  logic unused;
  assign unused = c2h_last;
  mtc_top #(.Lanes(1), .Fold(Fold), .StreamWidth(64), .AddressWidth(16), .Build(Build)) u_top (
    .clk_i, .rst_ni,
    .h2c_tvalid_i(h2c_valid), .h2c_tready_o(h2c_ready), .h2c_tdata_i(h2c_data),
    .c2h_tvalid_o(c2h_valid), .c2h_tready_i(c2h_ready), .c2h_tdata_o(c2h_data),
    .c2h_tlast_o(c2h_last),
    .awvalid_i(aw_q), .awready_o(awready), .awaddr_i(address),
    .wvalid_i(w_q), .wready_o(wready), .wdata_i(data), .wstrb_i(4'hF),
    .bvalid_o(bvalid), .bready_i(writes && answer_ready), .bresp_o(bresp),
    .arvalid_i(ar_q), .arready_o(arready), .araddr_i(address),
    .rvalid_o(rvalid), .rready_i(reads && answer_ready), .rdata_o(rdata), .rresp_o(rresp)
  );
endmodule
