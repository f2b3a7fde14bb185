//! The band with the prompt's first words, and the badge that says that nothing here is real.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};

use super::{
    canvas::{Canvas, Paint, Point},
    palette::{Color, INK, Palette, WHITE},
};

/// Writes the prompt's first words and a caption on a translucent band, and the badge above.
///
/// # Errors
/// Says so where the embedded font can't be read.
pub(super) fn label(
    canvas: &mut Canvas,
    palette: &Palette,
    prompt: &str,
    caption: &str,
) -> Result<(), ab_glyph::InvalidFont> {
    let font = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT)?;
    let pen = Pen { font: &font };
    let (unit, width, height) = (canvas.unit(), canvas.width(), canvas.height());
    let (ground, letters) = if palette.is_dark { (INK, WHITE) } else { (WHITE, INK) };

    let (size, small, margin, padding) = (4.6 * unit, 2.7 * unit, 4.0 * unit, 3.2 * unit);
    let room = width - 2.0 * (margin + padding);
    let lines = pen.wrap(prompt, size, room, 2);
    let mut depth = small * 1.25;
    for _ in &lines {
        depth += size * 1.28;
    }
    let tall = depth + 2.0 * padding;
    let band = (width / 2.0, height - margin - tall / 2.0);
    canvas.tile(band, (width - 2.0 * margin, tall), 2.4 * unit, 0.0, Paint::flat(ground, 0.62));

    let left = margin + padding;
    let mut baseline = height - margin - tall + padding + size * 0.92;
    for line in &lines {
        pen.write(canvas, line, (left, baseline), size, letters, 0.97);
        baseline += size * 1.28;
    }
    let under = format!("{width} × {height} px  ·  {caption}  ·  not a real picture");
    let under = pen.wrap(&under, small, room, 1).pop().unwrap_or_default();
    pen.write(canvas, &under, (left, height - margin - padding - small * 0.12), small, letters, 0.72);
    badge(canvas, &pen, (margin, margin));
    Ok(())
}

fn badge(canvas: &mut Canvas, pen: &Pen<'_>, (left, top): Point) {
    let unit = canvas.unit();
    let size = 3.3 * unit;
    let text = "S I M U L A T E D";
    let (wide, tall) = (pen.length(text, size) + 4.0 * unit, 6.0 * unit);
    let middle = (left + wide / 2.0, top + tall / 2.0);
    canvas.tile(middle, (wide, tall), tall / 2.0, 0.0, Paint::flat(WHITE, 0.94));
    let start = (left + 2.0 * unit, middle.1 + size * 0.33);
    // The font is a light one; written twice it stands out.
    pen.write(canvas, text, start, size, [176, 30, 40], 1.0);
    pen.write(canvas, text, (start.0 + size * 0.035, start.1), size, [176, 30, 40], 1.0);
}

struct Pen<'a> {
    font: &'a FontRef<'static>,
}

impl Pen<'_> {
    /// Returns a text's length in pixels.
    fn length(&self, text: &str, size: f32) -> f32 {
        self.place(text, size).last().map_or(0.0, |(_, _, end)| *end)
    }

    /// Breaks a text into at most so many lines; the last one ends in "…" where there is more.
    fn wrap(&self, text: &str, size: f32, room: f32, most: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            let is_last_line = lines.len() + 1 == most;
            let ending = if is_last_line && words.peek().is_some() { " …" } else { "" };
            if self.length(&format!("{longer}{ending}"), size) <= room {
                line = longer;
            } else if is_last_line {
                line = self.cut(&line, if line.is_empty() { word } else { "" }, size, room);
                lines.push(line);
                return lines;
            } else {
                let full = std::mem::replace(&mut line, word.to_owned());
                lines.extend(Some(full).filter(|full| !full.is_empty()));
            }
        }
        lines.extend(Some(line).filter(|line| !line.is_empty()));
        lines
    }

    /// Ends a line with "…", cutting a word that alone is too long for it.
    fn cut(&self, line: &str, word: &str, size: f32, room: f32) -> String {
        let mut text = format!("{line}{word}");
        while !text.is_empty() && self.length(&format!("{text} …"), size) > room {
            text.pop();
        }
        format!("{text} …")
    }

    /// Writes a line; the point is the left end of its base.
    fn write(
        &self,
        canvas: &mut Canvas,
        text: &str,
        (left, base): Point,
        size: f32,
        color: Color,
        opacity: f32,
    ) {
        for (glyph, start, _) in self.place(text, size) {
            let glyph = glyph.with_scale_and_position(PxScale::from(size), point(left + start, base));
            let Some(outline) = self.font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            let mut cover = Vec::new();
            outline.draw(|_, _, part| cover.push(part));
            // The canvas may clip the rectangle, so each pixel looks its cover up by its place.
            let columns = bounds.width();
            canvas.blend((bounds.min.x, bounds.min.y), (bounds.max.x, bounds.max.y), |x, y| {
                let index = (y - bounds.min.y).floor() * columns + (x - bounds.min.x).floor();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "inside the glyph's own rectangle; anything else is not found"
                )]
                let part = cover.get(index as usize).copied().unwrap_or_default();
                (color, part * opacity)
            });
        }
    }

    /// Places the letters of a line: each with its start and end in pixels.
    fn place(&self, text: &str, size: f32) -> Vec<(GlyphId, f32, f32)> {
        let font = self.font.as_scaled(PxScale::from(size));
        let mut placed: Vec<(GlyphId, f32, f32)> = Vec::new();
        for letter in text.chars() {
            let glyph = font.glyph_id(letter);
            let start = placed.last().map_or(0.0, |(last, _, end)| end + font.kern(*last, glyph));
            placed.push((glyph, start, start + font.h_advance(glyph)));
        }
        placed
    }
}
