//! Sums of products.
