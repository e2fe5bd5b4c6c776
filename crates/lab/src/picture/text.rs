//! Widths of text in the bundled font, and texts cut to a width.
//!
//! kuva keeps its own measures private, so the advances of printable ASCII are repeated here.
//! Source: `hmtx` table of DejaVu Sans 2.37 and DejaVu Sans Bold 2.37, in 1/1000 em.

/// Advances of U+0020..U+007E, regular.
#[rustfmt::skip]
const REGULAR: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];

/// Advances of U+0020..U+007E, bold.
#[rustfmt::skip]
const BOLD: [u16; 95] = [
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696,
    696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683,
    683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771,
    724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665,
    343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
];

/// Advance taken for every other character: that of the mathematical signs.
const OTHER: u16 = 838;

/// The mark at the end of a text that was cut.
const ELLIPSIS: char = '…';

/// Width of one line of text. Units: pixels at font size `size`.
pub(super) fn width(text: &str, size: u32, bold: bool) -> f64 {
    text.chars().map(|c| advance(c, bold)).sum::<f64>() * f64::from(size) / 1000.0
}

/// The text without control characters, cut with an ellipsis so that it is at most `limit` wide.
pub(super) fn fit(text: &str, size: u32, bold: bool, limit: f64) -> String {
    let scale = f64::from(size) / 1000.0;
    let room = limit - advance(ELLIPSIS, bold) * scale;
    let mut used = 0.0;
    // Where the text would be cut if the rest turns out not to fit.
    let mut cut = 0;
    let mut out = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        used += advance(c, bold) * scale;
        if used > limit {
            out.truncate(cut);
            out.push(ELLIPSIS);
            return out;
        }
        out.push(c);
        if used <= room {
            cut = out.len();
        }
    }
    out
}

/// Advance of one character in 1/1000 em.
fn advance(c: char, bold: bool) -> f64 {
    let table = if bold { &BOLD } else { &REGULAR };
    let index = u32::from(c).checked_sub(0x20).and_then(|i| usize::try_from(i).ok());
    let units = match c {
        ELLIPSIS => 1000,
        _ => index.and_then(|i| table.get(i)).copied().unwrap_or(OTHER),
    };
    f64::from(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_is_kept_whole() {
        let limit = width("weights", 20, false);
        assert_eq!(fit("weights", 20, false, limit), "weights");
    }

    #[test]
    fn a_cut_text_is_never_wider_than_asked() {
        let long = "learned weights of output number seventeen";
        for limit in [30.0, 100.0, 250.0] {
            let cut = fit(long, 20, true, limit);
            assert!(cut.ends_with('…'));
            assert!(width(&cut, 20, true) <= limit, "{cut} is wider than {limit}");
        }
    }

    #[test]
    fn control_characters_are_dropped() {
        assert_eq!(fit("a\u{0}b\nc", 20, false, 1e3), "abc");
    }
}
