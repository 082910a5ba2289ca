// The card on an Alveo-class board: PCIe Gen3 x16 through AMD's XDMA in AXI4-Stream mode.
//
// XDMA's clock (250 MHz) is the core's. h2c_0 and c2h_0 are lane 0, its AXI4-Lite master (BAR of the
// `user` device) the registers. One lane: at 250 MHz it takes 16 GB/s, more than the link gives.
module mtc_alveo_top #(
  parameter int unsigned Fold   = 1,
  parameter int unsigned Stages = 2,
  parameter logic [31:0] Build  = 32'd0
) (
  input  logic        pcie_refclk_p_i,
  input  logic        pcie_refclk_n_i,
  input  logic        pcie_reset_n_i,
  output logic [15:0] pcie_tx_p_o,
  output logic [15:0] pcie_tx_n_o,
  input  logic [15:0] pcie_rx_p_i,
  input  logic [15:0] pcie_rx_n_i
);
  logic refclk, refclk_gt, clk, axi_rst_n;
  IBUFDS_GTE4 u_refclk (
    .I(pcie_refclk_p_i), .IB(pcie_refclk_n_i), .CEB(1'b0), .O(refclk_gt), .ODIV2(refclk)
  );

  // The reset reaches the whole core from a flip-flop that may be copied.
  logic [1:0] rst_q;
  always_ff @(posedge clk) rst_q <= {rst_q[0], axi_rst_n};

  logic awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  logic [31:0] awaddr, wdata, araddr, rdata;
  logic [3:0] wstrb;
  logic [1:0] bresp, rresp;
  logic h2c_valid, h2c_ready, c2h_valid, c2h_ready, c2h_last;
  logic [511:0] h2c_data, c2h_data;

  // Not used: where packets end, byte enables, protection, interrupts, the state of the link.
  logic h2c_last, link_up, irq_ack, unused;
  logic [63:0] h2c_keep;
  logic [2:0] awprot, arprot;
  assign unused = ^{h2c_last, h2c_keep, awprot, arprot, irq_ack, link_up};

  xdma_0 u_xdma (
    .sys_clk(refclk), .sys_clk_gt(refclk_gt), .sys_rst_n(pcie_reset_n_i), .user_lnk_up(link_up),
    .pci_exp_txp(pcie_tx_p_o), .pci_exp_txn(pcie_tx_n_o),
    .pci_exp_rxp(pcie_rx_p_i), .pci_exp_rxn(pcie_rx_n_i),
    .axi_aclk(clk), .axi_aresetn(axi_rst_n), .usr_irq_req(1'b0), .usr_irq_ack(irq_ack),
    .m_axil_awvalid(awvalid), .m_axil_awready(awready), .m_axil_awaddr(awaddr),
    .m_axil_awprot(awprot),
    .m_axil_wvalid(wvalid), .m_axil_wready(wready), .m_axil_wdata(wdata), .m_axil_wstrb(wstrb),
    .m_axil_bvalid(bvalid), .m_axil_bready(bready), .m_axil_bresp(bresp),
    .m_axil_arvalid(arvalid), .m_axil_arready(arready), .m_axil_araddr(araddr),
    .m_axil_arprot(arprot),
    .m_axil_rvalid(rvalid), .m_axil_rready(rready), .m_axil_rdata(rdata), .m_axil_rresp(rresp),
    .s_axis_c2h_tvalid_0(c2h_valid), .s_axis_c2h_tready_0(c2h_ready),
    .s_axis_c2h_tdata_0(c2h_data), .s_axis_c2h_tlast_0(c2h_last), .s_axis_c2h_tkeep_0('1),
    .m_axis_h2c_tvalid_0(h2c_valid), .m_axis_h2c_tready_0(h2c_ready),
    .m_axis_h2c_tdata_0(h2c_data), .m_axis_h2c_tlast_0(h2c_last), .m_axis_h2c_tkeep_0(h2c_keep)
  );

  mtc_top #(.Fold(Fold), .Stages(Stages), .Build(Build)) u_top (
    .clk_i(clk), .rst_ni(rst_q[1]),
    .h2c_tvalid_i(h2c_valid), .h2c_tready_o(h2c_ready), .h2c_tdata_i(h2c_data),
    .c2h_tvalid_o(c2h_valid), .c2h_tready_i(c2h_ready), .c2h_tdata_o(c2h_data),
    .c2h_tlast_o(c2h_last),
    .awvalid_i(awvalid), .awready_o(awready), .awaddr_i(awaddr),
    .wvalid_i(wvalid), .wready_o(wready), .wdata_i(wdata), .wstrb_i(wstrb),
    .bvalid_o(bvalid), .bready_i(bready), .bresp_o(bresp),
    .arvalid_i(arvalid), .arready_o(arready), .araddr_i(araddr),
    .rvalid_o(rvalid), .rready_i(rready), .rdata_o(rdata), .rresp_o(rresp)
  );
endmodule
