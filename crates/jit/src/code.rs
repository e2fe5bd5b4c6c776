//! Native code with everything it must know about its arrays.

use crate::Level;
use crate::body::{Body, Layout, Number, Op, Rows, SPLAT};
use crate::emit::{self, Base, Loops};
use crate::encode::Kind;
use crate::page::Page;
use std::marker::PhantomData;

/// Most arrays of one body.
const MOST: usize = 60;

/// Most bytes of a stack frame: less than a page, so that the guard page behind a stack is met.
const MOST_STACK: usize = 3584;

/// 64 bytes of copies of one constant.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([u8; 64]);

/// A body as native code for the rows of one layout.
#[derive(Debug)]
pub struct Code<T> {
    page: Page,
    constants: Vec<Line>,
    /// Ends of segments.
    ends: Vec<u32>,
    /// Byte offset of the listed row of each row.
    listed: Vec<u32>,
    uniforms: usize,
    /// Numbers that a run touches at most, per array.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    number: PhantomData<T>,
}

/// Numbers of arrays of each kind, for one layout.
struct Lengths {
    own: usize,
    listed: usize,
    segment: usize,
    first: usize,
    lane: usize,
}

impl Lengths {
    fn of(&self, rows: Rows) -> usize {
        match rows {
            Rows::Own => self.own,
            Rows::Listed => self.listed,
            Rows::Segment => self.segment,
            Rows::First => self.first,
        }
    }
}

impl<T: Number> Code<T> {
    /// Code for a body. `None` where this machine, the system or the layout does not allow it: the
    /// width is no multiple of a vector, the arrays are too many or too long, executable memory is
    /// refused.
    ///
    /// # Panics
    /// If an output is written twice, or rows are asked for that the layout does not have:
    /// segments that do not rise from 0 to the number of rows, listed rows where there is no list.
    pub fn new(body: &Body, layout: &Layout<'_>, level: Level) -> Option<Self> {
        let kind = kind::<T>(layout.width, level)?;
        // Rows and their bytes both stay below 2^31, so no product of the two overflows.
        let row_bytes = layout.width.checked_mul(kind.number_bytes())?;
        i32::try_from(row_bytes).ok()?;
        let whole = [0, u32::try_from(layout.rows).ok()?];
        let segments = layout.segments.unwrap_or(&whole);
        let rises = segments.windows(2).all(|s| s[0] <= s[1]);
        let spans = segments.first() == Some(&0)
            && segments.last().map(|end| *end as usize) == Some(layout.rows);
        assert!(rises && spans, "internal: segments do not cover the rows");
        if segments.len() < 2 || i32::try_from(layout.rows).is_err() {
            return None;
        }
        let has_list = layout.listed.len() == layout.rows;
        let listed: Option<Vec<u32>> =
            layout.listed.iter().map(|row| u32::try_from(*row as usize * row_bytes).ok()).collect();
        let listed = listed?;
        let lengths = Lengths {
            own: layout.rows * layout.width,
            listed: layout.listed.iter().max().map_or(0, |l| (*l as usize + 1) * layout.width),
            segment: (segments.len() - 1) * layout.width,
            first: layout.width,
            lane: layout.rows,
        };
        let arrays = Arrays::of(body, &lengths);
        assert!(has_list || !arrays.listed, "internal: listed rows without a list");
        if arrays.inputs.len() + arrays.outputs.len() > MOST {
            return None;
        }
        let loops = Loops { row_bytes, segments: segments.len() - 1, listed: arrays.listed };
        let assembled = emit::assemble(body, kind, loops, arrays.inputs.len()).ok()?;
        if assembled.frame > MOST_STACK {
            return None;
        }
        Some(Self {
            page: Page::new(&assembled.bytes).ok()?,
            constants: assembled.constants.iter().map(|bits| line(*bits, kind)).collect(),
            ends: segments[1..].to_vec(),
            listed,
            uniforms: arrays.uniforms,
            inputs: arrays.inputs,
            outputs: arrays.outputs,
            number: PhantomData,
        })
    }

