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
];
