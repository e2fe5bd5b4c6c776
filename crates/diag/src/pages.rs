//! The page behind each code, shown by `trifactor explain`.

/// What a code means and how to get past it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// Stable code.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// The explanation, plain text.
    pub text: &'static str,
}

/// The page of a code, in any letter case.
pub fn page(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|p| p.code.eq_ignore_ascii_case(code))
}

/// All pages, ordered by code.
pub fn pages() -> &'static [Page] {
    PAGES
}

const PAGES: &[Page] = &[
    Page {
        code: "C001",
        title: "no unit executes a phase",
        text: "A chip has fixed units for CUBA LIF neurons, linear and saturating traces, modulators and spike delivery. The compiler recognises them by their kernel (crates/ir/src/units.rs). A network that was built in another way, for instance from its text form, may hold a phase that is none of these. Use the units, or put the computation into a plasticity rule.",
    },
    Page {
        code: "C002",
        title: "a rule without a projection of its own",
        text: "A projection delivers its spikes once and learns by one rule. Merge two rules into one kernel: a kernel may set several variables, and all reads see the values from before.",
    },
    Page {
        code: "C010",
        title: "too many variables per synapse",
        text: "A synapse stores its weight, up to the chip's number of tags (variables that a rule sets) and up to its number of rates (parameters that a rule reads). Share one variable between terms of the rule, make a parameter a constant of the kernel, or choose a chip with more fields.",
    },
    Page {
        code: "C011",
        title: "a delay that the chip cannot hold",
        text: "A spike waits in a slot per step. Shorten the delay, or relay the spikes through a population of neurons that fire on every input.",
    },
    Page {
        code: "C012",
        title: "an epoch that is too long",
        text: "A learning epoch keeps the trace values of all its steps. Choose a shorter epoch; with an epoch of 1 every rule is evaluated in every step.",
    },
    Page {
        code: "C013",
        title: "a rule needs too many registers",
        text: "The plasticity engine has 16 registers per synapse. A value occupies one from its definition to its last use. Define shared factors shortly before they are used, and repeat a cheap product instead of keeping it.",
    },
    Page {
        code: "C014",
        title: "a rule reads too many traces and modulators",
        text: "A learning profile has a fixed number of slots for pre columns, post columns and global lines. Read fewer of them, or choose a chip with more slots.",
    },
    Page {
        code: "C015",
        title: "a rule is too long",
        text: "The program does not fit the microcode memory of a core. Simplify the rule: multiply constants by hand, and compute common factors once.",
    },
    Page {
        code: "C016",
        title: "a learning projection that ends at a modulator",
        text: "Every core whose rules read a modulator holds a copy of its lines and of the synapses that feed them. Learning engines serve the synapses of neurons only. Let the projection end at a population whose spikes drive the modulator, or give it fixed weights.",
    },
    Page {
        code: "C017",
        title: "a rule reads a state of its neurons that no load reaches",
        text: "A learning engine sees spike flags, traces and modulators of the pre and post neuron, the pseudo-derivative of the post neuron, and the variables of the synapse. Membranes (u and v) belong to the neuron units. Where a rule wants to know how near its post neuron is to a spike, give the population a pseudo_derivative and read it as psi (S27); of a pre neuron, which may be on another core, there is none. Otherwise read a trace of the neuron's spikes, or bring what drives the neuron to a modulator of scope PerPost or PerPre. In float, such a rule can be trained and evaluated as it is.",
    },
    Page {
        code: "C018",
        title: "a rule that is no sum of products",
        text: "Some engines evaluate one form only: a variable plus a sum of products, each a scale times spike flags, traces, the one global modulator, variables of the synapse or their signs, with a constant added to a factor. Comparisons, minima, maxima and choices have no such form; nor have modulators per neuron, a trace read one step back, or several periods u_k in one rule. The message names the line of the rule; a hard bound becomes the variable's range, a threshold a soft factor such as (limit - w). Chips that execute microcode hold all of it.",
    },
    Page {
        code: "C020",
        title: "a neuron does not fit a core",
        text: "All synapses that end on a neuron are stored on its core, with one input axon per source. One neuron alone exceeds a resource. Lower its fan-in, store fewer bits per synapse (`formats`), or choose the chip 'large'.",
    },
    Page {
        code: "C021",
        title: "the chip is full",
        text: "Populations fill cores in the author's order, and no core is left; the error says how many the network needs. `trifactor compile` prints how full each core is and by what. Choose a larger chip or a smaller network.",
    },
    Page {
        code: "C022",
        title: "a spike causes too many messages",
        text: "A spike sends one message per projection and per core on which the projection ends; the messages of all neurons of a core share its output table. Use fewer projections, or larger cores so that targets are spread over fewer of them.",
    },
    Page {
        code: "C030",
        title: "a value per lane where the chip has one register",
        text: "Trace and modulator units have one decay, one impulse and one initial value for all their lanes. Give one value for all lanes, or use several rules or modulators.",
    },
    Page {
        code: "C040",
        title: "an unknown chip",
        text: "A chip is named by a built-in name or by the path of a .ron file. docs/isa/chips.md lists the built-in ones.",
    },
    Page {
        code: "C041",
        title: "a chip file that cannot be used",
        text: "The file is not RON, has an unknown or missing key, or contradicts itself or the instruction set. docs/adding-a-chip.md says how to begin with a correct one.",
    },
    Page {
        code: "C050",
        title: "microcode that is not the rule",
        text: "Before an image is made, every program is executed on expressions and compared with the rule as the plan says it; docs/proof.md tells how. They differ here. The mistake is the compiler's: please report it together with the model. Writing the rule in another way may avoid it meanwhile.",
    },
    Page {
        code: "K001",
        title: "a kernel text that cannot be read",
        text: "A kernel reads:\n\n  kernel name {\n    in w: own            ; an input\n    v = w * 0.5          ; a value\n    set w = v            ; a result\n    add post q = v       ; a result that is added\n  }\n\nEach statement ends its line, except inside brackets; ';' starts a comment. Expressions have + - * > <, brackets, numbers, names and the functions min max clamp sgn select step bump read. There is no division: multiply by the reciprocal.",
    },
    Page {
        code: "K002",
        title: "a name that is not defined",
        text: "A right-hand side uses names of inputs and of values defined on earlier lines only. Declare an input with 'in name: own' (or pre, post, global, every k). read(name) takes the name of an input.",
    },
    Page {
        code: "K003",
        title: "a name defined twice",
        text: "Inputs and values of a kernel share one set of names, and each is written once. Give the new value a name of its own. Kernels of one file have different names too.",
    },
    Page {
        code: "K004",
        title: "a limit of kernel texts",
        text: "A kernel has at most 4,096 operations, 64 inputs and 64 results; an expression is nested at most 64 deep; a name has at most 64 bytes; a file has at most 1 MiB. Split the kernel, or give parts of an expression names of their own.",
    },
    Page {
        code: "K005",
        title: "a number that cannot be read",
        text: "Numbers are written 2, 0.5 or 1e-3 and must be finite doubles. Products need a '*': write 2*x, not 2x.",
    },
    Page {
        code: "K006",
        title: "a call that does not fit",
        text: "Functions: min(a, b), max(a, b), clamp(x, lo, hi), sgn(x), select(condition, then, other), read(input), step(x) and bump(x). The last two take a surrogate derivative as second argument: sigmoid, exp or triangle, each followed by scale and beta, as in step(x, exp 0.4 5.0).",
    },
    Page {
        code: "K007",
        title: "an input whose role or time is unknown",
        text: "An input reads: in name: role [variable] [prev] [at x0 | at y0 | at end]. Roles are own, pre, post, global and 'every k' with k from 0 to 9, which is 1 in every 2^k-th epoch. 'at x0' reads at the last pre spike of the epoch, 'at y0' at the last post spike; 'prev' reads one step earlier.",
    },
    Page {
        code: "K008",
        title: "two results of one variable",
        text: "A kernel sets or adds to a variable once. Add the values up first.",
    },
    Page {
        code: "K009",
        title: "not the expected number of kernels, or too many errors",
        text: "Where one kernel is expected the text must hold exactly one. Reading a file stops after 20 errors; correct those and read it again.",
    },
    Page {
        code: "M001",
        title: "a file that cannot be read",
        text: "A model is a folder with a file model.ron. It and the .kern files it names must be regular files of text in UTF-8; model.ron has at most 16 MiB, a .kern file 1 MiB. Move long lists of numbers into .npy files.",
    },
    Page {
        code: "M002",
        title: "model.ron is not well formed",
        text: "The file is written in RON: structures are (key: value), maps are { \"name\": value }, lists are [a, b], words such as AllToAll stand alone, comments begin with //. The position is where reading stopped; the cause is there or just before. A number with a fraction where a whole number belongs also ends here.",
    },
    Page {
        code: "M003",
        title: "an unknown key",
        text: "Every key has a meaning; a misspelt one would silently do nothing, so none is ignored. The hint names the nearest key or lists those allowed in this place.",
    },
    Page {
        code: "M004",
        title: "a key given twice",
        text: "A key, or a name in a map, occurs once. Rename one of the two or remove it.",
    },
    Page {
        code: "M005",
        title: "a value that does not fit its key",
        text: "The message says what is expected. Values of lanes are a number, a list with one number per lane, Constant(x), Uniform(lo, hi, seed), Normal(mean, sd, seed), LogNormal(mean, sd, seed) or File(\"x.npy\"). Keys without a default must be given: n of a population, and pre, post, connect and weights of a projection (a convolution takes its weights from its kernel).",
    },
    Page {
        code: "M010",
        title: "a name that does not exist",
        text: "Populations, inputs, projections, modulators, rules and data sets are referred to by the names under which they are listed. A projection that ends at a modulator writes post: Modulator(\"name\").",
    },
    Page {
        code: "M011",
        title: "not a name",
        text: "Names begin with a letter or '_' and go on with letters, digits and '_'. Populations, inputs, projections, modulators and rules have at most 32 characters; traces and variables of a rule at most 16. The name of the model itself is free, but it is printable and not empty.",
    },
    Page {
        code: "M012",
        title: "a name used twice",
        text: "Inputs, populations, modulators and projections share one set of names, since states are named after them (ff.w, hidden.v). In a rule, a trace is not called x0, y0, w, d or like a variable.",
    },
    Page {
        code: "M013",
        title: "a number of lanes beyond its limit",
        text: "A population or input has 1 to 4,194,304 lanes (2^22).",
    },
    Page {
        code: "M014",
        title: "too many synapses",
        text: "A projection has at most 67,108,864 synapses (2^26), and Probability asks about at most 2^30 pairs. Split the populations or connect fewer pairs.",
    },
    Page {
        code: "M015",
        title: "a leak given not at all or more than once",
        text: "How fast a current, a voltage, a trace or a modulator decays is given by exactly one of three keys: tau (time constant in milliseconds, keep = exp(-step_ms / tau)), decay (fraction lost per step) or keep (fraction kept per step). A population has them for both: tau_u and tau_v. keep_u: 0.0 means no memory, tau_v: inf no loss.",
    },
    Page {
        code: "M016",
        title: "a number outside its domain",
        text: "Numbers are finite, except that a time constant may be inf. Time constants, resistances and the maximum of a saturating trace are above 0, and so are height and width of a pseudo-derivative; decay, keep, probabilities and fractions are from 0 to 1; impulses are not negative; a refractory time is a whole number of steps; max_rate of an encoder is above 0 and at most 1.",
    },
    Page {
        code: "M017",
        title: "a list or file of the wrong shape",
        text: "Values of a population have one entry per lane. Values of synapses have one entry per synapse, in order of pre, then post lane (or in the order of the author's List), or the shape [pre][post], of which only entries with a synapse count. A mask is [pre, post], a list of pairs [n, 2], the kernel of a convolution [filters, channels, rows, columns].",
    },
    Page {
        code: "M018",
        title: "a data file that cannot be used",
        text: "Files of numbers are NumPy .npy files of floats, integers or booleans, at most 2 GiB. Object arrays, records and complex numbers are refused. The message gives the byte at which the file stops making sense.",
    },
    Page {
        code: "M019",
        title: "a path that leaves the folder",
        text: "Models travel as folders, so every path is relative to the model's folder and goes without '..'. Data sets may also lie in the folder given with --data when the model runs.",
    },
    Page {
        code: "M020",
        title: "a refractory time or pseudo-derivative without a threshold",
        text: "A population without a threshold never spikes: its voltage is a graded read-out (S24). There is nothing after which to hold it, and no spike whose derivative something could stand for.",
    },
    Page {
        code: "M021",
        title: "a connection that cannot be made",
        text: "OneToOne needs equal numbers of lanes, AllToOthers one population on both ends. Pairs of a List exist and occur once. A convolution or pool must fit: input (channels, rows, columns) has as many lanes as the pre population, and the output, filters x rows x columns with rows = (rows + 2 padding - kernel rows) / stride + 1, as many as the post population. Nothing leads into an input.",
    },
    Page {
        code: "M023",
        title: "weights of the wrong sign",
        text: "sign: Excitatory allows weights of 0 and above, sign: Inhibitory of 0 and below; plastic weights are then also kept to that side. inhibitory_fraction makes both signs and needs sign: Mixed.",
    },
    Page {
        code: "M024",
        title: "a delay that is none",
        text: "A delay is the number of steps a spike travels beyond the first (S3): a whole number from 0 to 62. It is one number, a list, a file, or Uniform(lo, hi, seed), which draws whole numbers with both ends included.",
    },
    Page {
        code: "M025",
        title: "a range that is missing or empty",
        text: "What a rule sets needs a range, since a variable without bounds has no fixed-point format: range: (lo, hi) with lo < hi, on the projection for its weights, on the variable otherwise. The range of weights is given in one place, and holds a value of the projection's sign; a delay's overlaps 0 to 62.",
    },
    Page {
        code: "M026",
        title: "an initial value outside its range",
        text: "Initial values lie inside the range of their state. Widen the range or change the values.",
    },
    Page {
        code: "M030",
        title: "which kernel of a file is meant",
        text: "A .kern file with one kernel is used as it is. Of several kernels, a rule takes the one that has its own name.",
    },
    Page {
        code: "M031",
        title: "a kernel reads what the rule does not provide",
        text: "own: w, d (the delay), or an entry of variables. pre: x0 (spiked in this epoch), a Pre trace, a modulator with scope PerPre of this projection, or u and v of the pre population. post: y0, a Post trace, a modulator with scope PerPost, u, v, or psi of a population with a pseudo_derivative. global: a modulator with scope Global. Modulators are found through the rule's modulators, else by their own name.",
    },
    Page {
        code: "M032",
        title: "a kernel sets what it may not",
        text: "A rule sets w, d and those of its variables that are written (init: .., range: (lo, hi)); a Rate is only read. It adds to nothing: accumulators are fed by projections. Initial weights and delays belong to the projection.",
    },
    Page {
        code: "M033",
        title: "a modulator of another scope",
        text: "A rule reads a modulator as global if its scope is Global, as pre or post if it has one line per pre or post lane of the projection: PerPre(\"projection\") or PerPost(\"projection\"). A projection onto the same population also fits. PerPost needs a projection that ends at a population.",
    },
    Page {
        code: "M034",
        title: "something the kernel does not use",
        text: "A trace, variable or modulator that the kernel never reads still takes memory and time on a chip; a variable that it never sets is a parameter and better written Rate(..). This is a warning.",
    },
    Page {
        code: "M035",
        title: "a rule follows spikes that do not exist",
        text: "Traces and the flags x0 and y0 follow spikes. Populations without a threshold and modulators have none, so a rule on a projection to them reads other things: the pre side, its own variables, modulators, v of the population.",
    },
    Page {
        code: "M036",
        title: "a projection from a population that never spikes",
        text: "Only spikes travel. A population without a threshold is a graded read-out (S24); give it a threshold or begin the projection elsewhere.",
    },
    Page {
        code: "M040",
        title: "a step, epoch, rate or core that cannot be",
        text: "step_ms is above 0. An epoch has 1 to 63 steps (S5), the same for the whole model. neurons_per_core is at least 1. rates are expected spikes of a lane in a step, 0 to 1.",
    },
    Page {
        code: "M041",
        title: "a format for no state, or no format",
        text: "formats names states in full: projection.w, population.v, or for traces population.projection.trace. A format has 1 to 32 bits and -32 to 62 fraction bits; whether a chip has such words is decided when the plan is made.",
    },
    Page {
        code: "M042",
        title: "a probe of nothing",
        text: "A probe names a state in full, such as hidden.v or ff.w, lanes of it counted from 0, and every how many steps, at least 1, it is recorded.",
    },
    Page {
        code: "M043",
        title: "a protocol that cannot be run",
        text: "The key path says which part. Phases have at least one step; Support and Query need the sampler FewShot or Items; Image and OneHot need such a phase; Image and Array need an input with an encoder; steps and windows lie inside their phase and count from 1; a readout names a population and spikes or one of its states.",
    },
    Page {
        code: "M044",
        title: "a data set that cannot be prepared",
        text: "Preparation steps are Centre, Scale(f), Threshold(t), Blur(sigma) with sigma above 0 and at most 64 pixels, Normalise(Sum) or Normalise(Max), and Pool(n) with n of at least 1.",
    },
    Page {
        code: "M045",
        title: "a threshold of verification that cannot be",
        text: "verify says what `trifactor verify` asks of a model: score_loss in points, above 0 and at most 100; weight_error in percent and bound as a share of the predicted bound, above 0 and at most 1000; saturations, a number of clipped stores; drift, units of the last place by full state name; trials, 2 to 1000000.",
    },
    Page {
        code: "M050",
        title: "a tensor that is no parameter of the model",
        text: "Tensors in a parameter file bear full state names, such as ff.w or hidden.keep_v. Parameters and the variables of plastic synapses take initial values; voltages, traces and modulators begin as the model says.",
    },
    Page {
        code: "M051",
        title: "a tensor of the wrong shape",
        text: "A tensor has one value per lane; for synapses in order of pre, then post lane, or as [pre, post], of which only entries with a synapse count.",
    },
    Page {
        code: "M052",
        title: "a parameter file with unusable values",
        text: "Parameters are F32 or F64 in a safetensors file, finite, inside the range of their state and of the sign of their projection.",
    },
    Page {
        code: "M053",
        title: "parameters of another model",
        text: "A parameter file written by training carries the hash of its model, which covers dynamics and shapes but not values, comments, probes or stimuli. Use it with the model it was trained for, or train again.",
    },
    Page {
        code: "M060",
        title: "something nobody uses",
        text: "An input without a projection, a projection without synapses, a rule on no projection or a data set the protocol does not draw from has no effect. This is a warning.",
    },
    Page {
        code: "M070",
        title: "a protocol that does not fit its inputs or data",
        text: "The protocol asks for something that the inputs, populations or data sets do not give: a picture of another size than its input, more classes than a part of the data has, a lane that does not exist. The message names the key and the limit.",
    },
    Page {
        code: "N001",
        title: "a network text that cannot be read",
        text: "Network texts are listings. Their items, each ending its line, are population, modulator, synapses, state, kernel and phase, behind the epoch's length. The grammar is at the head of crates/ir/src/text/network_parse.rs.",
    },
    Page {
        code: "N002",
        title: "an unknown name in a network text",
        text: "Phases and states refer to spaces and states by name ('w on ff') and to kernels by their position in the text, from kernel0. What is referred to comes earlier; only the ends of synapses may come later.",
    },
    Page {
        code: "N003",
        title: "a name given twice in a network text",
        text: "Names of spaces differ, and names of states differ within their space.",
    },
    Page {
        code: "N004",
        title: "a number beyond its limit in a network text",
        text: "A space has at most 2^26 lanes; a delay is 0 to 62 steps; counts are whole numbers.",
    },
    Page {
        code: "N005",
        title: "a list that is not as long as declared",
        text: "The rows and the count in the header of synapses, the lanes of a space and the inputs and results of a kernel must agree with what is listed. Rows are numbered from 0 and none is left out.",
    },
    Page {
        code: "Q001",
        title: "a format for a variable that does not exist",
        text: "Formats are given under the full name of a variable: PROJECTION.w, POPULATION.v. `trifactor dump MODEL --stage plan` lists all names.",
    },
    Page {
        code: "Q002",
        title: "a width that the chip does not have",
        text: "Synapse memory and trace units come in certain widths only; the message lists them. The membrane has one width. Choose one of these, or another chip.",
    },
    Page {
        code: "Q003",
        title: "a range that no format holds",
        text: "The plan looks for the largest number of fraction bits with which the range fits the width. Narrow the range, or give 'frac' yourself under 'formats'. An unsigned format holds nothing below zero.",
    },
    Page {
        code: "Q004",
        title: "a membrane parameter beyond the membrane",
        text: "Threshold, bias and v_min have the format of the membrane. Give the population a smaller 'frac' under formats.POPULATION.v: fewer fraction bits, more range.",
    },
    Page {
        code: "Q005",
        title: "an accumulator that could overflow",
        text: "If all synapses of a lane fired at once at their largest weight, their sum would leave the accumulator. On the chip that would wrap silently, so such a network is refused (S12). Give the target fewer fraction bits, or the weights a smaller range.",
    },
    Page {
        code: "Q006",
        title: "no unit computes this phase",
        text: "The chip has units for CUBA LIF neurons, linear and saturating traces and modulators, and if its file says trace: (pseudo_derivative: true), for the pseudo-derivatives of its neurons (S27). Anything else belongs into a rule.",
    },
    Page {
        code: "Q007",
        title: "a variable without a home",
        text: "A chip holds variables of neurons, traces, modulators and synapses. This one belongs to none of them.",
    },
    Page {
        code: "Q008",
        title: "a change finer than a register can round",
        text: "A rule's result keeps its fraction bits until it is stored, and at most 31 of them can be rounded off at once. Use a larger rate, or a narrower range for the variable so that it has more fraction bits itself. A delivery moves a weight by at most 31 bits to the binary point of the sum it is added to: where 'formats' set the two further apart than that, bring them nearer.",
    },
    Page {
        code: "Q009",
        title: "a refractory time that the chip cannot count",
        text: "The compartment counts the steps it is held after a spike in a register of a few bits. Choose a shorter refractory time, or a longer step (step_ms).",
    },
    Page {
        code: "Q010",
        title: "a rule that is no sum of products",
        text: "A chip whose file has 'arithmetic.learning' computes like a public model of the chip: a variable's new value is its old one plus products, and a product is a whole mantissa, a power of two, factors (a variable, a variable plus a constant, or the sign of one) and x0, y0 or u_k. Write the rule as dw, dt and dd strings, or choose a chip with our own engine.",
    },
    Page {
        code: "Q011",
        title: "a product that a register does not hold",
        text: "An engine of sums of products drops no bits before a product is complete, so all of its factors have to fit a register together. Multiply fewer factors, or choose a chip with our own engine, which rounds on the way.",
    },
    Page {
        code: "Q012",
        title: "a trace that is read on both sides of synapses",
        text: "The trace unit of the chip treats spikes of pre lanes and of post lanes differently, so one trace cannot serve rules that read it as a pre trace and rules that read it as a post trace. Give the population a trace for each side.",
    },
    Page {
        code: "Q013",
        title: "too many random roundings in a rule",
        text: "A chip whose products round stochastically ('defaults.intermediate_rounding') takes a draw for each, and a program has 32 draws, those of its stores included (S52). Use fewer products, or a chip that rounds products to the nearest.",
    },
    Page {
        code: "Q014",
        title: "a scale that the chip does not have",
        text: "An engine of sums of products holds the scale of a product as a mantissa of a few bits times a power of two, in last places of what the product multiplies and changes. The nearest such number differs by more than half from the scale that was written, so the rule would be another one. Larger impulses and ranges of the factors make their last places larger, and the scale with them; or use a chip that executes microcode, whose constants have 15 bits.",
    },
    Page {
        code: "Q015",
        title: "a constant too wide for its factor",
        text: "An engine of sums of products adds a constant to a factor in last places of the factor, and has as many bits for it as the factor, with a sign. Multiply the factor out, x * (w + C) as x * w + C * x: a scale reaches further than such a constant.",
    },
    Page {
        code: "Q101",
        title: "values that round to zero",
        text: "A parameter or initial value is smaller than half of the last place of its format. On the chip it is zero, and what depends on it will not happen. Give the variable more bits or a larger 'frac' under 'formats', or scale the model.",
    },
    Page {
        code: "Q102",
        title: "initial values that are clamped",
        text: "Some values lie outside their format and are held at its end. Give the variable more bits or a smaller 'frac' under 'formats'.",
    },
    Page {
        code: "Q103",
        title: "a constant that rounds to zero",
        text: "The constant is too small for any fixed-point form. The term it scales is gone on the chip.",
    },
    Page {
        code: "Q104",
        title: "a variable that will saturate",
        text: "A lane that fires in every step would drive the variable beyond its format. If lanes fire rarely that never happens; a run counts every saturation. Give it more bits, a smaller impulse, or declare the range at which it is meant to stop.",
    },
    Page {
        code: "Q105",
        title: "a rule too slow for its variable",
        text: "The largest change the rule can make in one epoch is below what the variable's rounding can pass on. With stochastic rounding small changes survive on average; with nearest or truncating rounding they are lost each time. Raise the rate, give the variable more bits, or use stochastic rounding.",
    },
    Page {
        code: "Q106",
        title: "weights finer than the membrane",
        text: "The last bits of the weights are below the last place of the state they are added to and are cut off (rounded towards minus infinity) at every delivery. Give the target a larger 'frac', or the weights fewer bits.",
    },
    Page {
        code: "Q107",
        title: "a format that was chosen for another chip",
        text: "The entries of 'formats' belong to the chip that the model names. On another chip they are wishes: what it cannot store is held in the widest field below, with the binary point moved so that the largest value stays the same. The message gives both formats. To choose yourself, name that chip in model.ron.",
    },
    Page {
        code: "Q108",
        title: "a scale that was rounded",
        text: "An engine of sums of products holds the scale of a product as a mantissa of a few bits times a power of two (S63). The scale that was written is none of these, so the nearest is used. The message gives both and how far they are apart: the rule learns by so much more or less by this product. Write the scale that is used to see the same in float, or use a chip that executes microcode, whose constants have 15 bits.",
    },
    Page {
        code: "R001",
        title: "a sum of products that cannot be read",
        text: "A rule string is a sum such as 2^-4*x0*y1 - 2^-4*y0*x1. Factors are joined by '*'. Signs stand between products, or in a bracket: write (-1)*x0, not x0*-1. Powers are those of two: 2^-4. There is no division and no '**'.",
    },
    Page {
        code: "R002",
        title: "an unknown variable in a sum of products",
        text: "Variables are x0 x1 x2 (pre), y0 y1 y2 y3 (post), r1 (a global modulator), w d t (the synapse's own) and u0 to u9. A rule with other variables is written as a kernel.",
    },
    Page {
        code: "R003",
        title: "a product without a dependency",
        text: "Each product depends on a pre spike (x0), a post spike (y0) or the epoch (u_k). For a product that acts in every epoch, multiply by u0.",
    },
    Page {
        code: "R004",
        title: "a u_k that is none, or beside another dependency",
        text: "u_k is 1 in every 2^k-th epoch; k has one digit. A product that depends on u_k cannot also contain x0, y0 or another u_k.",
    },
    Page {
        code: "R005",
        title: "a bracket that is not (variable + number)",
        text: "A bracket holds one variable and at most one number, as in (w - 40) or (3 - y1), or a number alone. Multiply other sums out: a*(b+c) is a*b + a*c. x0, y0 and u_k stand outside brackets.",
    },
    Page {
        code: "R006",
        title: "a sgn that cannot be formed",
        text: "sgn takes w, d or t, plus or minus a number. sgn(3 - w) is -sgn(w - 3): put the minus sign in front of the product. (One public front end reads sgn(-w) as sgn(w); here it is an error.)",
    },
    Page {
        code: "R007",
        title: "a limit of sums of products",
        text: "A string has at most 4,096 bytes and 64 products, a product at most 16 factors, and its scale is a finite double.",
    },
    Page {
        code: "R008",
        title: "a rule that changes nothing",
        text: "Give at least one of dw, dd and dt, and leave out those that do not change their variable.",
    },
    Page {
        code: "V001",
        title: "an operation that uses a later value",
        text: "Operands of a kernel are earlier values (I1). Kernels read from text always are in order; a program that builds kernels must append operands first.",
    },
    Page {
        code: "V002",
        title: "an input named or read twice",
        text: "Inputs of a kernel have different names, and one operation reads each (I2). In a kernel text, use the input's name again instead of read(...).",
    },
    Page {
        code: "V003",
        title: "a kernel with a number that is not finite",
        text: "Constants and the scale and beta of surrogates are finite (I3).",
    },
    Page {
        code: "V004",
        title: "two results of one variable",
        text: "Each result of a kernel has its own variable (I4).",
    },
    Page {
        code: "V005",
        title: "a derivative in a time step",
        text: "bump is the derivative of step and belongs to the gradient, which is made from the kernel (I5). Write step(x, surrogate) in a model.",
    },
    Page {
        code: "V006",
        title: "a name that is not an identifier",
        text: "Names of spaces, states, kernels, inputs and results have letters, digits, '_' and '.', begin with a letter or '_', and have at most 64 bytes (I6). 'at' and 'prev' are words of the kernel text.",
    },
    Page {
        code: "V007",
        title: "a space without lanes, with too many, or with a second one's name",
        text: "Populations and modulators have 1 to 2^26 lanes; names of spaces differ (I7).",
    },
    Page {
        code: "V008",
        title: "malformed synapses",
        text: "Synapses lead from a population to a population or modulator. They are ordered by source, then by target; a pair occurs once; both ends exist (I8).",
    },
    Page {
        code: "V009",
        title: "a bad state",
        text: "Names of states differ within their space. A state has one initial value or one per lane, all finite and inside its range; a range is (lowest, highest), both finite (I9).",
    },
    Page {
        code: "V010",
        title: "a wrong number of spike states",
        text: "A population has one spike state: set by its neuron phase, or driven from outside. A population with a neuron phase but without a threshold may have none. Other spaces have none (I10).",
    },
    Page {
        code: "V011",
        title: "an epoch that is too long or empty",
        text: "A learning epoch has 1 to 63 steps (I11).",
    },
    Page {
        code: "V012",
        title: "something that does not exist",
        text: "A phase, state or projection refers to something the network does not have, or a phase does not bind each input and result of its kernel (I12). Networks resolved from model files do not have this; it points at the program that built the network.",
    },
    Page {
        code: "V013",
        title: "a phase out of order or over the wrong lanes",
        text: "A step delivers, then runs neurons, modulators, traces and plasticity. Deliver and plasticity run over synapses, neurons and traces over populations, modulators over modulators (I13).",
    },
    Page {
        code: "V014",
        title: "two phases with one stream",
        text: "Each phase draws from a stream of its own, so that draws are independent (I14).",
    },
    Page {
        code: "V015",
        title: "setting what cannot be set",
        text: "A phase sets variables of its own lanes. Spikes are set by neuron phases; parameters never change; accumulators are only added to (I15).",
    },
    Page {
        code: "V016",
        title: "adding to what cannot be reached",
        text: "A phase adds to accumulators only: of the post or pre lanes of its synapses, of a single lane, or of its own lanes (I16).",
    },
    Page {
        code: "V017",
        title: "a state set twice",
        text: "One phase at most sets a state, so that its value in a step is clear (I17). Put both changes into one kernel, or give the second one a variable of its own.",
    },
    Page {
        code: "V018",
        title: "an accumulator misread",
        text: "Reading an accumulator clears it. One input of one phase reads it, on its own lanes, after everything that adds to it (I18).",
    },
    Page {
        code: "V019",
        title: "a plastic variable without bounds",
        text: "What a rule changes has a range, or no number format could hold it: add range: (lo, hi). Every reading clamps to the range when it sets the variable (I19).",
    },
    Page {
        code: "V020",
        title: "an input out of reach",
        text: "'own' reads states of the phase's lanes; 'pre' and 'post' read states at that end of the synapses, or of a modulator with as many lanes; 'global' reads a state with a single lane (I20).",
    },
    Page {
        code: "V021",
        title: "a misplaced epoch flag",
        text: "'every k' is the epoch counter's flag, 1 in every 2^k-th epoch, k from 0 to 9. Only rules read it, and it reads nothing else (I21).",
    },
    Page {
        code: "V022",
        title: "a spike that cannot arrive",
        text: "Spikes arrive in the deliver part of a step, through an input in the role 'pre' bound to the spikes of the synapses' source. The delay is 0 to 62 steps, or a parameter or variable of the same synapses (I22).",
    },
    Page {
        code: "V023",
        title: "a misplaced spike flag",
        text: "The flags x0 and y0 say whether the pre or post lane spiked in the epoch. Only rules read them, in the roles 'pre' and 'post', from the spikes of the population at that end (I23).",
    },
    Page {
        code: "V024",
        title: "the past of something that is no trace",
        text: "'at x0', 'at y0' and 'prev' read the past of a pre or post trace, in a rule. Modulators, flags and variables of the synapse are read at the end of the epoch (I24).",
    },
    Page {
        code: "V030",
        title: "an input that is never used",
        text: "The kernel declares the input but no operation reads it. Delete it, unless it is there on purpose.",
    },
    Page {
        code: "V031",
        title: "a projection without synapses",
        text: "No pair of lanes is connected. A connection probability may be too small for so few lanes, or the list is empty.",
    },
];
