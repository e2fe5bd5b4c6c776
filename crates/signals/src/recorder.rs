//! Everything that is recorded of one run on the chip: waves and tables together.

use crate::axis::TimeAxis;
use crate::catalogue::Catalogue;
use crate::collector::Collector;
use crate::error::SignalError;
use crate::name::Selector;
use crate::table::{Content, Table, TableFormat};
use crate::timeline::{DEFAULT_ARROWS, Steps, Timeline};
use crate::wave::{Form, Wave, WaveFormat};
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
    /// Whether the time axis of waves is simulated time rather than steps.
    pub wave_chip_time: bool,
    /// File of a timeline.
    pub timeline: Option<PathBuf>,
    /// Steps of the timeline.
    pub timeline_steps: Steps,
    /// Most arrows of the timeline; by default [`DEFAULT_ARROWS`].
    pub timeline_arrows: Option<u64>,
    /// Tables and their files.
    pub tables: Vec<(Content, PathBuf)>,
    /// Whether tables hold raw integers rather than numbers in the author's units.
    pub table_raw: bool,
}

impl Request {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.waves.is_empty() && self.tables.is_empty() && self.timeline.is_none()
    }

    /// Refuses what can be refused without a model.
    ///
    /// Errors: the ending of a file's name is unknown, or two files have one name.
    pub fn check(&self) -> Result<(), SignalError> {
        let files: Vec<&PathBuf> = self.files().collect();
        let twice = files.iter().enumerate().find(|(at, file)| files[..*at].contains(file));
        if let Some((_, file)) = twice {
            return Err(SignalError::SameFile { path: (*file).clone() });
        }
        if let Some(path) =
            self.timeline.as_ref().filter(|p| p.extension().is_none_or(|e| e != "json"))
        {
            let (what, known) = ("timeline", ".json");
            return Err(SignalError::Ending { path: path.clone(), what, known });
        }
        self.waves.iter().try_for_each(|path| WaveFormat::of(path).map(drop))?;
        self.tables.iter().try_for_each(|(_, path)| TableFormat::of(path).map(drop))
    }

    /// The files that will be written.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let tables = self.tables.iter().map(|(_, path)| path);
        self.waves.iter().chain(tables).chain(&self.timeline)
    }
}

/// Files that are being written while an emulator runs.
pub struct Recorder {
    waves: Vec<Wave>,
    tables: Vec<Table>,
    timeline: Option<Timeline>,
    /// What the timing model tells, where waves or a timeline show it.
    collector: Option<Collector>,
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
        let mut recorder = Self {
            waves: Vec::new(),
            tables: Vec::new(),
            timeline: None,
            collector: None,
            left_out: Vec::new(),
        };
        if request.wave_chip_time || request.timeline.is_some() {
            recorder.collector = Some(Collector::new(emulator.chip()));
        }
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
            let axis = match request.wave_chip_time {
                true => TimeAxis::of_tick(emulator.chip().cost.tick_ps)?,
                false => TimeAxis::of_step(image.meta.step_ms.get())?,
            };
            let form = Form { axis, chip_time: request.wave_chip_time, real: request.wave_real };
            for path in &request.waves {
                recorder.waves.push(Wave::begin(path, selection.clone(), emulator, form)?);
            }
        }
        for (content, selection, path) in tables {
            let raw = request.table_raw;
            recorder.tables.push(Table::begin(path, content, selection, image, emulator, raw)?);
        }
        if let Some(path) = &request.timeline {
            let steps = request.timeline_steps;
            let arrows = request.timeline_arrows.unwrap_or(DEFAULT_ARROWS);
            recorder.timeline = Some(Timeline::begin(path, steps, arrows, image, emulator)?);
        }
        Ok(recorder)
    }

    /// Variables that the default choice of signals had no room for.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The step before which a timeline was cut off because it became too large.
    pub fn timeline_cut(&self) -> Option<u32> {
        self.timeline.as_ref().and_then(Timeline::cut)
    }

    /// Messages of the timeline's steps for which there were too many arrows.
    pub fn arrows_left_out(&self) -> u64 {
        self.timeline.as_ref().map_or(0, Timeline::arrows_left_out)
    }

    /// Executes a step and records it.
    pub fn step(
        &mut self,
        emulator: &mut Emulator,
        inputs: &[(usize, &[u32])],
    ) -> Result<(), SignalError> {
        match &mut self.collector {
            None => emulator.step(inputs)?,
            Some(collector) => {
                collector.clear();
                emulator.step_watched(inputs, collector)?;
            }
        }
        let (emulator, collector) = (&*emulator, self.collector.as_ref());
        for wave in &mut self.waves {
            wave.step(emulator, collector)?;
        }
        for table in &mut self.tables {
            table.step(emulator)?;
        }
        match (&mut self.timeline, collector) {
            (Some(timeline), Some(collector)) => timeline.step(emulator, collector),
            _ => Ok(()),
        }
    }

    /// Ends all files; they appear under their names.
    pub fn finish(self) -> Result<(), SignalError> {
        // The only one that can still be refused.
        self.timeline.map_or(Ok(()), Timeline::finish)?;
        self.waves.into_iter().try_for_each(Wave::finish)?;
        self.tables.into_iter().try_for_each(Table::finish)
    }
}
