//! Where random bits come from: the chip's keyed function, or a recorded sequence (S50 to S54).
//!
//! The keyed source is a plain enum case, so that the inner loops can hoist the row's part of
//! the key and vectorise over lanes; only a replaced source pays for a call per draw.

use std::fmt;
use std::sync::Arc;
use trifactor_fixed::{Draw, DrawKey};

/// The source of random bits of an emulator.
#[derive(Clone)]
pub(crate) enum Draws {
    /// The chip's own, keyed by the seed register.
    Keyed {
        /// The seed register.
        seed: u32,
    },
    /// Somebody else's answers.
    Replaced(Arc<dyn Draw + Send + Sync>),
}

impl fmt::Debug for Draws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyed { seed } => write!(f, "Keyed({seed:#x})"),
            Self::Replaced(_) => f.write_str("Replaced"),
        }
    }
}

impl Draws {
    /// The draws of one site of one owner in one step, ready for many lanes.
    pub(crate) fn site(&self, step: u32, stream: u32, site: u8) -> SiteDraws<'_> {
        match self {
            Self::Keyed { seed } => SiteDraws::Keyed(DrawKey::new(*seed, step, stream, site)),
            Self::Replaced(source) => SiteDraws::Replaced { source: &**source, step, stream, site },
        }
    }
}

/// The draws that differ only in their lanes.
#[derive(Clone, Copy)]
pub(crate) enum SiteDraws<'a> {
    /// Keyed.
    Keyed(DrawKey),
    /// Replaced.
    Replaced {
        /// Who answers.
        source: &'a (dyn Draw + Send + Sync),
        /// Step.
        step: u32,
        /// Stream.
        stream: u32,
        /// Site.
        site: u8,
    },
}

impl SiteDraws<'_> {
    /// The draw of one pair of lanes.
    #[inline(always)]
    pub(crate) fn draw(&self, pre: u32, post: u32) -> u32 {
        match self {
            Self::Keyed(key) => key.draw(pre, post),
            Self::Replaced { source, step, stream, site } => {
                source.draw(*step, *stream, *site, pre, post)
            }
        }
    }
}
