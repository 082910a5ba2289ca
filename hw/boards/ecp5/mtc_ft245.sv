// The synchronous FIFO bus of an FT232H or FT2232H ("FT245 style") as two byte streams.
//
// One direction at a time: a burst goes on until its side has nothing, or after Burst bytes if the other
// side waits. One byte a cycle in a burst, 3 idle cycles from direction to direction. rd_n_o and wr_n_o
// are made of flip-flops through one gate: the chip wants them 7.5 ns before its clock.
module mtc_ft245 #(
  parameter int unsigned Burst = 512
) (
  input  logic       clk_i,  // of the chip, 60 MHz
  input  logic       rst_ni,
  input  logic       rxf_n_i,
  input  logic       txe_n_i,
  output logic       oe_n_o,
  output logic       rd_n_o,
  output logic       wr_n_o,
  input  logic [7:0] data_i,
  output logic [7:0] data_o,
  output logic       drive_o,  // the bus is ours
  output logic       rx_valid_o,
  input  logic       rx_ready_i,
  output logic [7:0] rx_data_o,
  input  logic       tx_valid_i,
  output logic       tx_ready_o,
  input  logic [7:0] tx_data_i
);
  typedef enum logic [1:0] {StIdle, StTurn, StRead, StWrite} state_e;
  state_e state_q, state_d;
  localparam int unsigned CountWidth = $clog2(Burst) + 1;
  logic [CountWidth-1:0] count_q;
  logic read_last_q, spent, can_read, can_write;

  // Through register slices, so that the pins see flip-flops.
  logic rx_room, rx_put, tx_there, tx_get;
  logic [7:0] tx_byte;
  mtc_skid #(.Width(8)) u_rx (
    .clk_i, .rst_ni, .valid_i(rx_put), .ready_o(rx_room), .data_i,
    .valid_o(rx_valid_o), .ready_i(rx_ready_i), .data_o(rx_data_o)
  );
  mtc_skid #(.Width(8)) u_tx (
    .clk_i, .rst_ni, .valid_i(tx_valid_i), .ready_o(tx_ready_o), .data_i(tx_data_i),
    .valid_o(tx_there), .ready_i(tx_get), .data_o(tx_byte)
  );

  assign can_read  = !rxf_n_i && rx_room;
  assign can_write = !txe_n_i && tx_there;
  assign spent     = count_q == CountWidth'(Burst);
  assign oe_n_o    = !(state_q == StTurn || state_q == StRead);
  assign rd_n_o    = !(state_q == StRead && rx_room);
  assign wr_n_o    = !(state_q == StWrite && tx_there);
  assign drive_o   = state_q == StWrite;
  assign data_o    = tx_byte;
  assign rx_put    = state_q == StRead && !rxf_n_i;
  assign tx_get    = state_q == StWrite && !txe_n_i;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle: begin
        if (can_write && (read_last_q || !can_read)) state_d = StWrite;
        else if (can_read) state_d = StTurn;
      end
      StTurn: state_d = StRead;
      StRead: if (!can_read || (spent && can_write)) state_d = StIdle;
      StWrite: if (!can_write || (spent && can_read)) state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= StIdle;
      read_last_q <= 1'b0;
      count_q     <= '0;
    end else begin
      state_q <= state_d;
      if (state_q == StRead) read_last_q <= 1'b1;
      if (state_q == StWrite) read_last_q <= 1'b0;
      if (state_q == StIdle) count_q <= '0;
      else if (!spent) count_q <= count_q + 1'b1;
    end
  end
endmodule
