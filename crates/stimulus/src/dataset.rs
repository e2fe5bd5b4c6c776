//! Labelled picture sets: where their files are, which classes they have, which part a class is in.

use crate::DEFAULT_LIMIT;
use crate::error::{DataError, read_regular};
use crate::idx::{IdxArray, read_idx};
use crate::images::{Image, ImageSet, Prepare, prepared_size};
use crate::npy::{NpyArray, read_npy};
use crate::protocol::{Protocol, What};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// A data set as the author names it. Paths are relative to the model's folder.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum DatasetSpec {
    /// Characters of many alphabets, each drawn by several people.
    Omniglot {
        /// IDX file of bytes, `[n, rows, columns]`.
        images: String,
        /// IDX file `[n, 4]`: character_id, alphabet_id, character_in_alphabet, drawer.
        index: String,
        /// Text file of the character ids used for fitting, separated by white space, `#` to the
        /// end of a line a comment. All others are for testing. Without it every class is both.
        #[serde(default)]
        split: Option<String>,
        /// Whether each character turned by 90, 180 and 270 degrees is a class of its own.
        #[serde(default)]
        rotations: bool,
        /// Steps applied to each picture.
        #[serde(default)]
        prepare: Vec<Prepare>,
    },
    /// Pictures with one label each, such as MNIST.
    Labelled {
        /// IDX file of bytes, `[n, rows, columns]`.
        images: String,
        /// IDX file of integers, `[n]`.
        labels: String,
        /// As in `Omniglot`, with labels.
        #[serde(default)]
        split: Option<String>,
        /// Steps applied to each picture.
        #[serde(default)]
        prepare: Vec<Prepare>,
    },
}

impl DatasetSpec {
    /// The files it names with the key of each.
    pub fn files(&self) -> Vec<(&'static str, &str)> {
        let (mut files, split) = match self {
            Self::Omniglot { images, index, split, .. } => {
                (vec![("images", images.as_str()), ("index", index)], split)
            }
            Self::Labelled { images, labels, split, .. } => {
                (vec![("images", images.as_str()), ("labels", labels)], split)
            }
        };
        files.extend(split.iter().map(|s| ("split", s.as_str())));
        files
    }
    /// The steps applied to each picture.
    pub fn prepare(&self) -> &[Prepare] {
        match self {
            Self::Omniglot { prepare, .. } | Self::Labelled { prepare, .. } => prepare,
        }
    }
}

/// Which classes a run draws from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Part {
    /// Those of the split file.
    Fit,
    /// All others.
    #[default]
    Test,
    /// Every class.
    All,
}

/// One picture of a class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drawing {
    /// Its number in the image file.
    pub row: u32,
    /// Who drew it; pictures without that knowledge each have a drawer of their own.
    pub drawer: i64,
}

/// Pictures with the same label.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Class {
    /// Label or character id.
    pub id: i64,
    /// Quarter turns applied to its pictures.
    pub rotation: u8,
    /// Whether it may be used for fitting.
    pub fit: bool,
    /// Whether it may be used for testing.
    pub test: bool,
    /// Its pictures in file order.
    pub drawings: Vec<Drawing>,
}

impl Class {
    /// Whether it belongs to a part.
    pub fn in_part(&self, part: Part) -> bool {
        match part {
            Part::Fit => self.fit,
            Part::Test => self.test,
            Part::All => true,
        }
    }
    /// Number of different drawers.
    pub fn drawers(&self) -> usize {
        self.drawings.iter().map(|d| d.drawer).collect::<BTreeSet<_>>().len()
    }
}

/// A data set in memory.
#[derive(Clone, PartialEq, Debug)]
pub struct Dataset {
    images: ImageSet,
    classes: Vec<Class>,
    prepare: Vec<Prepare>,
}

impl Dataset {
    /// A set from its parts: `labels` and `drawers` give one number for each picture.
    ///
    /// `fit` holds the ids used for fitting; `None` puts every class into both parts. Classes are
    /// ordered by id, and those of one id by rotation.
    /// Errors: [`DataError::Content`] where the numbers of pictures and labels differ.
    pub fn new(
        name: &str,
        images: ImageSet,
        labels: &[i64],
        drawers: Option<&[i64]>,
        fit: Option<&BTreeSet<i64>>,
        rotations: bool,
        prepare: Vec<Prepare>,
    ) -> Result<Self, DataError> {
        if labels.len() != images.len() || drawers.is_some_and(|d| d.len() != labels.len()) {
            return Err(DataError::content(
                name,
                format!("has {} labels for {} pictures", labels.len(), images.len()),
            ));
        }
        if let Some(fault) = prepare.iter().find_map(Prepare::fault) {
            return Err(DataError::content(name, fault));
        }
        let mut by_id: BTreeMap<i64, Vec<Drawing>> = BTreeMap::new();
        for (row, &id) in (0u32..).zip(labels) {
            let drawer = drawers.map_or(i64::from(row), |d| d[row as usize]);
            by_id.entry(id).or_default().push(Drawing { row, drawer });
        }
        let turns = if rotations { 0..4u8 } else { 0..1 };
        let classes = by_id
            .into_iter()
            .flat_map(|(id, drawings)| {
                turns.clone().map(move |rotation| Class {
                    id,
                    rotation,
                    fit: fit.is_none_or(|f| f.contains(&id)),
                    test: fit.is_none_or(|f| !f.contains(&id)),
                    drawings: drawings.clone(),
                })
            })
            .collect();
        Ok(Self { images, classes, prepare })
    }
    /// All classes.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }
    /// The pictures before preparation.
    pub fn images(&self) -> &ImageSet {
        &self.images
    }
    /// Rows and columns after preparation.
    pub fn size(&self) -> (usize, usize) {
        prepared_size(self.images.size(), &self.prepare)
    }
    /// A picture, turned and prepared; `None` past the end.
    pub fn image(&self, row: u32, rotation: u8) -> Option<Image> {
        Some(self.images.image(row as usize)?.rotated(rotation).prepared(&self.prepare))
    }
}

