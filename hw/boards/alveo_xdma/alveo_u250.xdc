# Alveo U250. Sites of the reference clock and reset as in public designs for this board; look them up in
# the board's own constraints before use. The PCIe lanes are placed by XDMA's constraints (GTY quads 224
# to 227). XDMA makes the 250 MHz clock from this one and constrains it. Not run here.
set_property PACKAGE_PIN AM11 [get_ports pcie_refclk_p_i]
set_property PACKAGE_PIN AM10 [get_ports pcie_refclk_n_i]
create_clock -name pcie_refclk -period 10.000 [get_ports pcie_refclk_p_i]

set_property -dict {PACKAGE_PIN BD21 IOSTANDARD LVCMOS12 PULLUP true} [get_ports pcie_reset_n_i]
set_false_path -from [get_ports pcie_reset_n_i]

# Copies of the core's reset as the placer needs them.
set_property MAX_FANOUT 2000 [get_cells {rst_q_reg[1]}]

set_property CONFIG_VOLTAGE 1.8 [current_design]
set_property BITSTREAM.GENERAL.COMPRESS true [current_design]
set_property BITSTREAM.CONFIG.UNUSEDPIN PULLUP [current_design]
