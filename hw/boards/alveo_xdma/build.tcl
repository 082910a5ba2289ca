# build.tcl: makes the Vivado project of the Alveo card, with XDMA, and its bitstream:
#   vivado -mode batch -source hw/boards/alveo_xdma/build.tcl [-tclargs FOLD STAGES BUILD]
# from the root of the repository. FOLD and STAGES are those of mtc_top (1 2), BUILD is eight hex digits
# for the register BUILD (those of the commit, if git tells). Everything goes to build/alveo_xdma.
#
# Not run here: there is no Vivado. Names of XDMA's options as in PG195 for version 4.1 of the core.
set here [file dirname [file normalize [info script]]]
set root [file normalize $here/../../..]
set out $root/build/alveo_xdma
set fold   [expr {$argc > 0 ? [lindex $argv 0] : 1}]
set stages [expr {$argc > 1 ? [lindex $argv 1] : 2}]
if {$argc > 2} {
  set identity [lindex $argv 2]
} elseif {[catch {exec git -C $root rev-parse --short=8 HEAD} identity]} {
  set identity 00000000
}

create_project -force mtc_card $out -part xcu250-figd2104-2L-e
set file [open $root/hw/core.f]
foreach line [split [string trim [read $file]] \n] {
  read_verilog -sv $root/[string trim $line]
}
close $file
read_verilog -sv $here/mtc_alveo_top.sv
read_xdc $here/alveo_u250.xdc
set_property top mtc_alveo_top [current_fileset]
set_property generic "Fold=$fold Stages=$stages Build=32'h$identity" [current_fileset]

create_ip -name xdma -vendor xilinx.com -library ip -module_name xdma_0
set_property -dict [list \
  CONFIG.mode_selection {Advanced} \
  CONFIG.pl_link_cap_max_link_width {X16} \
  CONFIG.pl_link_cap_max_link_speed {8.0_GT/s} \
  CONFIG.axi_data_width {512_bit} \
  CONFIG.axisten_freq {250} \
  CONFIG.xdma_axi_intf_mm {AXI_Stream} \
  CONFIG.xdma_rnum_chnl {1} \
  CONFIG.xdma_wnum_chnl {1} \
  CONFIG.axilite_master_en {true} \
  CONFIG.axilite_master_scale {Kilobytes} \
  CONFIG.axilite_master_size {64} \
  CONFIG.xdma_num_usr_irq {1} \
  CONFIG.cfg_mgmt_if {false} \
] [get_ips xdma_0]
generate_target all [get_ips xdma_0]
synth_ip [get_ips xdma_0]

set_property strategy Performance_ExplorePostRoutePhysOpt [get_runs impl_1]
launch_runs synth_1 -jobs 4
wait_on_run synth_1
launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
open_run impl_1
report_timing_summary -file $out/timing.txt
report_utilization -hierarchical -file $out/utilization.txt
if {[get_property SLACK [get_timing_paths -max_paths 1]] < 0} {
  error "timing is not met: $out/timing.txt"
}
puts "bitstream: [get_property DIRECTORY [get_runs impl_1]]/mtc_alveo_top.bit"
