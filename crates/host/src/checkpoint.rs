//! Files that appear complete or not at all, and the checkpoint among them.
//!
//! A checkpoint is a magic word, the CRC-32 of the rest, and the rest in postcard.

use crate::HostError;
use crate::train::Progress;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;

const MAGIC: &[u8; 8] = b"TRIFCKP1";

/// A run at one moment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub progress: Progress,
    /// Length of each table of the run in bytes; what was written later is made again.
    pub tables: [u64; 2],
}

impl Checkpoint {
    pub fn to_bytes(&self) -> Vec<u8> {
        let body = postcard::to_stdvec(self).expect("internal: a checkpoint holds plain numbers");
        let mut bytes = MAGIC.to_vec();
        bytes.extend(crc32fast::hash(&body).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    /// Errors: what is wrong with the bytes, in words.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let body = bytes.strip_prefix(MAGIC).ok_or("is not a checkpoint of this version")?;
        let (crc, body) = body.split_first_chunk::<4>().ok_or("is cut off")?;
        if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
            return Err("is damaged: its checksum differs");
        }
        postcard::from_bytes(body).map_err(|_| "is damaged: it cannot be decoded")
    }
}

/// Writes a file beside its place and moves it there.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> Result<(), HostError> {
    let fault = |source| HostError::File { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; results are as readable as any other file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".run-").suffix(".part").tempfile_in(folder).map_err(fault)?;
    file.write_all(content).map_err(fault)?;
    file.as_file().sync_all().map_err(fault)?;
    file.persist(path).map_err(|e| fault(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adam::Adam;

    fn checkpoint() -> Checkpoint {
        let raw = vec![0.5, -1.25];
        let adam = Adam::new(&raw);
        let progress = Progress {
            raw,
            adam,
            stage: 1,
            recent: vec![0.75],
            best: Some(0.5),
            stale: 2,
            ended: false,
        };
        Checkpoint { progress, tables: [10, 20] }
    }

    #[test]
    fn a_checkpoint_reads_back_as_the_same() {
        let it = checkpoint();
        assert_eq!(Checkpoint::from_bytes(&it.to_bytes()), Ok(it));
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let bytes = checkpoint().to_bytes();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0x10;
            assert!(Checkpoint::from_bytes(&broken).is_err(), "byte {at}");
            assert!(Checkpoint::from_bytes(&bytes[..at]).is_err(), "first {at} bytes");
        }
    }
}