/// Where data files are looked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DataFolders {
    /// The model's folder.
    pub model: PathBuf,
    /// A second folder for data sets the model folder does not hold.
    pub shared: Option<PathBuf>,
    /// A folder that replaces both for data sets: files of the same names are read from it, and
    /// every class in them is a test class.
    pub replacement: Option<PathBuf>,
}

impl DataFolders {
    fn find(&self, relative: &str) -> Result<PathBuf, DataError> {
        let path = Path::new(relative);
        let plain =
            path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        let (true, Some(file)) = (plain, path.file_name()) else {
            return Err(DataError::content(
                relative,
                "is absolute or leaves the folder; write a path relative to the model's folder",
            ));
        };
        if let Some(folder) = &self.replacement {
            return Ok(folder.join(file));
        }
        let own = self.model.join(path);
        Ok(match &self.shared {
            Some(shared) if !own.exists() => shared.join(path),
            _ => own,
        })
    }
}

/// Everything a protocol's trials read from files.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Datasets {
    sets: BTreeMap<String, Dataset>,
    arrays: BTreeMap<String, NpyArray>,
}

impl Datasets {
    /// Loads the data sets that the protocol draws from and the arrays it shows.
    ///
    /// Errors: the first file that cannot be used.
    pub fn load(
        specs: &[(String, DatasetSpec)],
        protocol: &Protocol,
        folders: &DataFolders,
    ) -> Result<Self, DataError> {
        let mut all = Self::default();
        let needed = protocol.sampler.datasets();
        for (name, spec) in specs.iter().filter(|(name, _)| needed.contains(&name.as_str())) {
            all.sets.insert(name.clone(), load_set(spec, folders)?);
        }
        let own = DataFolders { model: folders.model.clone(), shared: None, replacement: None };
        for present in protocol.phases.iter().flat_map(|p| &p.present) {
            if let What::Array { file, .. } = &present.what
                && !all.arrays.contains_key(file)
            {
                all.arrays.insert(file.clone(), read_npy(&own.find(file)?, DEFAULT_LIMIT)?);
            }
        }
        Ok(all)
    }
    /// Adds or replaces a data set.
    pub fn insert(&mut self, name: &str, set: Dataset) {
        self.sets.insert(name.to_owned(), set);
    }
    /// Adds or replaces an array.
    pub fn insert_array(&mut self, file: &str, array: NpyArray) {
        self.arrays.insert(file.to_owned(), array);
    }
    /// The data set of that name.
    pub fn get(&self, name: &str) -> Option<&Dataset> {
        self.sets.get(name)
    }
    /// The array of that file.
    pub fn array(&self, file: &str) -> Option<&NpyArray> {
        self.arrays.get(file)
    }
}

fn load_set(spec: &DatasetSpec, folders: &DataFolders) -> Result<Dataset, DataError> {
    let read = |file: &str| -> Result<(String, IdxArray), DataError> {
        let path = folders.find(file)?;
        Ok((path.display().to_string(), read_idx(&path, DEFAULT_LIMIT)?))
    };
    let split = |file: &Option<String>| -> Result<Option<BTreeSet<i64>>, DataError> {
        match file {
            // A replacement holds classes for testing only.
            _ if folders.replacement.is_some() => Ok(Some(BTreeSet::new())),
            None => Ok(None),
            Some(file) => read_split(&folders.find(file)?).map(Some),
        }
    };
    match spec {
        DatasetSpec::Omniglot { images, index, split: part, rotations, prepare } => {
            let (images_path, array) = read(images)?;
            let images = ImageSet::from_idx(&images_path, array)?;
            let (path, index) = read(index)?;
            let [n, 4] = index.dims[..] else {
                return Err(DataError::content(
                    &path,
                    format!("an index has the shape [n, 4]; here it is {:?}", index.dims),
                ));
            };
            let column = |c| (0..n).filter_map(|r| index.get(4 * r + c)).collect::<Vec<i64>>();
            let (ids, drawers) = (column(0), column(3));
            let fit = split(part)?;
            Dataset::new(
                &path,
                images,
                &ids,
                Some(&drawers),
                fit.as_ref(),
                *rotations,
                prepare.clone(),
            )
        }
        DatasetSpec::Labelled { images, labels, split: part, prepare } => {
            let (images_path, array) = read(images)?;
            let images = ImageSet::from_idx(&images_path, array)?;
            let (path, labels) = read(labels)?;
            let ids: Vec<i64> = (0..labels.len()).filter_map(|i| labels.get(i)).collect();
            let fit = split(part)?;
            Dataset::new(&path, images, &ids, None, fit.as_ref(), false, prepare.clone())
        }
    }
}

fn read_split(path: &Path) -> Result<BTreeSet<i64>, DataError> {
    let name = path.display().to_string();
    let bytes = read_regular(path, 1 << 24)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        DataError::format(&name, e.utf8_error().valid_up_to() as u64, "is not text")
    })?;
    let mut ids = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        for word in line.split('#').next().unwrap_or("").split_whitespace() {
            let id = word.parse().map_err(|_| {
                DataError::content(
                    &name,
                    format!("line {}: '{word}' is not a class id", number + 1),
                )
            })?;
            ids.insert(id);
        }
    }
    Ok(ids)
}
