//! Sizes of products of matrices.

/// Sizes of a product.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Matrix {
    /// Numbers in a row.
    pub width: usize,
    /// Rows that are added to.
    pub outputs: usize,
    /// Rows that are read.
    pub inputs: usize,
    /// From the factor of one output to that of the next.
    pub output_stride: usize,
    /// From the factor of one input to that of the next.
    pub input_stride: usize,
    /// Nothing is added where the number of the input is 0, whatever the factor, and no product is
    /// made for a vector of inputs that are 0 throughout. A sum must not begin at -0: whether that
    /// sign stays depends on the level.
    pub sparse: bool,
}

/// Sizes of a sum of outer products.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Events {
    /// Rows of numbers that are mostly 0, which are rows of sums.
    pub rows: usize,
    /// Numbers in such a row, which are rows of what is added.
    pub width: usize,
    /// Sums in a row.
    pub columns: usize,
    /// From one row of what is added to the next.
    pub stride: usize,
}
