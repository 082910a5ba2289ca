// Delays a word by Ticks enabled cycles.
//
// One or two by registers; more by a memory that two pointers walk round, and a register behind it.
// A block memory is slow to answer: behind one of those stands a second register.
// The words are not reset: what comes out first is not valid anyway, and what comes in during the
// first cycle after a reset may be lost.
module mtc_delay #(
  parameter int unsigned Width = 32,
  parameter int unsigned Ticks = 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             enable_i,
  input  logic [Width-1:0] data_i,
  output logic [Width-1:0] data_o
);
  if (Ticks == 0) begin : gen_wire
    assign data_o = data_i;
    logic unused;
    assign unused = clk_i ^ rst_ni ^ enable_i;
  end else if (Ticks == 1) begin : gen_register
    logic unused;
    assign unused = rst_ni;
    always_ff @(posedge clk_i) if (enable_i) data_o <= data_i;
  end else if (Ticks == 2) begin : gen_two
    // A memory of two words would take more of a device than the register that it saves.
    logic unused;
    assign unused = rst_ni;
    logic [Width-1:0] data_q;
    always_ff @(posedge clk_i) begin
      if (enable_i) begin
        data_q <= data_i;
        data_o <= data_q;
      end
    end
  end else begin : gen_memory
    localparam bit Large = Ticks > 17;
    if (!Large) begin : gen_small
      // Pointers that walk round all 16 words need no comparison, and each input of the memory has a
      // net from near by. Constants would be nets across the device, also a write enable that is
      // always on. What is read at the place where is written is the oldest word: the longest delay
      // has one pointer.
      localparam int unsigned Words = 16;
      logic [3:0] write_q, read;
      logic writes;
      mtc_far u_writes (.clk_i, .bit_i(rst_ni), .bit_o(writes));
      always_ff @(posedge clk_i) begin
        if (!rst_ni) write_q <= '0;
        else if (enable_i) write_q <= write_q + 1'b1;
      end
      if (Ticks == Words + 1) begin : gen_longest
        assign read = write_q;
      end else begin : gen_shorter
        logic [3:0] read_q;
        always_ff @(posedge clk_i) begin
          if (!rst_ni) read_q <= 4'(Words - Ticks + 1);
          else if (enable_i) read_q <= read_q + 1'b1;
        end
        assign read = read_q;
      end
      (* ram_style = "distributed" *)
      logic [Width-1:0] memory[Words];
      always_ff @(posedge clk_i) begin
        if (enable_i && writes) memory[write_q] <= data_i;
        if (enable_i) data_o <= memory[read];
      end
    end else begin : gen_large
      // Written at the pointer, read one further on, which is the oldest word.
      localparam int unsigned Words = Ticks - 1;
      localparam int unsigned PointerWidth = $clog2(Words);
      logic [PointerWidth-1:0] pointer_q, next_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          pointer_q <= '0;
          next_q    <= PointerWidth'(1);
        end else if (enable_i) begin
          pointer_q <= next_q;
          next_q    <= next_q == PointerWidth'(Words - 1) ? '0 : next_q + 1'b1;
        end
      end
      (* ram_style = "block", no_rw_check *)
      logic [Width-1:0] memory[Words];
      logic [Width-1:0] read_q;
      always_ff @(posedge clk_i) begin
        if (enable_i) begin
          memory[pointer_q] <= data_i;
          read_q            <= memory[next_q];
          data_o            <= read_q;
        end
      end
    end
  end
endmodule
