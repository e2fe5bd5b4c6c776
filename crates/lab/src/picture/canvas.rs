//! The sheet everything is drawn on: a thin layer over kuva's scene.
//!
//! It fixes the page width, the fonts and the colours, and draws the few shapes the pictures
//! need. It knows nothing about axes or data. kuva's ready-made plots are not used: their clip
//! ids come from a process-wide counter, so a second SVG of the same data would differ from the
//! first, and their grid of panels cannot hold rows of small drawings.

use super::PictureError;
use super::text;
use kuva::RasterBackend;
use kuva::prelude::SvgBackend;
use kuva::render::color::Color;
use kuva::render::render::{PathData, Primitive, Scene, TextAnchor, TextSpan};

/// Width of every picture in pixels.
pub(super) const PAGE: f64 = 1600.0;
/// Margin around a page in pixels.
pub(super) const MARGIN: f64 = 44.0;

/// Font size of titles.
pub(super) const TITLE: u32 = 34;
/// Font size of headings and axis names.
pub(super) const HEADING: u32 = 24;
/// Font size of everything else.
pub(super) const BODY: u32 = 21;

/// A colour: red, green, blue.
pub(super) type Ink = (u8, u8, u8);

/// Text.
pub(super) const BLACK: Ink = (33, 37, 41);
/// Less important text.
pub(super) const GREY: Ink = (95, 102, 110);
/// Zero lines and frames.
pub(super) const RULE: Ink = (150, 156, 163);
/// Grid lines.
pub(super) const FAINT: Ink = (228, 231, 235);
/// Paper of drawings, and values that are not finite.
pub(super) const PAPER: Ink = (247, 248, 250);
/// Right answers; the bluish green of Okabe and Ito.
pub(super) const RIGHT: Ink = (0, 158, 115);
/// Wrong answers; the vermillion of Okabe and Ito.
pub(super) const WRONG: Ink = (213, 94, 0);

/// Colours of series, in order. Source: Okabe and Ito (2008), without yellow, which is too
/// pale for thin lines on white.
pub(super) const CYCLE: [Ink; 7] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
    (33, 37, 41),
];

/// Where the given point of a text lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Align {
    /// At its left end.
    Left,
    /// At its middle.
    Middle,
    /// At its right end.
    Right,
}

/// A text style: size, weight, colour, alignment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Font {
    pub(super) size: u32,
    pub(super) bold: bool,
    pub(super) ink: Ink,
    pub(super) align: Align,
}

impl Font {
    /// Regular black text, aligned left.
    pub(super) const fn of(size: u32) -> Self {
        Self { size, bold: false, ink: BLACK, align: Align::Left }
    }
    /// The same in another size.
    pub(super) const fn size(self, size: u32) -> Self {
        Self { size, ..self }
    }
    /// The same in bold.
    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }
    /// The same in another colour.
    pub(super) const fn ink(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }
    /// The same, aligned otherwise.
    pub(super) const fn align(self, align: Align) -> Self {
        Self { align, ..self }
    }
}

/// A rectangle on the page, in pixels, y downwards.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Area {
    /// Right edge.
    pub(super) fn right(self) -> f64 {
        self.x + self.w
    }
    /// Lower edge.
    pub(super) fn bottom(self) -> f64 {
        self.y + self.h
    }
    /// The area grown by `d` on all sides.
    pub(super) fn grown(self, d: f64) -> Self {
        Self { x: self.x - d, y: self.y - d, w: self.w + 2.0 * d, h: self.h + 2.0 * d }
    }
}

/// A page under construction.
pub(super) struct Canvas {
    scene: Scene,
}

impl Canvas {
    /// An empty white page of the given height.
    pub(super) fn new(height: f64) -> Self {
        let mut scene = Scene::new(PAGE, height.ceil());
        scene.font_family = Some("DejaVu Sans, sans-serif".to_owned());
        Self { scene }
    }

    /// Sets the height of the page once it is known.
    pub(super) fn end_at(&mut self, height: f64) {
        self.scene.height = height.ceil();
    }

    /// One line of text with its baseline at `y`, cut to `limit` pixels.
    pub(super) fn text(&mut self, x: f64, y: f64, font: Font, limit: f64, content: &str) {
        let text = text::fit(content, font.size, font.bold, limit);
        // A rich span: kuva's plain text has no bold in PNG, and reads `$` as mathematics.
        self.scene.add(Primitive::RichText {
            x: x.round(),
            y: y.round(),
            spans: vec![TextSpan { bold: font.bold, ..TextSpan::plain(text) }],
            size: font.size,
            anchor: match font.align {
                Align::Left => TextAnchor::Start,
                Align::Middle => TextAnchor::Middle,
                Align::Right => TextAnchor::End,
            },
            color: Some(color(font.ink)),
        });
    }

    /// A filled rectangle.
    pub(super) fn fill(&mut self, area: Area, ink: Ink, opacity: f64) {
        self.scene.add(Primitive::Rect {
            x: area.x,
            y: area.y,
            width: area.w,
            height: area.h,
            fill: color(ink),
            stroke: None,
            stroke_width: None,
            opacity: (opacity < 1.0).then_some(opacity),
        });
    }

