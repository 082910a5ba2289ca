// The whole card but for its shell: lanes, each between two AXI4-Streams, and one AXI4-Lite.
//
// Lane i has the DMA channels h2c_i and c2h_i and the registers from i * 0x2000 on
// (docs/registers.md); its bits of the stream ports stand side by side with those of the others,
// lane 0 lowest. The streams have no tkeep: every byte counts, in both directions. The tlast of h2c
// means nothing and is not looked at; that of c2h is up in the last beat of a frame. A stream of 64
// bits gives a lane an eighth of what it could take: for small boards.
module mtc_top #(
  parameter int unsigned Lanes        = 1,
  parameter int unsigned Fold         = 1,    // cycles a block: 1, 2, 4, 16, 64
  parameter int unsigned Stages       = 1,    // registers a round: 1, 2 (with Fold 1)
  parameter int unsigned StreamWidth  = 512,  // 64, 512
  parameter int unsigned AddressWidth = 32,   // at least 14
  parameter logic [31:0] Build        = 32'd0
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  input  logic [Lanes-1:0]             h2c_tvalid_i,
  output logic [Lanes-1:0]             h2c_tready_o,
  input  logic [Lanes*StreamWidth-1:0] h2c_tdata_i,
  output logic [Lanes-1:0]             c2h_tvalid_o,
  input  logic [Lanes-1:0]             c2h_tready_i,
  output logic [Lanes*StreamWidth-1:0] c2h_tdata_o,
  output logic [Lanes-1:0]             c2h_tlast_o,
  input  logic                         awvalid_i,
  output logic                         awready_o,
  input  logic [AddressWidth-1:0]      awaddr_i,
  input  logic                         wvalid_i,
  output logic                         wready_o,
  input  logic [31:0]                  wdata_i,
  input  logic [3:0]                   wstrb_i,
  output logic                         bvalid_o,
  input  logic                         bready_i,
  output logic [1:0]                   bresp_o,
  input  logic                         arvalid_i,
  output logic                         arready_o,
  input  logic [AddressWidth-1:0]      araddr_i,
  output logic                         rvalid_o,
  input  logic                         rready_i,
  output logic [31:0]                  rdata_o,
  output logic [1:0]                   rresp_o
);
  if (!(StreamWidth == 64 || StreamWidth == 512)) begin : gen_bad_width
    $error("StreamWidth is none of 64, 512");
  end
  if (Lanes < 1 || Lanes > 255) begin : gen_bad_lanes
    $error("Lanes is not 1..255");
  end
  if (AddressWidth < 14 || (Lanes - 1) >> (AddressWidth - 13) != 0) begin : gen_bad_address
    $error("AddressWidth cannot tell as many lanes");
  end

  logic [Lanes-1:0] reg_write;
  logic [12:0] reg_addr;
  logic [31:0] reg_wdata;
  logic [32*Lanes-1:0] reg_rdata;

  mtc_axil #(.Lanes(Lanes), .AddressWidth(AddressWidth)) u_axil (
    .clk_i, .rst_ni,
    .awvalid_i, .awready_o, .awaddr_i, .wvalid_i, .wready_o, .wdata_i, .wstrb_i,
    .bvalid_o, .bready_i, .bresp_o, .arvalid_i, .arready_o, .araddr_i,
    .rvalid_o, .rready_i, .rdata_o, .rresp_o,
    .reg_write_o(reg_write), .reg_addr_o(reg_addr), .reg_wdata_o(reg_wdata), .reg_rdata_i(reg_rdata)
  );

  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    logic in_valid, in_ready, h2c_valid, h2c_ready, c2h_valid, c2h_ready, c2h_last;
    logic out_valid, out_ready, out_last, discarding;
    logic [StreamWidth-1:0] in_data, out_data;
    logic [31:0] nonce;
    mtc_pkg::beat_t h2c_data, c2h_data;

    mtc_skid #(.Width(StreamWidth)) u_in (
      .clk_i, .rst_ni,
      .valid_i(h2c_tvalid_i[i]), .ready_o(h2c_tready_o[i]),
      .data_i(h2c_tdata_i[StreamWidth*i+:StreamWidth]),
      .valid_o(in_valid), .ready_i(in_ready), .data_o(in_data)
    );

    mtc_lane #(.Fold(Fold), .Stages(Stages), .Lanes(Lanes), .Build(Build)) u_lane (
      .clk_i, .rst_ni,
      .h2c_valid_i(h2c_valid), .h2c_ready_o(h2c_ready), .h2c_data_i(h2c_data),
      .c2h_valid_o(c2h_valid), .c2h_ready_i(c2h_ready), .c2h_data_o(c2h_data),
      .c2h_last_o(c2h_last), .discarding_o(discarding), .nonce_o(nonce),
      .reg_write_i(reg_write[i]), .reg_addr_i(reg_addr), .reg_wdata_i(reg_wdata),
      .reg_rdata_o(reg_rdata[32*i+:32])
    );

    if (StreamWidth == 512) begin : gen_whole
      logic unused;
      assign unused    = ^{discarding, nonce};
      assign h2c_valid = in_valid;
      assign in_ready  = h2c_ready;
      assign h2c_data  = in_data;
      assign out_valid = c2h_valid;
      assign c2h_ready = out_ready;
      assign out_data  = c2h_data;
      assign out_last  = c2h_last;
    end else begin : gen_words
      mtc_widen u_widen (
        .clk_i, .rst_ni, .hunt_i(discarding), .nonce_i(nonce),
        .word_valid_i(in_valid), .word_ready_o(in_ready), .word_i(in_data),
        .beat_valid_o(h2c_valid), .beat_ready_i(h2c_ready), .beat_o(h2c_data)
      );
      mtc_narrow u_narrow (
        .clk_i, .rst_ni,
        .beat_valid_i(c2h_valid), .beat_ready_o(c2h_ready), .beat_i(c2h_data),
        .beat_last_i(c2h_last),
        .word_valid_o(out_valid), .word_ready_i(out_ready), .word_o(out_data), .word_last_o(out_last)
      );
    end

    mtc_skid #(.Width(StreamWidth + 1)) u_out (
      .clk_i, .rst_ni,
      .valid_i(out_valid), .ready_o(out_ready), .data_i({out_last, out_data}),
      .valid_o(c2h_tvalid_o[i]), .ready_i(c2h_tready_i[i]),
      .data_o({c2h_tlast_o[i], c2h_tdata_o[StreamWidth*i+:StreamWidth]})
    );
  end
endmodule
