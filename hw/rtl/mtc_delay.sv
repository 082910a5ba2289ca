// Delays a word by Ticks enabled cycles.
//
// Up to two by registers; more by a small memory that one pointer walks round, and a register behind it.
// The words are not reset: what comes out first is not valid anyway.
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
    logic [Width-1:0] data_q;
    logic unused;
    assign unused = rst_ni;
    always_ff @(posedge clk_i) begin
      if (enable_i) begin
        data_q <= data_i;
        data_o <= data_q;
      end
    end
  end else begin : gen_memory
    // Written at the pointer, read one further on, which is the oldest word.
    localparam int unsigned PointerWidth = $clog2(Ticks);
    logic [PointerWidth-1:0] pointer_q, next;
    assign next = pointer_q == PointerWidth'(Ticks - 1) ? '0 : pointer_q + 1'b1;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) pointer_q <= '0;
      else if (enable_i) pointer_q <= next;
    end
    if (Ticks <= 16) begin : gen_small
      (* ram_style = "distributed" *)
      logic [Width-1:0] memory[Ticks];
      always_ff @(posedge clk_i) begin
        if (enable_i) begin
          memory[pointer_q] <= data_i;
          data_o            <= memory[next];
        end
      end
    end else begin : gen_large
      (* ram_style = "block" *)
      logic [Width-1:0] memory[Ticks];
      always_ff @(posedge clk_i) begin
        if (enable_i) begin
          memory[pointer_q] <= data_i;
          data_o            <= memory[next];
        end
      end
    end
  end
endmodule
