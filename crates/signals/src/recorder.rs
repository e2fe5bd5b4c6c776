//! Everything that is recorded of one run on the chip: waves and tables together.

use crate::catalogue::Catalogue;
use crate::error::SignalError;
use crate::name::Selector;
use crate::table::{Content, Table, TableFormat};
use crate::wave::{Wave, WaveFormat};
use std::path::PathBuf;
use trifactor_emu::Emulator;
use trifactor_image::Image;

/// What to record and where to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Request {
    /// Signals of the waves; empty for [`Catalogue::by_default`].
    pub signals: Vec<Selector>,
    /// Files of waves.
    pub waves: Vec<PathBuf>,
    /// Whether waves hold numbers in the author's units rather than raw integers.
    pub wave_real: bool,
    /// Tables and their files.
    pub tables: Vec<(Content, PathBuf)>,
    /// Whether tables hold raw integers rather than numbers in the author's units.
    pub table_raw: bool,
}

impl Request {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.waves.is_empty() && self.tables.is_empty()
    }

    /// Refuses what can be refused without a model.
    ///
    /// Errors: the ending of a file's name is unknown.
    pub fn check(&self) -> Result<(), SignalError> {
        self.waves.iter().try_for_each(|path| WaveFormat::of(path).map(drop))?;
        self.tables.iter().try_for_each(|(_, path)| TableFormat::of(path).map(drop))
    }

    /// The files that will be written.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.waves.iter().chain(self.tables.iter().map(|(_, path)| path))
    }
}

/// Files that are being written while an emulator runs.
pub struct Recorder {
    waves: Vec<Wave>,
    tables: Vec<Table>,
    left_out: Vec<String>,
}

impl Recorder {
    /// Begins all files. The emulator stands before the first step of what is recorded.
    ///
    /// Errors: a name that is not there, or a file that cannot be written; none appears then.
    pub fn begin(
        request: &Request,
        image: &Image,
        emulator: &Emulator,
    ) -> Result<Self, SignalError> {
        let catalogue = Catalogue::of(image)?;
        let mut recorder = Self { waves: Vec::new(), tables: Vec::new(), left_out: Vec::new() };
        // Every name is looked up before the first file is begun.
        let mut tables = Vec::new();
        for (content, path) in &request.tables {
            let selection = match content {
                Content::Signals(selectors) => Some(catalogue.select(selectors, emulator)?),
                _ => None,
            };
            tables.push((content, selection, path));
        }
        if !request.waves.is_empty() {
            let selection = if request.signals.is_empty() {
                let (selection, left_out) = catalogue.by_default(emulator)?;
                recorder.left_out = left_out;
                selection
            } else {
                catalogue.select(&request.signals, emulator)?
            };
            let step_ms = image.meta.step_ms.get();
            for path in &request.waves {
                let (selection, real) = (selection.clone(), request.wave_real);
                recorder.waves.push(Wave::begin(path, selection, emulator, step_ms, real)?);
            }
        }
        for (content, selection, path) in tables {
            let raw = request.table_raw;
            recorder.tables.push(Table::begin(path, content, selection, image, emulator, raw)?);
        }
        Ok(recorder)
    }

    /// Variables that the default choice of signals had no room for.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Records the step that was just executed.
    pub fn step(&mut self, emulator: &Emulator) -> Result<(), SignalError> {
        self.waves.iter_mut().try_for_each(|wave| wave.step(emulator))?;
        self.tables.iter_mut().try_for_each(|table| table.step(emulator))
    }

    /// Ends all files; they appear under their names.
    pub fn finish(self) -> Result<(), SignalError> {
        self.waves.into_iter().try_for_each(Wave::finish)?;
        self.tables.into_iter().try_for_each(Table::finish)
    }
}
