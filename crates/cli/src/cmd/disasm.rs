//! `trifactor disasm`: an image as text.

use crate::exit::Fault;
use crate::listing;
use crate::terminal::Terminal;
use std::path::{Path, PathBuf};
use trifactor_image::{Image, elf};
use trifactor_isa::Chip;

const EXAMPLES: &str = "\
Examples:
  trifactor disasm stdp.elf
  trifactor disasm stdp.elf --core 3

Each microcode word stands beside the line of the author's kernel that it comes from. The
instructions are explained in docs/isa/instructions.md and by `trifactor explain mul`.";

/// Show what an image holds: registers, synapse formats, microcode.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Cmd {
    /// Image that `trifactor compile` wrote.
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    /// Show this core only.
    #[arg(long, value_name = "N")]
    core: Option<u32>,
}

impl Cmd {
    pub fn run(&self, terminal: &Terminal) -> Result<(), Fault> {
        let image = read(&self.image)?;
        let shown = |id: u32| self.core.is_none_or(|wanted| wanted == id);
        if let Some(wanted) = self.core
            && !image.cores.iter().any(|c| c.id == wanted)
        {
            return Err(Fault::Usage(format!(
                "{} uses no core {wanted}; it uses {}",
                self.image.display(),
                used(&image)
            )));
        }
        terminal.print(&listing::header(&image, &chip_name(&image)))?;
        for core in image.cores.iter().filter(|c| shown(c.id)) {
            terminal.print(&format!("\n{}", listing::core(&image, core, true)))?;
        }
        Ok(())
    }
}

/// Reads an image; the message of a failure begins with the file's name.
pub fn read(path: &Path) -> Result<Image, Fault> {
    elf::read_file(path).map_err(|e| match e {
        trifactor_image::ImageError::Io { .. } => Fault::File(e.to_string()),
        _ => Fault::File(format!("{}: {e}", path.display())),
    })
}

/// The name of the chip that an image was made for.
pub fn chip_name(image: &Image) -> String {
    // The description was checked when the image was read.
    Chip::parse(&image.meta.chip).map_or_else(|_| "unknown".to_owned(), |chip| chip.name)
}

/// The cores of an image, the first few by number.
fn used(image: &Image) -> String {
    let all: Vec<String> = image.cores.iter().take(16).map(|c| c.id.to_string()).collect();
    match image.cores.len() {
        0 => "none".to_owned(),
        n if n > all.len() => format!("{}, ... ({n} cores)", all.join(", ")),
        _ => all.join(", "),
    }
}