    /// A frame of the given thickness, drawn inwards from the edge of `area`.
    pub(super) fn frame(&mut self, area: Area, ink: Ink, thickness: f64) {
        let Area { x, y, w, h } = area;
        let t = thickness;
        for side in [
            Area { x, y, w, h: t },
            Area { x, y: y + h - t, w, h: t },
            Area { x, y: y + t, w: t, h: h - 2.0 * t },
            Area { x: x + w - t, y: y + t, w: t, h: h - 2.0 * t },
        ] {
            self.fill(side, ink, 1.0);
        }
    }

    /// A horizontal or vertical rule with sharp edges, centred on the given line.
    pub(super) fn rule(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, thickness: f64) {
        let half = (thickness / 2.0).floor();
        let (w, h) = ((to.0 - from.0).round(), (to.1 - from.1).round());
        let area = if h == 0.0 {
            Area { x: from.0.round(), y: from.1.round() - half, w, h: thickness }
        } else {
            Area { x: from.0.round() - half, y: from.1.round(), w: thickness, h }
        };
        self.fill(area, ink, 1.0);
    }

    /// A dashed straight line.
    pub(super) fn dashed(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, thickness: f64) {
        self.scene.add(Primitive::Line {
            x1: from.0,
            y1: from.1,
            x2: to.0,
            y2: to.1,
            stroke: color(ink),
            stroke_width: thickness,
            stroke_dasharray: Some("10 8".to_owned()),
        });
    }

    /// A line through points; fewer than two draw nothing.
    pub(super) fn line(&mut self, points: Vec<(f64, f64)>, ink: Ink, thickness: f64) {
        if points.len() < 2 {
            return;
        }
        self.scene.add(Primitive::PolyLine {
            points,
            stroke: color(ink),
            stroke_width: thickness,
            stroke_dasharray: None,
        });
    }

    /// A filled polygon.
    pub(super) fn polygon(&mut self, points: &[(f64, f64)], ink: Ink, opacity: f64) {
        if points.len() < 3 {
            return;
        }
        let mut d = kuva::render::render::build_path(points);
        d.push('Z');
        self.scene.add(Primitive::Path(Box::new(PathData {
            d,
            fill: Some(color(ink)),
            stroke: Color::None,
            stroke_width: 0.0,
            opacity: Some(opacity),
            stroke_dasharray: None,
        })));
    }

    /// Discs with a thin white rim, so that touching discs stay apart.
    pub(super) fn discs(&mut self, centres: &[(f64, f64)], radius: f64, ink: Ink) {
        self.scene.add(Primitive::CircleBatch {
            cx: centres.iter().map(|c| c.0).collect(),
            cy: centres.iter().map(|c| c.1).collect(),
            r: radius,
            fill: color(ink),
            fill_opacity: None,
            stroke: (radius >= 4.0).then(|| color((255, 255, 255))),
            stroke_width: (radius >= 4.0).then_some(1.0),
        });
    }

    /// Many rectangles, each with its colour.
    pub(super) fn tiles(&mut self, tiles: &[(Area, Ink)]) {
        self.scene.add(Primitive::RectBatch {
            x: tiles.iter().map(|t| t.0.x).collect(),
            y: tiles.iter().map(|t| t.0.y).collect(),
            w: tiles.iter().map(|t| t.0.w).collect(),
            h: tiles.iter().map(|t| t.0.h).collect(),
            fills: tiles.iter().map(|t| color(t.1)).collect(),
        });
    }

    /// A matrix of colours stretched over `area`, rows first, row 0 on top.
    ///
    /// Tile edges lie on whole pixels, so that no seams show between tiles.
    pub(super) fn matrix(&mut self, area: Area, rows: usize, cols: usize, inks: &[Ink]) {
        let edge = |origin: f64, length: f64, i: usize, n: usize| {
            (origin + length * i as f64 / n as f64).round()
        };
        let mut tiles = Vec::new();
        for (r, row) in inks.chunks_exact(cols.max(1)).take(rows).enumerate() {
            let (y, below) = (edge(area.y, area.h, r, rows), edge(area.y, area.h, r + 1, rows));
            let mut c = 0;
            while c < cols {
                // One tile per run of equal colours keeps SVG files small.
                let run = row[c..].iter().take_while(|ink| **ink == row[c]).count();
                let (x, next) =
                    (edge(area.x, area.w, c, cols), edge(area.x, area.w, c + run, cols));
                tiles.push((Area { x, y, w: next - x, h: below - y }, row[c]));
                c += run;
            }
        }
        self.tiles(&tiles);
    }

    /// The page as the bytes of a PNG file.
    pub(super) fn png(self) -> Result<Vec<u8>, PictureError> {
        RasterBackend::new().with_scale(1.0).render_scene(&self.scene).map_err(PictureError::Render)
    }

    /// The page as SVG text. Fonts are named, not embedded.
    pub(super) fn svg(self) -> String {
        SvgBackend::new().with_pretty(true).render_scene(&self.scene)
    }
}

/// A colour in kuva's form.
fn color((r, g, b): Ink) -> Color {
    Color::Rgb(r, g, b)
}

/// The colour a share `t` of the way from `a` to `b`. `t` outside 0..1 is clamped.
pub(super) fn mix(a: Ink, b: Ink, t: f64) -> Ink {
    let t = t.clamp(0.0, 1.0);
    let channel = |a: u8, b: u8| {
        // A mixture of two bytes is a byte; the cast saturates and maps NaN to 0.
        (f64::from(a) + (f64::from(b) - f64::from(a)) * t).round() as u8
    };
    (channel(a.0, b.0), channel(a.1, b.1), channel(a.2, b.2))
}
