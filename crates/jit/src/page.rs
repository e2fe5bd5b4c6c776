//! Executable memory.

use memmap2::{Mmap, MmapMut};
use std::io;

/// Signature of all code: it is given a table of addresses.
type Entry = extern "sysv64" fn(*const *mut u8);

/// Code that stands in memory of its own, which nobody can write to.
#[derive(Debug)]
pub(crate) struct Page {
    memory: Mmap,
}

impl Page {
    /// Errors: the system gives no memory, or none that may be executed.
    pub fn new(code: &[u8]) -> io::Result<Self> {
        let mut memory = MmapMut::map_anon(code.len().max(1))?;
        memory[..code.len()].copy_from_slice(code);
        Ok(Self { memory: memory.make_exec()? })
    }

    /// Runs the code from its first byte on.
    ///
    /// # Safety
    /// The code must be a whole function of the type `extern "sysv64" fn(*const *mut u8)` made of
    /// instructions that this machine has, and everything it reads and writes behind `table` must
    /// be valid for that.
    pub unsafe fn call(&self, table: *const *mut u8) {
        let start: *const u8 = self.memory.as_ptr();
        // SAFETY: the caller vouches that a function of this type starts here; the memory is
        // executable (`new`), and mapped for as long as `self` lives.
        let entry: Entry = unsafe { std::mem::transmute(start) };
        entry(table);
    }
}
