// Fetches the words of a program ahead of their execution and gives each its random draw.
//
// Three stages, one mixer each: a word enters with its site mixed in (S51), takes up the pre lane
// on its way to the second stage and the post lane on its way to the first. An instruction whose
// class takes a single tick therefore finds its draw ready, although a draw is three mixers deep.
// Words that draw nothing travel with a key that nobody looks at.
//
// Combinational between two edges: one mixer, that is two multiplications by constants.
module draw_pipeline (
    input  logic        clock,
    // What the key is made of, steady while a program runs.
    input  logic [31:0] seed,
    input  logic [31:0] step,
    input  logic [31:0] stream,
    input  logic [31:0] pre,
    input  logic [31:0] post,
    // Orders, at most one of them in a tick.
    input  logic        mix_step,   // first: the key of the phase
    input  logic        mix_stream, // second: the key of the rule
    input  logic        advance,    // every stage takes over from the one behind it
    // The word that enters at the next advance.
    input  logic [31:0] entering,
    // The word whose turn it is, and its draw.
    output logic [31:0] word,
    output logic [31:0] draw
);
    `include "generated/ucode.svh"

    // S51.
    localparam logic [31:0] C1 = 32'h9e37_79b9;
    localparam logic [31:0] C2 = 32'h85eb_ca6b;
    localparam logic [31:0] C3 = 32'hc2b2_ae35;
    localparam logic [31:0] C4 = 32'h9e37_79b1;

    // S50.
    function automatic logic [31:0] mix32(input logic [31:0] x);
        logic [31:0] a;
        logic [31:0] b;
        logic [31:0] c;
        logic [31:0] d;
        a = x ^ (x >> 16);
        b = a * 32'h7feb_352d;
        c = b ^ (b >> 15);
        d = c * 32'h846c_a68b;
        mix32 = d ^ (d >> 16);
    endfunction

    // The key of the phase, then of the rule.
    logic [31:0] key;
    // What the lanes bring to every draw.
    logic [31:0] pre_term;
    logic [31:0] post_term;
    // Stages, the last one first: `word` and `draw` are the end of the line.
    logic [31:0] second_word;
    logic [31:0] second_key;
    logic [31:0] third_word;
    logic [31:0] third_key;

    // The first mixer serves the key before any word enters.
    logic [31:0] site_key;
    logic [4:0]  site;
    logic [31:0] site_term;
    assign site = site_of(entering);
    assign site_term = {27'd0, site} * C3;
    always_comb begin
        if (mix_step) site_key = mix32(seed ^ (step * C1));
        else if (mix_stream) site_key = mix32(key ^ (stream * C2));
        else site_key = mix32(key ^ site_term);
    end

    always_ff @(posedge clock) begin
        if (mix_step) begin
            pre_term <= pre * C4;
            post_term <= post * C2;
        end
        if (mix_step || mix_stream) key <= site_key;
        if (advance) begin
            third_word <= entering;
            third_key <= site_key;
            second_word <= third_word;
            second_key <= mix32(third_key ^ pre_term);
            word <= second_word;
            draw <= mix32(second_key ^ post_term);
        end
    end
endmodule
