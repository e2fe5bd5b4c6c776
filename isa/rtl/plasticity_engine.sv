// The plasticity engine: runs the program of a rule for one synapse at a time.
//
// One clock is one tick of the chip file's costs, and every state lasts as many clocks as its
// coefficient says. docs/rtl.md has the states, the ports and the table of clocks; statements
// such as S42 are those of docs/semantics.md.
//
// The surroundings hold their inputs steady while `busy` is 1 and answer `word_address`,
// `lane_*` and `line_slot` within the clock.
module plasticity_engine #(
    // Ticks of the cost classes; each at least 1, `STATE_TICKS` at least 6.
    parameter int unsigned STATE_TICKS   = 35,
    parameter int unsigned LOAD_TICKS    = 1,
    parameter int unsigned ALU_TICKS     = 1,
    parameter int unsigned MUL_TICKS     = 3,
    parameter int unsigned STORE_TICKS   = 2,
    parameter int unsigned CONTROL_TICKS = 2,
    parameter int unsigned SKIP_TICKS    = 1
) (
    input  logic         clock,
    input  logic         reset,

    // A synapse: taken at the edge at which `start` is 1 and `busy` is 0.
    input  logic         start,
    output logic         busy,
    // For one clock after the last busy one.
    output logic         done,
    // How it ended, valid with `done`: skipped by the guard, or stopped by a word that is no
    // instruction or names a field that the synapse does not have.
    output logic         skipped,
    output logic         trapped,
    // Clocks from start to done.
    output logic [31:0]  cycles,

    // The rule. Guard: 0 always, 1 pre or post, 2 pre, 3 post (S47).
    input  logic [1:0]   guard,
    output logic [15:0]  word_address,
    input  logic [31:0]  word,

    // When and where: the key of draws (S51), the epoch (S46) and its length.
    input  logic [31:0]  seed,
    input  logic [31:0]  step,
    input  logic [31:0]  stream,
    input  logic [31:0]  pre,
    input  logic [31:0]  post,
    input  logic [31:0]  epoch,
    input  logic [5:0]   epoch_length,

    // Position of each lane's last spike in the epoch, 0 for none; both flags follow from it.
    input  logic [5:0]   pre_last,
    input  logic [5:0]   post_last,

    // A column of the pre (0) or post (1) lane at a position of the epoch, 0 for its beginning.
    output logic         lane_side,
    output logic [3:0]   lane_slot,
    output logic [5:0]   lane_position,
    input  logic [31:0]  lane_value,
    // A global modulator line.
    output logic [3:0]   line_slot,
    input  logic [31:0]  line_value,

    // Formats of the synapse's fields, field 0 in the lowest bits: width, sign, and the range a
    // store saturates to.
    input  logic [3:0]   n_fields,
    input  logic [47:0]  field_bits,
    input  logic [7:0]   field_signed,
    input  logic [255:0] field_lo,
    input  logic [255:0] field_hi,
    // The fields as memory holds them, sampled in the last clock of the fetch.
    input  logic [255:0] fields,
    // The write-back: for one clock, which fields change, what memory gets, what was saturated.
    output logic         write,
    output logic [7:0]   write_mask,
    output logic [255:0] write_fields,
    output logic [7:0]   write_saturated,

    // For observation: an instruction ends at the coming edge, its address, all registers.
    output logic         retired,
    output logic [15:0]  retired_address,
    output logic [511:0] registers
);
    `include "generated/ucode.svh"

    // Clocks of the write-back, and of the shortest fetch: two keys and three words.
    localparam int unsigned WRITE_TICKS = 1;
    localparam int unsigned SHORTEST_FETCH = 5;
    localparam int unsigned FETCH_TICKS = STATE_TICKS - WRITE_TICKS;

    if (STATE_TICKS < WRITE_TICKS + SHORTEST_FETCH) $error("STATE_TICKS must be at least 6");
    if (LOAD_TICKS < 1 || ALU_TICKS < 1 || MUL_TICKS < 1 || STORE_TICKS < 1
        || CONTROL_TICKS < 1 || SKIP_TICKS < 1) $error("every class must take a tick");

    // ---- Control ----------------------------------------------------------------------------

    localparam logic [2:0] IDLE = 3'd0;
    localparam logic [2:0] SKIP = 3'd1;
    localparam logic [2:0] FETCH = 3'd2;
    localparam logic [2:0] EXECUTE = 3'd3;
    localparam logic [2:0] WRITE = 3'd4;

    logic [2:0]  state;
    // Clocks spent in this state, or on this instruction.
    logic [31:0] tick;
    // Address of the instruction in execution, and of the word that enters the pipeline next.
    logic [15:0] address;
    logic [15:0] ahead;

    // Every format that has a register has it at the same place, and so have shift, rounding and
    // site of all that round; so the datapath reads them from one format each.
    ucode_t      op;
    logic [31:0] op_bits;
    logic [31:0] draw;
    assign op.bits = op_bits;

    logic legal;
    logic halting;
    assign legal = is_instruction(op.bits) && !beyond;
    assign halting = op.z.opcode == OP_HALT;

    logic [31:0] class_ticks;
    always_comb begin
        case (class_of(op.z.opcode))
            CLASS_LOAD: class_ticks = LOAD_TICKS;
            CLASS_ALU: class_ticks = ALU_TICKS;
            CLASS_MUL: class_ticks = MUL_TICKS;
            CLASS_STORE: class_ticks = STORE_TICKS;
            default: class_ticks = CONTROL_TICKS;
        endcase
    end

    logic [31:0] state_ticks;
    always_comb begin
        case (state)
            SKIP: state_ticks = SKIP_TICKS;
            FETCH: state_ticks = FETCH_TICKS;
            EXECUTE: state_ticks = class_ticks;
            default: state_ticks = WRITE_TICKS;
        endcase
    end
    logic last;
    assign last = tick == state_ticks - 32'd1;

    logic pre_spiked;
    logic post_spiked;
    logic evaluated;
    assign pre_spiked = pre_last != 6'd0;
    assign post_spiked = post_last != 6'd0;
    always_comb begin
        case (guard)
            2'd0: evaluated = 1'b1;
            2'd1: evaluated = pre_spiked || post_spiked;
            2'd2: evaluated = pre_spiked;
            default: evaluated = post_spiked;
        endcase
    end

    assign busy = state != IDLE;
    assign retired = state == EXECUTE && legal && last;
    assign retired_address = address;

    // The first clocks of a fetch fill the pipeline: key of the phase, key of the rule, three
    // words. What is left of the fetch is the time of the synapse memory.
    logic fill;
    logic advance;
    assign fill = state == FETCH && tick >= 32'd2 && tick < SHORTEST_FETCH;
    assign advance = fill || retired;

    always_ff @(posedge clock) begin
        done <= 1'b0;
        if (reset) begin
            state <= IDLE;
        end else begin
            if (busy) begin
                cycles <= cycles + 32'd1;
                tick <= last ? 32'd0 : tick + 32'd1;
            end
            if (advance) ahead <= ahead + 16'd1;
            case (state)
                IDLE:
                    if (start) begin
                        state <= evaluated ? FETCH : SKIP;
                        skipped <= !evaluated;
                        trapped <= 1'b0;
                        cycles <= 32'd0;
                        tick <= 32'd0;
                        address <= 16'd0;
                        ahead <= 16'd0;
                    end
                FETCH: if (last) state <= EXECUTE;
                EXECUTE:
                    if (!legal) begin
                        trapped <= 1'b1;
                        done <= 1'b1;
                        state <= IDLE;
                    end else if (last) begin
                        address <= address + 16'd1;
                        if (halting) state <= WRITE;
                    end
                // SKIP, WRITE
                default:
                    if (last) begin
                        done <= 1'b1;
                        state <= IDLE;
                    end
            endcase
        end
    end

    assign word_address = ahead;
    draw_pipeline draws (
        .clock, .seed, .step, .stream, .pre, .post,
        .mix_step(state == FETCH && tick == 32'd0),
        .mix_stream(state == FETCH && tick == 32'd1),
        .advance,
        .entering(word),
        .word(op_bits),
        .draw
    );

    // ---- Loads ------------------------------------------------------------------------------

    // The synapse before the phase (S39): stores of the same program are not seen.
    logic [255:0] held_fields;
    logic [2:0]   field;
    logic         beyond;
    logic [31:0]  field_word;
    logic [5:0]   unused_bits;
    logic [31:0]  field_value;
    assign beyond = (op.z.opcode == OP_LDS && op.ls.field >= n_fields)
        || (op.z.opcode == OP_STS && op.st.field >= n_fields);
    assign field = op.z.opcode == OP_STS ? op.st.field[2:0] : op.ls.field[2:0];
    assign field_word = held_fields[32 * field +: 32];
    assign unused_bits = 6'd32 - field_bits[6 * field +: 6];
    assign field_value = field_signed[field]
        ? $unsigned($signed(field_word << unused_bits) >>> unused_bits)
        : field_word;

    // The position of a reading in the epoch, 0 for the end of the one before (S34, S40).
    logic [5:0] spike;
    always_comb begin
        case (op.lt.when)
            2'd1: spike = pre_last;
            2'd2: spike = post_last;
            default: spike = 6'd0;
        endcase
    end
    assign lane_side = op.z.opcode == OP_LDY;
    assign lane_slot = op.lt.slot;
    assign lane_position = (spike != 6'd0 ? spike : epoch_length) - {5'd0, op.lt.prev};
    assign line_slot = op.lg.slot;

    // ---- Registers and arithmetic -----------------------------------------------------------

    logic signed [31:0] r [0:15];
    logic signed [31:0] a;
    logic signed [31:0] b;
    logic signed [31:0] c;
    assign a = r[op.r4.ra];
    assign b = r[op.r4.rb];
    assign c = r[op.r4.rc];

    // S42.
    function automatic logic [31:0] sat32(input logic signed [63:0] x);
        if (x > 64'sh0000_0000_7fff_ffff) sat32 = 32'h7fff_ffff;
        else if (x < -64'sh0000_0000_8000_0000) sat32 = 32'h8000_0000;
        else sat32 = x[31:0];
    endfunction

    function automatic logic signed [63:0] wide(input logic signed [31:0] x);
        wide = {{32{x[31]}}, x};
    endfunction

    // The multiplier. Its product is kept in a register where the class has time for that.
    logic signed [63:0] product;
    logic signed [63:0] product_held;
    assign product = wide(a) * wide(b);
    always_ff @(posedge clock) product_held <= product;

    // The rounder, shared by `shr`, `mul` and `sts`.
    logic               multiplying;
    logic               storing;
    logic signed [63:0] dividend;
    logic signed [63:0] sum;
    logic signed [63:0] sum_held;
    logic               sum_is_held;
    logic signed [63:0] quotient;
    assign multiplying = op.z.opcode == OP_MUL;
    assign storing = op.z.opcode == OP_STS;
    assign dividend = !multiplying ? wide(a) : MUL_TICKS >= 2 ? product_held : product;
    assign sum_is_held =
        multiplying ? MUL_TICKS >= 3 : storing ? STORE_TICKS >= 2 : ALU_TICKS >= 2;
    rounder round_shift (
        .x(dividend),
        .shift(op.r3s.shift),
        .round(op.r3s.round),
        .draw,
        .sum,
        .held(sum_is_held ? sum_held : sum),
        .quotient
    );
    always_ff @(posedge clock) sum_held <= sum;

    // The handlers: one case per instruction, the value it writes into `rd`.
    logic [31:0] result;
    logic        writes_register;
    always_comb begin
        writes_register = 1'b1;
        case (op.z.opcode)
            OP_LDI: result = sat32($signed({{48{op.i.imm[15]}}, op.i.imm}) << op.i.shift);
            OP_LDU: result = {31'd0, (epoch & ((32'd1 << op.lu.k) - 32'd1)) == 32'd0};
            OP_LDG: result = line_value;
            OP_LDS: result = field_value;
            OP_LDX: result = op.lt.slot == 4'd0 ? {31'd0, pre_spiked} : lane_value;
            OP_LDY: result = op.lt.slot == 4'd0 ? {31'd0, post_spiked} : lane_value;
            OP_ADD: result = sat32(wide(a) + wide(b));
            OP_SUB: result = sat32(wide(a) - wide(b));
            OP_MIN: result = a < b ? a : b;
            OP_MAX: result = a > b ? a : b;
            OP_GT: result = {31'd0, a > b};
            OP_SGN: result = a == 0 ? 32'd0 : {{31{a[31]}}, 1'b1};
            OP_SEL: result = a != 0 ? b : c;
            OP_SHL: result = sat32(wide(a) << op.r2l.shift);
            OP_SHR: result = quotient[31:0];
            OP_MUL: result = sat32(quotient);
            OP_HALT, OP_STS: begin
                result = 32'd0;
                writes_register = 1'b0;
            end
            default: begin
                result = 32'd0;
                writes_register = 1'b0;
            end
        endcase
    end

    integer n;
    always_ff @(posedge clock) begin
        if (state == FETCH) begin
            for (n = 0; n < 16; n = n + 1) r[n] <= 32'sd0;
        end else if (retired && writes_register) begin
            r[op.r4.rd] <= $signed(result);
        end
    end

    genvar g;
    for (g = 0; g < 16; g = g + 1) begin : g_registers
        assign registers[32 * g +: 32] = r[g];
    end

    // ---- Stores -----------------------------------------------------------------------------

    // Stores wait for `halt`; of several to one field the last counts (S39, S42).
    logic signed [31:0] lo;
    logic signed [31:0] hi;
    logic               below;
    logic               above;
    logic [31:0]        stored;
    assign lo = $signed(field_lo[32 * field +: 32]);
    assign hi = $signed(field_hi[32 * field +: 32]);
    assign below = quotient < wide(lo);
    assign above = quotient > wide(hi);
    assign stored = below ? $unsigned(lo) : above ? $unsigned(hi) : quotient[31:0];

    always_ff @(posedge clock) begin
        if (state == FETCH) begin
            write_mask <= 8'd0;
            write_saturated <= 8'd0;
            if (last) begin
                held_fields <= fields;
                write_fields <= fields;
            end
        end else if (retired && storing) begin
            write_mask[field] <= 1'b1;
            write_saturated[field] <= below || above;
            // Memory gets the low bits of the two's complement number.
            write_fields[32 * field +: 32] <= (stored << unused_bits) >> unused_bits;
        end
    end
    assign write = state == WRITE;
endmodule
