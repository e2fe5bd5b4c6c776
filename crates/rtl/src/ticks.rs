//! How many clocks the engine spends on what: the ticks of a cost preset.

use trifactor_isa::{Chip, Cost, CostClass, Preset};

/// Ticks of the plasticity engine; parameters of the SystemVerilog module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ticks {
    /// A synapse is fetched and written back.
    pub state_access: u32,
    /// An instruction of [`CostClass::Load`].
    pub load: u32,
    /// An instruction of [`CostClass::Alu`].
    pub alu: u32,
    /// An instruction of [`CostClass::Mul`].
    pub mul: u32,
    /// An instruction of [`CostClass::Store`].
    pub store: u32,
    /// An instruction of [`CostClass::Control`].
    pub control: u32,
    /// A synapse is skipped.
    pub skipped_synapse: u32,
}

/// Why a preset is no clocking of the engine.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TicksError {
    /// The chip has no such preset.
    #[error("the chip '{chip}' has no cost preset '{name}' [it has {}]", .known.join(", "))]
    UnknownPreset {
        /// The chip.
        chip: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The preset has a hole.
    #[error(
        "preset '{preset}' of '{chip}' gives no learning.{name}, so nobody knows how many clocks \
         it takes; choose a preset that gives it, or add it to the chip file"
    )]
    Missing {
        /// The chip.
        chip: String,
        /// The preset.
        preset: String,
        /// The coefficient.
        name: &'static str,
    },
    /// A coefficient that no clocked machine can keep.
    #[error(
        "preset '{preset}' of '{chip}': learning.{name} takes {ticks} ticks; one clock of the \
         engine is one tick, so it needs {least} to {}; choose another preset, or change the \
         chip file",
        Ticks::MOST
    )]
    OutOfRange {
        /// The chip.
        chip: String,
        /// The preset.
        preset: String,
        /// The coefficient.
        name: &'static str,
        /// Its ticks.
        ticks: u64,
        /// The fewest there can be.
        least: u32,
    },
}

impl Ticks {
    /// Most ticks of a class: beyond, a simulation would only wait.
    pub const MOST: u32 = 4096;
    /// Clocks of the write-back, a part of the state access.
    pub const WRITE_BACK: u32 = 1;
    /// Fewest ticks of a state access: two clocks for the key of the draws, three to fill the
    /// pipeline of words, one to write back.
    pub const LEAST_STATE_ACCESS: u32 = 6;

    /// The ticks of a preset; `None` for the chip's default one.
    pub fn of(chip: &Chip, preset: Option<&str>) -> Result<Self, TicksError> {
        let preset = match preset {
            None => chip.default_preset(),
            Some(name) => chip.preset(name).ok_or_else(|| TicksError::UnknownPreset {
                chip: chip.name.clone(),
                name: name.to_owned(),
                known: chip.cost.presets.iter().map(|p| p.name.clone()).collect(),
            })?,
        };
        Self::read(chip, preset)
    }

    fn read(chip: &Chip, preset: &Preset) -> Result<Self, TicksError> {
        let of = |name: &'static str, cost: Option<Cost>, least: u32| {
            let (chip, preset) = (chip.name.clone(), preset.name.clone());
            let Some(Cost { ticks, .. }) = cost else {
                return Err(TicksError::Missing { chip, preset, name });
            };
            let legal = u32::try_from(ticks).ok().filter(|t| (least..=Self::MOST).contains(t));
            legal.ok_or(TicksError::OutOfRange { chip, preset, name, ticks, least })
        };
        let l = &preset.learning;
        Ok(Self {
            state_access: of("state_access", l.state_access, Self::LEAST_STATE_ACCESS)?,
            load: of("load", l.load, 1)?,
            alu: of("alu", l.alu, 1)?,
            mul: of("mul", l.mul, 1)?,
            store: of("store", l.store, 1)?,
            control: of("control", l.control, 1)?,
            skipped_synapse: of("skipped_synapse", l.skipped_synapse, 1)?,
        })
    }

    /// Ticks of an instruction.
    pub const fn of_class(&self, class: CostClass) -> u32 {
        match class {
            CostClass::Load => self.load,
            CostClass::Alu => self.alu,
            CostClass::Mul => self.mul,
            CostClass::Store => self.store,
            CostClass::Control => self.control,
        }
    }

    /// The parameters of the module, by name.
    pub const fn parameters(&self) -> [(&'static str, u32); 7] {
        [
            ("STATE_TICKS", self.state_access),
            ("LOAD_TICKS", self.load),
            ("ALU_TICKS", self.alu),
            ("MUL_TICKS", self.mul),
            ("STORE_TICKS", self.store),
            ("CONTROL_TICKS", self.control),
            ("SKIP_TICKS", self.skipped_synapse),
        ]
    }

    /// The longest a program of so many words can take, in clocks.
    pub fn longest(&self, words: usize) -> u64 {
        let slowest = [self.load, self.alu, self.mul, self.store, self.control];
        let slowest = slowest.into_iter().max().unwrap_or(1);
        u64::from(self.state_access.max(self.skipped_synapse)) + u64::from(slowest) * words as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn superset() -> Chip {
        Chip::builtin("superset").expect("it is built in")
    }
    /// The message about the default preset with one coefficient replaced.
    fn message(change: impl Fn(&mut Preset)) -> String {
        let chip = superset();
        let mut preset = chip.default_preset().clone();
        change(&mut preset);
        Ticks::read(&chip, &preset).expect_err("the preset is no clocking").to_string()
    }

    #[test]
    fn every_preset_of_every_chip_that_is_built_in_clocks_the_engine() {
        for name in Chip::builtin_names() {
            let chip = Chip::builtin(name).expect("it is built in");
            for preset in &chip.cost.presets {
                let ticks = Ticks::of(&chip, Some(&preset.name)).unwrap_or_else(|e| panic!("{e}"));
                let l = &preset.learning;
                let given = [
                    (ticks.state_access, l.state_access),
                    (ticks.of_class(CostClass::Load), l.load),
                    (ticks.of_class(CostClass::Alu), l.alu),
                    (ticks.of_class(CostClass::Mul), l.mul),
                    (ticks.of_class(CostClass::Store), l.store),
                    (ticks.of_class(CostClass::Control), l.control),
                    (ticks.skipped_synapse, l.skipped_synapse),
                ];
                for (ticks, cost) in given {
                    assert_eq!(Some(u64::from(ticks)), cost.map(|c| c.ticks), "{name}");
                }
            }
        }
    }

    #[test]
    fn a_class_without_time_is_refused_by_its_key() {
        let zero = message(|p| p.learning.alu = Some(Cost { fj: 1, ticks: 0 }));
        assert!(zero.contains("learning.alu takes 0 ticks"), "{zero}");
        assert!(
            zero.contains("'paper-0v75' of 'superset'") && zero.contains("1 to 4096"),
            "{zero}"
        );
        let short = message(|p| p.learning.state_access = Some(Cost { fj: 1, ticks: 5 }));
        assert!(short.contains("learning.state_access takes 5 ticks"), "{short}");
        assert!(short.contains("needs 6 to"), "{short}");
        let hole = message(|p| p.learning.store = None);
        assert!(hole.contains("gives no learning.store"), "{hole}");
    }

    #[test]
    fn an_unknown_preset_is_answered_with_those_there_are() {
        let found = Ticks::of(&superset(), Some("paper")).expect_err("there is none").to_string();
        assert!(found.contains("no cost preset 'paper' [it has paper-0v75, "), "{found}");
    }
}
