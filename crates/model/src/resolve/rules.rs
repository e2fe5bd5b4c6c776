//! Plasticity rules: their programs, traces and variables, bound for each projection.

use super::neurons::PSI;
use super::synapses::Plastic;
use super::{Leak, Place, PlaceKind, Resolver, Side};
use crate::report::suggestion;
use crate::surface::{KernelSpec, RateSpec, RuleSpec, TraceKind, TraceSpec, Value, VariableSpec};
use trifactor_diag::Place as DiagPlace;
use trifactor_ir::sop::{SopRule, parse_sop};
use trifactor_ir::text::parse_kernels;
use trifactor_ir::units::{linear_trace, saturating_trace};
use trifactor_ir::{
    Group, Kernel, Port, Read, ResetGroup, Role, StateId, StateRole, Target, Values,
};

/// A rule's kernel.
pub(crate) struct Program {
    kernel: Kernel,
}

impl Program {
    /// Whether the kernel reads or sets that variable of its own synapse.
    pub(super) fn names(&self, variable: &str) -> bool {
        let read = |p: &Port| p.role == Role::Own && p.variable == variable;
        self.sets(variable) || self.kernel.ports.values().any(read)
    }
    /// Whether the kernel sets that variable.
    pub(super) fn sets(&self, variable: &str) -> bool {
        self.kernel.outputs.iter().any(|o| o.target == Target::Set && o.variable == variable)
    }
    fn reads(&self, name: &str) -> bool {
        self.kernel.ports.values().any(|p| p.variable == name)
    }
}

/// The range of a declared variable.
pub(super) fn declared_range(spec: &VariableSpec) -> Option<(f64, f64)> {
    match spec {
        VariableSpec::Variable(v) => v.range,
        VariableSpec::Tagged(_) => None,
    }
}

/// The parts of a trace, whichever side it is on.
struct TraceParts<'s> {
    side: Side,
    leak: Leak<'s>,
    impulse: &'s Value,
    kind: &'s TraceKind,
    range: Option<(f64, f64)>,
}

fn parts(spec: &TraceSpec) -> TraceParts<'_> {
    let (side, tau, decay, keep, impulse, kind, range) = match spec {
        TraceSpec::Pre { tau, decay, keep, impulse, kind, range } => {
            (Side::Pre, tau, decay, keep, impulse, kind, range)
        }
        TraceSpec::Post { tau, decay, keep, impulse, kind, range } => {
            (Side::Post, tau, decay, keep, impulse, kind, range)
        }
    };
    TraceParts { side, leak: Leak::plain(tau, decay, keep), impulse, kind, range: *range }
}

