//! Typed indices into dense tables.
//!
//! Every object of an intermediate representation is a small newtype index. A [`Table`] owns
//! objects, a [`SideTable`] annotates them. An id's `Display` is its spelling in the text form,
//! so listings, diagnostics for engineers and test files agree. This crate knows no word of the
//! domain.
//!
//! ```
//! use trifactor_entity::{entity_id, Table};
//! entity_id!(pub CityId, "city");
//! let mut cities: Table<CityId, &str> = Table::new();
//! let id = cities.push("Basel");
//! assert_eq!(cities[id], "Basel");
//! assert_eq!(id.to_string(), "city0");
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// An index with an identity: made only by the table that owns the object.
pub trait EntityId: Copy + Eq + Ord + fmt::Debug + fmt::Display {
    /// The id of the object at `index`.
    fn from_index(index: usize) -> Self;
    /// The position of the object in its table.
    fn index(self) -> usize;
}

/// Declares an id type: `entity_id!(pub ValueId, "v")` prints as `v7`.
#[macro_export]
macro_rules! entity_id {
    ($(#[$meta:meta])* $vis:vis $name:ident, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name(u32);
        impl $crate::EntityId for $name {
            fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("internal: more than 2^32 objects in a table"))
            }
            fn index(self) -> usize {
                self.0 as usize
            }
        }
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }
    };
}

/// A dense table that owns its objects; ids are handed out in order and never reused.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Table<K, V> {
    items: Vec<V>,
    key: PhantomData<K>,
}

impl<K: EntityId, V> Table<K, V> {
    /// An empty table.
    pub fn new() -> Self {
        Self { items: Vec::new(), key: PhantomData }
    }
    /// Adds an object and returns its id.
    pub fn push(&mut self, value: V) -> K {
        let id = K::from_index(self.items.len());
        self.items.push(value);
        id
    }
    /// The id that the next [`push`](Self::push) will return.
    pub fn next_id(&self) -> K {
        K::from_index(self.items.len())
    }
    /// Number of objects.
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// Whether the table holds nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    /// The object, or `None` for an id of another table.
    pub fn get(&self, id: K) -> Option<&V> {
        self.items.get(id.index())
    }
    /// All ids in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = K> + DoubleEndedIterator + use<K, V> {
        (0..self.items.len()).map(K::from_index)
    }
    /// All objects with their ids, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (K, &V)> + DoubleEndedIterator {
        self.items.iter().enumerate().map(|(i, v)| (K::from_index(i), v))
    }
    /// All objects in order.
    pub fn values(&self) -> std::slice::Iter<'_, V> {
        self.items.iter()
    }
    /// All objects in order, mutably.
    pub fn values_mut(&mut self) -> std::slice::IterMut<'_, V> {
        self.items.iter_mut()
    }
    /// The first id whose object satisfies `test`.
    pub fn find(&self, test: impl FnMut(&V) -> bool) -> Option<K> {
        self.items.iter().position(test).map(K::from_index)
    }
    /// The objects as a slice, in id order.
    pub fn as_slice(&self) -> &[V] {
        &self.items
    }
}

impl<K: EntityId, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: EntityId, V> FromIterator<V> for Table<K, V> {
    fn from_iter<I: IntoIterator<Item = V>>(iter: I) -> Self {
        Self { items: iter.into_iter().collect(), key: PhantomData }
    }
}

impl<K: EntityId, V> Index<K> for Table<K, V> {
    type Output = V;
    fn index(&self, id: K) -> &V {
        &self.items[id.index()]
    }
}

impl<K: EntityId, V> IndexMut<K> for Table<K, V> {
    fn index_mut(&mut self, id: K) -> &mut V {
        &mut self.items[id.index()]
    }
}

impl<K: EntityId, V: fmt::Debug> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// An annotation for every object of another table, complete from the start.
#[derive(Clone, PartialEq, Eq)]
pub struct SideTable<K, V> {
    items: Vec<V>,
    key: PhantomData<K>,
}

impl<K: EntityId, V> SideTable<K, V> {
    /// One annotation per object of `of`, computed in id order.
    pub fn for_each<T>(of: &Table<K, T>, mut value: impl FnMut(K, &T) -> V) -> Self {
        Self { items: of.iter().map(|(k, t)| value(k, t)).collect(), key: PhantomData }
    }
    /// Adds the annotation of the next object in id order.
    pub fn push(&mut self, value: V) -> K {
        let id = K::from_index(self.items.len());
        self.items.push(value);
        id
    }
    /// An annotation table that is filled in id order with [`push`](Self::push).
    pub fn empty() -> Self {
        Self { items: Vec::new(), key: PhantomData }
    }
    /// All annotations with their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (K, &V)> + DoubleEndedIterator {
        self.items.iter().enumerate().map(|(i, v)| (K::from_index(i), v))
    }
    /// Number of annotations.
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl<K: EntityId, V> Index<K> for SideTable<K, V> {
    type Output = V;
    fn index(&self, id: K) -> &V {
        &self.items[id.index()]
    }
}

impl<K: EntityId, V> IndexMut<K> for SideTable<K, V> {
    fn index_mut(&mut self, id: K) -> &mut V {
        &mut self.items[id.index()]
    }
}

impl<K: EntityId, V: fmt::Debug> fmt::Debug for SideTable<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
