// For lint alone: the ports of the vendors' parts that the board tops use, with nothing behind them. They
// were written down from the vendors' manuals; the vendors' tools have the last word.
module BB (
  input  logic I,
  input  logic T,
  output logic O,
  inout  wire  B
);
  assign B = T ? 1'bz : I;
  assign O = B;
endmodule

module IBUFDS_GTE4 (
  input  logic I,
  input  logic IB,
  input  logic CEB,
  output logic O,
  output logic ODIV2
);
  logic unused;
  assign unused = ^{IB, CEB};
  assign O      = I;
  assign ODIV2  = I;
endmodule

module xdma_0 (
  input  logic         sys_clk,
  input  logic         sys_clk_gt,
  input  logic         sys_rst_n,
  output logic         user_lnk_up,
  output logic [15:0]  pci_exp_txp,
  output logic [15:0]  pci_exp_txn,
  input  logic [15:0]  pci_exp_rxp,
  input  logic [15:0]  pci_exp_rxn,
  output logic         axi_aclk,
  output logic         axi_aresetn,
  input  logic [0:0]   usr_irq_req,
  output logic [0:0]   usr_irq_ack,
  output logic         m_axil_awvalid,
  input  logic         m_axil_awready,
  output logic [31:0]  m_axil_awaddr,
  output logic [2:0]   m_axil_awprot,
  output logic         m_axil_wvalid,
  input  logic         m_axil_wready,
  output logic [31:0]  m_axil_wdata,
  output logic [3:0]   m_axil_wstrb,
  input  logic         m_axil_bvalid,
  output logic         m_axil_bready,
  input  logic [1:0]   m_axil_bresp,
  output logic         m_axil_arvalid,
  input  logic         m_axil_arready,
  output logic [31:0]  m_axil_araddr,
  output logic [2:0]   m_axil_arprot,
  input  logic         m_axil_rvalid,
  output logic         m_axil_rready,
  input  logic [31:0]  m_axil_rdata,
  input  logic [1:0]   m_axil_rresp,
  input  logic         s_axis_c2h_tvalid_0,
  output logic         s_axis_c2h_tready_0,
  input  logic [511:0] s_axis_c2h_tdata_0,
  input  logic         s_axis_c2h_tlast_0,
  input  logic [63:0]  s_axis_c2h_tkeep_0,
  output logic         m_axis_h2c_tvalid_0,
  input  logic         m_axis_h2c_tready_0,
  output logic [511:0] m_axis_h2c_tdata_0,
  output logic         m_axis_h2c_tlast_0,
  output logic [63:0]  m_axis_h2c_tkeep_0
);
  logic unused;
  assign unused = ^{sys_clk, sys_clk_gt, sys_rst_n, pci_exp_rxp, pci_exp_rxn, usr_irq_req,
                    m_axil_awready, m_axil_wready, m_axil_bvalid, m_axil_bresp, m_axil_arready,
                    m_axil_rvalid, m_axil_rdata, m_axil_rresp, s_axis_c2h_tvalid_0,
                    s_axis_c2h_tdata_0, s_axis_c2h_tlast_0, s_axis_c2h_tkeep_0,
                    m_axis_h2c_tready_0};
  assign {user_lnk_up, pci_exp_txp, pci_exp_txn, axi_aclk, axi_aresetn, usr_irq_ack} = '0;
  assign {m_axil_awvalid, m_axil_awaddr, m_axil_awprot, m_axil_wvalid, m_axil_wdata} = '0;
  assign {m_axil_wstrb, m_axil_bready, m_axil_arvalid, m_axil_araddr, m_axil_arprot} = '0;
  assign {m_axil_rready, s_axis_c2h_tready_0, m_axis_h2c_tvalid_0, m_axis_h2c_tdata_0} = '0;
  assign {m_axis_h2c_tlast_0, m_axis_h2c_tkeep_0} = '0;
endmodule
