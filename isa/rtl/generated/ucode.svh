// Generated from isa/ucode.ron by `cargo xtask gen`; do not edit.
//
// Instruction set trifactor-1. Included inside a module; one module need not use all.
/* verilator lint_off UNUSEDPARAM */

localparam logic [5:0] OP_HALT = 6'h01;
localparam logic [5:0] OP_LDI = 6'h08;
localparam logic [5:0] OP_LDU = 6'h09;
localparam logic [5:0] OP_LDG = 6'h0a;
localparam logic [5:0] OP_LDS = 6'h0b;
localparam logic [5:0] OP_LDX = 6'h0c;
localparam logic [5:0] OP_LDY = 6'h0d;
localparam logic [5:0] OP_ADD = 6'h10;
localparam logic [5:0] OP_SUB = 6'h11;
localparam logic [5:0] OP_MIN = 6'h12;
localparam logic [5:0] OP_MAX = 6'h13;
localparam logic [5:0] OP_GT = 6'h14;
localparam logic [5:0] OP_SGN = 6'h15;
localparam logic [5:0] OP_SEL = 6'h16;
localparam logic [5:0] OP_SHL = 6'h17;
localparam logic [5:0] OP_SHR = 6'h18;
localparam logic [5:0] OP_MUL = 6'h20;
localparam logic [5:0] OP_STS = 6'h30;

// Which parameter of the engine says how long an instruction takes.
localparam logic [2:0] CLASS_LOAD = 3'd0;
localparam logic [2:0] CLASS_ALU = 3'd1;
localparam logic [2:0] CLASS_MUL = 3'd2;
localparam logic [2:0] CLASS_STORE = 3'd3;
localparam logic [2:0] CLASS_CONTROL = 3'd4;
/* verilator lint_on UNUSEDPARAM */

// A word, read as each of the formats.
typedef union packed {
    logic [31:0] bits;
    struct packed {
        logic [5:0] opcode;
        logic [25:0] reserved_0;
    } z;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] ra;
        logic [17:0] reserved_0;
    } r2;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] ra;
        logic [3:0] reserved_14;
        logic [5:0] shift;
        logic [1:0] round;
        logic [0:0] reserved_5;
        logic [4:0] site;
    } r2s;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] ra;
        logic [3:0] reserved_14;
        logic [5:0] shift;
        logic [7:0] reserved_0;
    } r2l;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] ra;
        logic [3:0] rb;
        logic [13:0] reserved_0;
    } r3;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] ra;
        logic [3:0] rb;
        logic [5:0] shift;
        logic [1:0] round;
        logic [0:0] reserved_5;
        logic [4:0] site;
    } r3s;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] ra;
        logic [3:0] rb;
        logic [3:0] rc;
        logic [9:0] reserved_0;
    } r4;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [15:0] imm;
        logic [5:0] shift;
    } i;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] field;
        logic [17:0] reserved_0;
    } ls;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] slot;
        logic [1:0] when;
        logic [0:0] prev;
        logic [14:0] reserved_0;
    } lt;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] slot;
        logic [17:0] reserved_0;
    } lg;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] rd;
        logic [3:0] k;
        logic [17:0] reserved_0;
    } lu;
    struct packed {
        logic [5:0] opcode;
        logic [3:0] field;
        logic [3:0] ra;
        logic [3:0] reserved_14;
        logic [5:0] shift;
        logic [1:0] round;
        logic [0:0] reserved_5;
        logic [4:0] site;
    } st;
} ucode_t;

function automatic logic [2:0] class_of(input logic [5:0] opcode);
    case (opcode)
        OP_LDU, OP_LDG, OP_LDS, OP_LDX, OP_LDY: class_of = CLASS_LOAD;
        OP_LDI, OP_ADD, OP_SUB, OP_MIN, OP_MAX, OP_GT, OP_SGN, OP_SEL, OP_SHL, OP_SHR: class_of = CLASS_ALU;
        OP_MUL: class_of = CLASS_MUL;
        OP_STS: class_of = CLASS_STORE;
        OP_HALT: class_of = CLASS_CONTROL;
        default: class_of = CLASS_CONTROL;
    endcase
endfunction

// The site of the draw of a word that draws (S52), 0 for every other. The operands between
// opcode and site do not matter here.
/* verilator lint_off UNUSEDSIGNAL */
function automatic logic [4:0] site_of(input logic [31:0] bits);
    case (bits[31:26])
        OP_SHR: site_of = bits[4:0];
        OP_MUL: site_of = bits[4:0];
        OP_STS: site_of = bits[4:0];
        default: site_of = 5'd0;
    endcase
endfunction
/* verilator lint_on UNUSEDSIGNAL */

// Whether a word decodes: a known opcode, reserved bits 0, codes with a meaning.
function automatic logic is_instruction(input logic [31:0] bits);
    case (bits[31:26])
        OP_HALT: is_instruction = (bits & 32'h03ffffff) == 32'd0;
        OP_LDI: is_instruction = bits[5:0] <= 6'd31;
        OP_LDU: is_instruction = (bits & 32'h0003ffff) == 32'd0;
        OP_LDG: is_instruction = (bits & 32'h0003ffff) == 32'd0;
        OP_LDS: is_instruction = (bits & 32'h0003ffff) == 32'd0;
        OP_LDX: is_instruction = (bits & 32'h00007fff) == 32'd0 && bits[17:16] <= 2'd2;
        OP_LDY: is_instruction = (bits & 32'h00007fff) == 32'd0 && bits[17:16] <= 2'd2;
        OP_ADD: is_instruction = (bits & 32'h00003fff) == 32'd0;
        OP_SUB: is_instruction = (bits & 32'h00003fff) == 32'd0;
        OP_MIN: is_instruction = (bits & 32'h00003fff) == 32'd0;
        OP_MAX: is_instruction = (bits & 32'h00003fff) == 32'd0;
        OP_GT: is_instruction = (bits & 32'h00003fff) == 32'd0;
        OP_SGN: is_instruction = (bits & 32'h0003ffff) == 32'd0;
        OP_SEL: is_instruction = (bits & 32'h000003ff) == 32'd0;
        OP_SHL: is_instruction = (bits & 32'h0003c0ff) == 32'd0 && bits[13:8] <= 6'd31;
        OP_SHR: is_instruction = (bits & 32'h0003c020) == 32'd0 && bits[13:8] <= 6'd62;
        OP_MUL: is_instruction = (bits & 32'h00000020) == 32'd0 && bits[13:8] <= 6'd62;
        OP_STS: is_instruction = (bits & 32'h0003c020) == 32'd0 && bits[13:8] <= 6'd62;
        default: is_instruction = 1'b0;
    endcase
endfunction
