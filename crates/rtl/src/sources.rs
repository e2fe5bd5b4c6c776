//! The files of `isa/rtl/`, carried inside the program so that an installed one can build them.

/// The engine and what drives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sources {
    /// Path below `isa/rtl/` and text of each file.
    pub files: Vec<(&'static str, String)>,
}

/// The module that is simulated.
pub(crate) const TOP: &str = "plasticity_engine";
/// The file with `main`.
pub(crate) const HARNESS: &str = "harness.cpp";
/// The modules; the included header is found by its path.
pub(crate) const MODULES: [&str; 3] = ["plasticity_engine.sv", "rounder.sv", "draw_pipeline.sv"];

impl Default for Sources {
    fn default() -> Self {
        macro_rules! files {
            ($($path:literal),+ $(,)?) => {
                vec![$(($path, include_str!(concat!("../../../isa/rtl/", $path)).to_owned())),+]
            };
        }
        Self {
            files: files![
                "plasticity_engine.sv",
                "rounder.sv",
                "draw_pipeline.sv",
                "generated/ucode.svh",
                "harness.cpp",
            ],
        }
    }
}

impl Sources {
    /// The text of a file, to be read or changed.
    pub fn text_mut(&mut self, path: &str) -> Option<&mut String> {
        self.files.iter_mut().find(|(p, _)| *p == path).map(|(_, text)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use trifactor_isa::Opcode;

    fn text(path: &str) -> String {
        Sources::default().text_mut(path).expect("it is carried").clone()
    }

    /// The labels of the case that says what an instruction writes.
    fn handlers(engine: &str) -> BTreeSet<String> {
        let from = engine.find("// The handlers").expect("the engine marks its handlers");
        let body = &engine[from..];
        let body = &body[..body.find("endcase").expect("the case ends")];
        let labels = body.lines().filter_map(|line| line.split_once(':')).map(|(label, _)| label);
        let names = labels.flat_map(|label| label.split(',')).map(str::trim);
        names.filter_map(|name| name.strip_prefix("OP_")).map(str::to_lowercase).collect()
    }

    #[test]
    fn every_instruction_of_the_table_has_a_handler_in_the_engine() {
        let expected: BTreeSet<String> = Opcode::ALL.map(|o| o.name().to_owned()).into();
        assert_eq!(handlers(&text("plasticity_engine.sv")), expected);
    }

    #[test]
    fn a_handler_that_is_taken_out_is_missed() {
        let engine = text("plasticity_engine.sv").replace("OP_SGN: result", "// result");
        assert!(!handlers(&engine).contains("sgn"));
    }

    #[test]
    fn every_file_of_the_folder_is_carried() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../isa/rtl");
        let mut found = BTreeSet::new();
        for part in ["", "generated/"] {
            for entry in std::fs::read_dir(folder.join(part)).expect("the folder is there") {
                let entry = entry.expect("readable");
                if entry.path().is_file() {
                    found.insert(format!("{part}{}", entry.file_name().to_string_lossy()));
                }
            }
        }
        let carried: BTreeSet<String> =
            Sources::default().files.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(carried, found);
    }
}