impl Resolver<'_> {
    /// The kernel of a rule, with findings about what does not depend on a projection.
    pub(super) fn program(&mut self, name: &str, spec: &RuleSpec) -> Option<Program> {
        let key = format!("rules.{name}.kernel");
        let kernel = match &spec.kernel {
            KernelSpec::File(file) => self.kernel_of_file(name, file, &key)?,
            KernelSpec::Sop { dw, dd, dt } => {
                let rule = SopRule { dw: dw.clone(), dd: dd.clone(), dt: dt.clone() };
                match parse_sop(name, &rule, &DiagPlace::at_key(&key)) {
                    Ok(mut kernel) => {
                        self.sums.locate(name, &mut kernel);
                        kernel
                    }
                    Err(found) => {
                        let file = self.report.file().to_owned();
                        self.report.append(found.in_file(&file));
                        return None;
                    }
                }
            }
        };
        let program = Program { kernel };
        self.check_outputs(name, spec, &program);
        let base = format!("rules.{name}");
        for trace in spec.traces.names().filter(|t| !program.reads(t)) {
            self.unread(&format!("{base}.traces.{trace}"), trace);
        }
        for variable in spec.variables.names().filter(|v| *v != "w" && !program.names(v)) {
            self.unread(&format!("{base}.variables.{variable}"), variable);
        }
        for (word, target) in spec.modulators.iter() {
            let key = format!("{base}.modulators.{word}");
            if self.file.modulators.get(target).is_none() {
                self.report.unknown(&key, "modulator", target, self.file.modulators.names());
            }
            if !program.reads(word) {
                self.unread(&key, word);
            }
        }
        Some(program)
    }

    fn unread(&mut self, key: &str, name: &str) {
        let message = format!("the kernel does not use '{name}'");
        self.report.warning("M034", key, message, "remove it, or read it in the kernel");
    }

    fn kernel_of_file(&mut self, name: &str, file: &str, key: &str) -> Option<Kernel> {
        let text = self.folder.text(file, key, &mut self.report)?;
        let mut kernels = match parse_kernels(&text, file) {
            Ok(kernels) => kernels,
            Err(found) => {
                self.report.append(found);
                return None;
            }
        };
        if kernels.len() == 1 {
            return kernels.pop();
        }
        let names: Vec<String> = kernels.iter().map(|k| k.name.clone()).collect();
        let chosen = kernels.into_iter().find(|k| k.name == name);
        if chosen.is_none() {
            self.report.error_hint(
                "M030",
                key,
                format!(
                    "'{file}' holds {} kernels and none is named '{name}' like the rule: {}",
                    names.len(),
                    names.join(", ")
                ),
                "name one of them like the rule",
            );
        }
        chosen
    }

    fn check_outputs(&mut self, name: &str, spec: &RuleSpec, program: &Program) {
        let key = format!("rules.{name}.kernel");
        for output in &program.kernel.outputs {
            let variable = &output.variable;
            if output.target != Target::Set {
                let message = format!(
                    "the kernel adds to '{variable}'; a rule may only set variables of its synapses"
                );
                self.report.error("M032", &key, message);
                continue;
            }
            match spec.variables.get(variable) {
                Some(VariableSpec::Tagged(_)) => {
                    let message =
                        format!("the kernel sets '{variable}', which is declared as a Rate");
                    let hint = format!("write \"{variable}\": (init: .., range: (lo, hi))");
                    self.report.error_hint("M032", &key, message, hint);
                }
                Some(VariableSpec::Variable(v)) => {
                    if v.range.is_none() && !["w", "d"].contains(&variable.as_str()) {
                        self.report.error_hint(
                            "M025",
                            format!("rules.{name}.variables.{variable}"),
                            format!("the kernel sets '{variable}', which has no range"),
                            "add range: (lo, hi)",
                        );
                    }
                }
                None if ["w", "d"].contains(&variable.as_str()) => {}
                None => {
                    let known: Vec<&str> = spec.variables.names().collect();
                    let hint = format!(
                        "add \"{variable}\": (init: 0.0, range: (lo, hi)) to variables; {}",
                        suggestion(variable, "variable", &known)
                    );
                    self.report.error_hint(
                        "M032",
                        &key,
                        format!("the kernel sets '{variable}', which the rule does not declare"),
                        hint,
                    );
                }
            }
        }
    }

    /// States and phases of a rule on one projection.
    pub(super) fn plasticity(&mut self, rule: &str, program: &Program, on: &Plastic<'_>) {
        let Some(spec) = self.file.rules.get(rule) else {
            return;
        };
        let mut traces = Vec::new();
        for (name, trace) in spec.traces.iter() {
            let key = format!("rules.{rule}.traces.{name}");
            if let Some(id) = self.trace(name, &parts(trace), on, &key) {
                traces.push((name, parts(trace).side, id));
            }
        }
        let mut own: Vec<(&str, StateId)> = vec![("w", on.w)];
        own.extend(on.d.map(|d| ("d", d)));
        for (name, variable) in spec.variables.iter() {
            let key = format!("rules.{rule}.variables.{name}");
            self.variable(name, variable, program, on, &key, &mut own);
        }
        let key = format!("rules.{rule}.kernel");
        let mut reads = Vec::new();
        for port in program.kernel.ports.values() {
            reads.push(self.read(port, spec, on, &own, &traces, &key));
        }
        let find = |name: &str| own.iter().find(|(n, _)| *n == name).map(|(_, id)| *id);
        let writes: Option<Vec<StateId>> =
            program.kernel.outputs.iter().map(|o| find(&o.variable)).collect();
        let (Some(reads), Some(writes)) =
            (reads.into_iter().collect::<Option<Vec<Read>>>(), writes)
        else {
            return;
        };
        let bound: Vec<(String, Read)> =
            program.kernel.ports.values().map(|p| p.name.clone()).zip(reads).collect();
        let read = |p: &Port| bound.iter().find(|(name, _)| *name == p.name).map(|(_, r)| *r);
        let (name, space) = (on.name.to_owned(), on.space);
        self.phase(
            name,
            format!("rules.{rule}"),
            Group::Plasticity,
            &program.kernel,
            space,
            read,
            writes,
        );
    }

    fn trace(
        &mut self,
        name: &str,
        parts: &TraceParts<'_>,
        on: &Plastic<'_>,
        key: &str,
    ) -> Option<StateId> {
        let place = match parts.side {
            Side::Pre => on.pre.clone(),
            Side::Post => on.post.clone(),
        };
        let spike = self.spikes(&place, on, key)?;
        let full = format!("{}.{name}", on.name);
        let group = ResetGroup::Traces;
        let x = self.state(place.space, &full, StateRole::Variable, group);
        let range = self.range(parts.range, &format!("{key}.range"));
        self.network.states[x].range = range;
        self.inside(&Values::Constant(0.0), range, &format!("{key}.range"));
        let keep = self.keep(parts.leak, &place, &format!("{full}.keep"), key);
        let legal = |i: f64| i >= 0.0;
        let rule = "it must not be negative";
        let impulse = self.value(
            parts.impulse,
            &place,
            &format!("{full}.impulse"),
            &format!("{key}.impulse"),
            rule,
            legal,
        );
        let (keep, impulse) = (keep?, impulse?);
        let mut states = vec![
            ("x", x),
            ("spike", spike),
            ("keep", self.parameter(place.space, &format!("{full}.keep"), keep, group)),
            ("impulse", self.parameter(place.space, &format!("{full}.impulse"), impulse, group)),
        ];
        let kernel = match parts.kind {
            TraceKind::Linear => linear_trace(),
            TraceKind::Saturating { max } => {
                let state = format!("{full}.x_max");
                let rule = "it must be above 0";
                let max =
                    self.value(max, &place, &state, &format!("{key}.kind.max"), rule, |m| m > 0.0)?;
                states.push(("x_max", self.parameter(place.space, &state, max, group)));
                saturating_trace()
            }
        };
        let read =
            |p: &Port| states.iter().find(|(n, _)| *n == p.name).map(|(_, id)| Read::State(*id));
        self.phase(full, key.to_owned(), Group::Traces, &kernel, place.space, read, vec![x]);
        Some(x)
    }

    fn spikes(&mut self, place: &Place, on: &Plastic<'_>, key: &str) -> Option<StateId> {
        if place.spike.is_none() {
            let message = format!(
                "the rule follows spikes of '{}', which has none (projection '{}')",
                place.name, on.name
            );
            self.report.error_hint(
                "M035",
                key,
                message,
                "read traces and flags of spiking populations only",
            );
        }
        place.spike
    }

    fn variable<'s>(
        &mut self,
        name: &'s str,
        spec: &VariableSpec,
        program: &Program,
        on: &Plastic<'_>,
        key: &str,
        own: &mut Vec<(&'s str, StateId)>,
    ) {
        let full = format!("{}.{name}", on.name);
        let given = match spec {
            VariableSpec::Tagged(RateSpec::Rate(value)) => Some(value),
            VariableSpec::Variable(v) => v.init.as_ref(),
        };
        if ["w", "d"].contains(&name) {
            if given.is_some() {
                let message = format!("initial values of '{name}' belong to the projection");
                self.report.error_hint(
                    "M032",
                    key,
                    message,
                    "give weights: and delay: there; here only a range",
                );
            }
            let range = self.range(declared_range(spec), &format!("{key}.range"));
            if let ("d", Some(d), Some((lo, hi))) = (name, on.d, range) {
                let whole = (lo.max(0.0), hi.min(f64::from(trifactor_ir::MAX_DELAY)));
                if whole.0 > whole.1 {
                    self.report.error(
                        "M025",
                        key,
                        format!("({lo}, {hi}) holds no delay from 0 to 62"),
                    );
                    return;
                }
                self.network.states[d].range = Some(whole);
                let init = self.network.states[d].init.clone();
                self.inside(&init, Some(whole), key);
            }
            return;
        }
        let init = match given {
            None => Some(Values::Constant(0.0)),
            Some(value) => self.maker().make(value, on.lanes, &full, key, &mut self.report),
        };
        let Some(init) = init else { return };
        let range = self.range(declared_range(spec), &format!("{key}.range"));
        self.inside(&init, range, key);
        let id = self.parameter(on.space, name, init, ResetGroup::Weights);
        self.network.states[id].range = range;
        if program.sets(name) {
            self.network.states[id].role = StateRole::Variable;
        } else if matches!(spec, VariableSpec::Variable(_)) && program.names(name) {
            let hint = format!("write \"{name}\": Rate(..), or set it in the kernel");
            self.report.warning("M034", key, format!("the kernel never changes '{name}'"), hint);
        }
        own.push((name, id));
    }

    fn read(
        &mut self,
        port: &Port,
        spec: &RuleSpec,
        on: &Plastic<'_>,
        own: &[(&str, StateId)],
        traces: &[(&str, Side, StateId)],
        key: &str,
    ) -> Option<Read> {
        let side = match port.role {
            Role::Every(_) => return Some(Read::EpochFlag),
            Role::Own => return self.read_own(port, spec, own, key),
            Role::Global => {
                let (name, place) = self.modulator_of(port, spec)?;
                return match place {
                    Some(place) if place.kind == PlaceKind::Modulator(None, Side::Pre) => {
                        self.read_m(&place)
                    }
                    Some(_) => self.wrong_scope(port, &name, "Global", key),
                    None => self.not_provided(port, spec, key),
                };
            }
            Role::Pre => Side::Pre,
            Role::Post => Side::Post,
        };
        let place = match side {
            Side::Pre => on.pre.clone(),
            Side::Post => on.post.clone(),
        };
        let flag = match side {
            Side::Pre => "x0",
            Side::Post => "y0",
        };
        if port.variable == flag {
            return self.spikes(&place, on, key).map(Read::SpikedInEpoch);
        }
        if let Some((_, its_side, id)) = traces.iter().find(|(n, ..)| *n == port.variable) {
            if *its_side != side {
                let (have, want) = (its_side.word(), side.word());
                let message =
                    format!("'{}' is a {have} trace; the kernel reads it as {want}", port.variable);
                let hint = format!("write in {}: {have} .. in the kernel", port.name);
                self.report.error_hint("M031", key, message, hint);
                return None;
            }
            return Some(Read::State(*id));
        }
        if spec.traces.get(&port.variable).is_some() {
            // The trace could not be made; that has been reported.
            return None;
        }
        let (name, modulator) = self.modulator_of(port, spec)?;
        if let Some(modulator) = modulator {
            return if modulator.kind == PlaceKind::Modulator(Some(place.space), side) {
                self.read_m(&modulator)
            } else {
                let scope = match side {
                    Side::Pre => "PerPre",
                    Side::Post => "PerPost",
                };
                self.wrong_scope(port, &name, &format!("{scope}(\"{}\")", on.name), key)
            };
        }
        if ["u", "v", PSI].contains(&port.variable.as_str())
            && let Some(id) = self.network.state(place.space, &port.variable)
        {
            return Some(Read::State(id));
        }
        self.not_provided(port, spec, key)
    }

    fn read_own(
        &mut self,
        port: &Port,
        spec: &RuleSpec,
        own: &[(&str, StateId)],
        key: &str,
    ) -> Option<Read> {
        if let Some((_, id)) = own.iter().find(|(n, _)| *n == port.variable) {
            return Some(Read::State(*id));
        }
        if spec.variables.get(&port.variable).is_some() {
            return None;
        }
        self.not_provided(port, spec, key)
    }

    /// The modulator that a port's variable stands for: the one the rule names, else the one of
    /// the same name. `None` where the rule names one that does not exist.
    fn modulator_of(&self, port: &Port, spec: &RuleSpec) -> Option<(String, Option<Place>)> {
        let listed = spec.modulators.get(&port.variable);
        let name = listed.unwrap_or(&port.variable);
        let is_modulator = |p: &&Place| matches!(p.kind, PlaceKind::Modulator(..));
        let place = self.place(name).filter(is_modulator).cloned();
        // A modulator that the model lists but that could not be made has been reported.
        if place.is_none() && (listed.is_some() || self.file.modulators.get(name).is_some()) {
            return None;
        }
        Some((name.clone(), place))
    }

    fn read_m(&self, place: &Place) -> Option<Read> {
        self.network.state(place.space, "m").map(Read::State)
    }

    fn wrong_scope(&mut self, port: &Port, name: &str, scope: &str, key: &str) -> Option<Read> {
        let message = format!(
            "the kernel reads '{}' as {}, but the modulator '{name}' has another scope",
            port.variable,
            role_word(port.role)
        );
        self.report.error_hint(
            "M033",
            key,
            message,
            format!("give '{name}' the scope {scope} or change the input's role"),
        );
        None
    }

    fn not_provided(&mut self, port: &Port, spec: &RuleSpec, key: &str) -> Option<Read> {
        let mut known: Vec<&str> = match port.role {
            Role::Own => vec!["w", "d"],
            Role::Pre => vec!["x0", "u", "v"],
            Role::Post => vec!["y0", "u", "v", PSI],
            Role::Global | Role::Every(_) => vec![],
        };
        match port.role {
            Role::Own => known.extend(spec.variables.names()),
            _ => {
                known.extend(spec.traces.names());
                known.extend(spec.modulators.names());
                known.extend(self.file.modulators.names());
            }
        }
        let message = format!(
            "the kernel reads '{}' as {}, which the rule does not provide",
            port.variable,
            role_word(port.role)
        );
        let what = if port.role == Role::Own { "variable" } else { "trace or modulator" };
        let hint = if port.variable == PSI && port.role == Role::Post {
            "give the population that the projection ends at a pseudo_derivative: (height: .., \
             width: ..)"
                .to_owned()
        } else {
            suggestion(&port.variable, what, &known)
        };
        self.report.error_hint("M031", key, message, hint);
        None
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Own => "a variable of its synapse (own)",
        Role::Pre => "a value of the pre lane (pre)",
        Role::Post => "a value of the post lane (post)",
        Role::Global => "a global value (global)",
        Role::Every(_) => "an epoch flag (every)",
    }
}
