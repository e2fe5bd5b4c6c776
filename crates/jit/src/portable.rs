//! What stands for native code on other processors: nothing.

use crate::{Body, Events, Layout, Level, Matrix, Number, SPLAT};
use std::convert::Infallible;
use std::marker::PhantomData;

/// Native code; on this processor there is none.
#[derive(Debug)]
pub struct Code<T> {
    never: Infallible,
    number: PhantomData<T>,
}

impl<T: Number> Code<T> {
    /// Always `None`.
    pub fn new(_: &Body, _: &Layout<'_>, _: Level) -> Option<Self> {
        None
    }

    /// Never called.
    pub fn run<'a>(
        &self,
        _: &[[T; SPLAT]],
        _: impl IntoIterator<Item = &'a [T]>,
        _: impl IntoIterator<Item = &'a mut [T]>,
    ) {
        match self.never {}
    }
}

/// A product; on this processor there is none.
#[derive(Debug)]
pub struct Product<T> {
    never: Infallible,
    number: PhantomData<T>,
}

impl<T: Number> Product<T> {
    /// Always `None`.
    pub fn new(_: &Matrix, _: Level) -> Option<Self> {
        None
    }

    /// Never called.
    pub fn add(&self, _: &[T], _: &[T], _: &mut [T]) {
        match self.never {}
    }
}

/// A sum of outer products; on this processor there is none.
#[derive(Debug)]
pub struct Outer<T> {
    never: Infallible,
    number: PhantomData<T>,
}

impl<T: Number> Outer<T> {
    /// Always `None`.
    pub fn new(_: &Events, _: Level) -> Option<Self> {
        None
    }

    /// Never called.
    pub fn add(&self, _: &[T], _: &[T], _: &mut [T]) {
        match self.never {}
    }
}