    /// Executes the body for all rows. Arrays come in the order of their numbers in the body; of
    /// uniform values all copies are equal.
    ///
    /// # Panics
    /// If there are fewer arrays or uniform values than the body names, or one is too short for
    /// the rows of the layout.
    pub fn run<'a>(
        &self,
        uniforms: &[[T; SPLAT]],
        inputs: impl IntoIterator<Item = &'a [T]>,
        outputs: impl IntoIterator<Item = &'a mut [T]>,
    ) {
        let mut table = [std::ptr::null_mut::<u8>(); Base::ARRAYS + MOST];
        assert!(uniforms.len() >= self.uniforms, "internal: too few uniform values");
        table[Base::Uniforms.position()] = uniforms.as_ptr().cast_mut().cast();
        table[Base::Constants.position()] = self.constants.as_ptr().cast_mut().cast();
        table[Base::Ends.position()] = self.ends.as_ptr().cast_mut().cast();
        table[Base::Listed.position()] = self.listed.as_ptr().cast_mut().cast();
        let (mut inputs, mut outputs) = (inputs.into_iter(), outputs.into_iter());
        let mut entries = table[Base::ARRAYS..].iter_mut();
        for (need, entry) in self.inputs.iter().zip(&mut entries) {
            let array = inputs.next().expect("internal: too few inputs");
            assert!(array.len() >= *need, "internal: an input of {} for {need}", array.len());
            *entry = array.as_ptr().cast_mut().cast();
        }
        for (need, entry) in self.outputs.iter().zip(&mut entries) {
            let array = outputs.next().expect("internal: too few outputs");
            assert!(array.len() >= *need, "internal: an output of {} for {need}", array.len());
            *entry = array.as_mut_ptr().cast();
        }
        // SAFETY: the page holds a whole function that `emit` made for a `Kind` which `kind` only
        // gives if the machine has its instructions. It reads and writes
        // - uniforms and constants at the positions that the body has, which are counted above and
        //   in `emit`;
        // - `ends`, one entry per segment, and `listed`, one per row;
        // - arrays at offsets below the lengths asserted above: own rows below `rows`, since
        //   segments rise to that number (asserted in `new`), listed rows up to the largest of the
        //   list, segment rows below the number of segments, first rows below one, numbers of
        //   lanes below `rows`. `new` bounds rows and their bytes, so no offset has wrapped.
        // It writes to outputs only. These are exclusive borrows, so they overlap neither each
        // other nor an input, and all borrows are held for 'a, which outlives this call.
        unsafe { self.page.call(table.as_ptr()) };
    }
}

/// Vectors for rows of a width, if the machine has them.
pub(crate) fn kind<T: Number>(width: usize, level: Level) -> Option<Kind> {
    let double = T::DOUBLE;
    let fits = |wide: bool| {
        let kind = Kind { wide, double };
        let numbers = kind.vector_bytes() / kind.number_bytes();
        (width > 0 && width.is_multiple_of(numbers)).then_some(kind)
    };
    let available = Level::available();
    let wide = (level == Level::Avx512 && available.contains(&level)).then(|| fits(true)).flatten();
    wide.or_else(|| available.contains(&Level::Avx2).then(|| fits(false)).flatten())
}

fn line(bits: u64, kind: Kind) -> Line {
    let mut line = Line([0; 64]);
    for chunk in line.0.chunks_exact_mut(kind.number_bytes()) {
        chunk.copy_from_slice(&bits.to_le_bytes()[..chunk.len()]);
    }
    line
}

/// What a body asks of its arrays.
struct Arrays {
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    uniforms: usize,
    listed: bool,
}

impl Arrays {
    fn of(body: &Body, lengths: &Lengths) -> Self {
        fn grow(list: &mut Vec<usize>, at: usize, len: usize) {
            list.resize(list.len().max(at + 1), 0);
            list[at] = list[at].max(len);
        }
        let mut arrays =
            Self { inputs: Vec::new(), outputs: Vec::new(), uniforms: 0, listed: false };
        let mut written = Vec::new();
        for op in &body.ops {
            match *op {
                Op::Uniform(i) => {
                    let n = i.checked_add(1).expect("internal: too many uniform values");
                    arrays.uniforms = arrays.uniforms.max(n);
                }
                Op::Row { input, rows } => {
                    arrays.listed |= rows == Rows::Listed;
                    grow(&mut arrays.inputs, input, lengths.of(rows));
                }
                Op::Lane { input } => grow(&mut arrays.inputs, input, lengths.lane),
                Op::Set { output, .. } => {
                    assert!(!written.contains(&output), "internal: an output is written twice");
                    written.push(output);
                    grow(&mut arrays.outputs, output, lengths.own);
                }
                Op::Add { output, rows, .. } => {
                    assert!(!written.contains(&output), "internal: an output is written twice");
                    written.push(output);
                    arrays.listed |= rows == Rows::Listed;
                    grow(&mut arrays.outputs, output, lengths.of(rows));
                }
                Op::Const(_) | Op::Binary(..) | Op::ShiftLeft(..) | Op::Select { .. } => {}
            }
        }
        arrays
    }
}
