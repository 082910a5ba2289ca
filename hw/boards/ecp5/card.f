hw/boards/ecp5/mtc_bytes_pkg.sv
hw/boards/ecp5/mtc_ft245.sv
hw/boards/ecp5/mtc_bytes_in.sv
hw/boards/ecp5/mtc_bytes_out.sv
hw/boards/ecp5/mtc_byte_card.sv
