// An LFE5U-85F with an FT232H or FT2232H on its pins: pads, reset, and the card.
//
// The chip's clock is the only one. The reset button is up to 3 cycles late.
module mtc_ecp5_top #(
  parameter int unsigned Fold  = 64,
  parameter logic [31:0] Build = 32'd0
) (
  input  logic       ft_clk_i,
  input  logic       reset_ni,
  input  logic       ft_rxf_n_i,
  input  logic       ft_txe_n_i,
  output logic       ft_oe_n_o,
  output logic       ft_rd_n_o,
  output logic       ft_wr_n_o,
  output logic       ft_siwu_n_o,
  inout  wire  [7:0] ft_data_io
);
  // Flip-flops of an ECP5 start at 0: in reset.
  logic [2:0] reset_q;
  always_ff @(posedge ft_clk_i) reset_q <= {reset_q[1:0], reset_ni};

  logic [7:0] data_in, data_out;
  logic drive;
  for (genvar i = 0; i < 8; i++) begin : gen_pad
    BB u_pad (.I(data_out[i]), .T(!drive), .O(data_in[i]), .B(ft_data_io[i]));
  end

  assign ft_siwu_n_o = 1'b1;
  mtc_byte_card #(.Fold(Fold), .Build(Build)) u_card (
    .clk_i(ft_clk_i), .rst_ni(reset_q[2]),
    .rxf_n_i(ft_rxf_n_i), .txe_n_i(ft_txe_n_i),
    .oe_n_o(ft_oe_n_o), .rd_n_o(ft_rd_n_o), .wr_n_o(ft_wr_n_o),
    .data_i(data_in), .data_o(data_out), .drive_o(drive)
  );
endmodule
