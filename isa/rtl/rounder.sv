// x / 2^shift, rounded in one of four ways (S41, S53): an offset is added before the floor.
//
// Combinational: the offset (two shifters) and one adder of 64 bits up to `sum`, one arithmetic
// shifter from `held` to `quotient`. Between the two the engine may keep the sum in a register.
module rounder (
    input  logic signed [63:0] x,
    input  logic [5:0]         shift,
    input  logic [1:0]         round,
    input  logic [31:0]        draw,
    output logic signed [63:0] sum,
    input  logic signed [63:0] held,
    output logic signed [63:0] quotient
);
    // The codes of a word's rounding field.
    localparam logic [1:0] FLOOR = 2'd0;
    localparam logic [1:0] ZERO = 2'd1;
    localparam logic [1:0] NEAREST = 2'd2;

    logic [63:0] unit;
    logic [63:0] offset;
    assign unit = 64'd1 << shift;

    always_comb begin
        case (round)
            FLOOR: offset = 64'd0;
            // Up by all but one of a unit, for negative numbers only.
            ZERO: offset = x[63] ? unit - 64'd1 : 64'd0;
            // Half a unit; nothing where nothing is dropped.
            NEAREST: offset = unit >> 1 & {64{shift != 6'd0}};
            // The draw's highest bits, as a number below the unit.
            default: offset = {draw, 32'd0} >> (7'd64 - {1'b0, shift});
        endcase
    end

    assign sum = x + $signed(offset);
    assign quotient = held >>> shift;
endmodule
