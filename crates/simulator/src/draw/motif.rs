//! What the pictures show: networks, chains of blocks, coins, hills, orbits.

use std::f32::consts::TAU;

use fastrand::Rng;

use super::{
    canvas::{Canvas, Paint, Point},
    palette::{Color, INK, Palette, WHITE, mix},
};

/// Part of the height that the motif may use; the band with the letters lies below.
const STAGE: f32 = 0.74;

/// Fills the canvas with a slanted gradient, a glow, and a few large translucent disks.
pub(super) fn background(canvas: &mut Canvas, palette: &Palette, random: &mut Rng) {
    let (width, height) = (canvas.width(), canvas.height());
    let slant = between(random, 0.25, 0.75);
    let glow = (between(random, 0.2, 0.8) * width, between(random, 0.1, 0.5) * height);
    let reach = width.max(height) * 0.7;
    let lit = mix(palette.to, palette.warmest(), 0.55);
    let strength = if palette.is_dark { 0.5 } else { 0.35 };
    canvas.blend((0.0, 0.0), (width, height), |x, y| {
        let along = (x / width * slant + y / height * (1.0 - slant)).clamp(0.0, 1.0);
        let near = (1.0 - ((x - glow.0).hypot(y - glow.1) / reach).min(1.0)).powi(2);
        (mix(mix(palette.from, palette.to, along), lit, near * strength), 1.0)
    });
    for _ in 0..5 {
        let radius = between(random, 12.0, 34.0) * canvas.unit();
        let center = (between(random, -0.05, 1.05) * width, between(random, -0.05, 0.9) * height);
        let color = if random.bool() { WHITE } else { palette.accent(random.usize(0..3)) };
        canvas.disk(center, radius, Paint::flat(color, 0.055).soft(radius * 0.15));
    }
}

/// Draws the motif that the seed chooses, arranged by `random`.
pub(super) fn foreground(canvas: &mut Canvas, palette: &Palette, seed: u64, random: &mut Rng) {
    match (seed >> 8) % 5 {
        0 => network(canvas, palette, random),
        1 => chain(canvas, palette, random),
        2 => coins(canvas, palette, random),
        3 => hills(canvas, palette, random),
        _ => orbits(canvas, palette, random),
    }
}

fn network(canvas: &mut Canvas, palette: &Palette, random: &mut Rng) {
    let unit = canvas.unit();
    let (width, height) = (canvas.width(), canvas.height() * STAGE);
    let columns: u16 = if canvas.width() > canvas.height() * 1.2 { 6 } else { 4 };
    let rows: u16 = if canvas.height() > canvas.width() * 1.2 { 6 } else { 4 };
    let mut nodes: Vec<(Point, f32)> = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            if random.u8(0..10) < 2 {
                continue;
            }
            let x = (f32::from(column) + between(random, 0.2, 0.8)) / f32::from(columns) * width;
            let y = (f32::from(row) + between(random, 0.25, 0.85)) / f32::from(rows) * height;
            nodes.push(((x, y + 3.0 * unit), between(random, 1.1, 2.6) * unit));
        }
    }
    let line = if palette.is_dark { WHITE } else { palette.accent(1) };
    let far = (width / f32::from(columns)).hypot(height / f32::from(rows)) * 1.15;
    for (index, (a, _)) in nodes.iter().enumerate() {
        for (b, _) in nodes.iter().skip(index + 1) {
            let distance = (a.0 - b.0).hypot(a.1 - b.1);
            if distance < far {
                let opacity = 0.42 * (1.0 - distance / far) + 0.06;
                canvas.line(*a, *b, 0.32 * unit, Paint::flat(line, opacity));
            }
        }
    }
    for (center, radius) in &nodes {
        let color = palette.accent(random.usize(0..3));
        canvas.disk(*center, radius * 2.6, Paint::flat(color, 0.22).soft(radius * 3.0));
        canvas.disk(*center, *radius, Paint::shaded(mix(color, WHITE, 0.35), color, 1.0));
        canvas.ring(*center, radius * 1.55, 0.22 * unit, Paint::flat(color, 0.7));
    }
}

fn chain(canvas: &mut Canvas, palette: &Palette, random: &mut Rng) {
    let unit = canvas.unit();
    let (width, height) = (canvas.width(), canvas.height());
    let side = 19.0 * unit;
    let step = side * 1.5;
    let phase = between(random, 0.0, TAU);
    let swing = between(random, 0.04, 0.1) * height;
    let middle = between(random, 0.36, 0.46) * height;
    let offset = between(random, -0.5, 0.5) * step;
    let mut centers: Vec<Point> = Vec::new();
    let mut x = width / 2.0 + offset;
    while x > -step {
        x -= step;
    }
    while x < width + step {
        centers.push((x, middle + swing * (x / width * TAU * 0.9 + phase).sin()));
        x += step;
    }
    for (a, b) in centers.iter().zip(centers.iter().skip(1)) {
        canvas.line(*a, *b, 2.6 * unit, Paint::flat(INK, 0.35));
        canvas.line(*a, *b, 1.5 * unit, Paint::flat(mix(palette.accent(2), WHITE, 0.3), 0.95));
    }
    let chosen = centers.len() / 2;
    for (index, center) in centers.iter().enumerate() {
        let turn = between(random, -0.09, 0.09);
        let color = if index == chosen { palette.accent(0) } else { palette.accent(1 + index % 2) };
        block(canvas, *center, side, turn, color, random);
    }
}

/// One block: shadow, face, and rows of transactions in it.
fn block(canvas: &mut Canvas, center: Point, side: f32, turn: f32, color: Color, random: &mut Rng) {
    let shadow = (center.0 + side * 0.04, center.1 + side * 0.12);
    let corner = side * 0.16;
    canvas.tile(shadow, (side, side), corner, turn, Paint::flat(INK, 0.4).soft(side * 0.3));
    let face = Paint::shaded(mix(color, WHITE, 0.22), mix(color, INK, 0.16), 1.0);
    canvas.tile(center, (side, side), corner, turn, face);
    let (sin, cos) = turn.sin_cos();
    let place =
        |x: f32, y: f32| (center.0 + (x * cos - y * sin) * side, center.1 + (x * sin + y * cos) * side);
    let line = Paint::flat(mix(color, INK, 0.75), 0.5);
    canvas.disk(place(-0.27, -0.26), side * 0.075, Paint::flat(WHITE, 0.9));
    canvas.line(place(-0.1, -0.26), place(0.3, -0.26), side * 0.06, line);
    for row in [-0.04_f32, 0.12, 0.28] {
        let end = between(random, 0.0, 0.3);
        canvas.line(place(-0.3, row), place(end, row), side * 0.045, line);
    }
}

fn coins(canvas: &mut Canvas, palette: &Palette, random: &mut Rng) {
    let unit = canvas.unit();
    let (width, height) = (canvas.width(), canvas.height());
    let count: u16 = 7;
    let lean = between(random, -0.12, 0.12);
    for index in 0..count {
        let along = (f32::from(index) + 0.5) / f32::from(count);
        let radius = between(random, 8.5, 17.0) * unit;
        let x = along * width + between(random, -3.0, 3.0) * unit;
        let y = height * (0.4 + lean * (along - 0.5) * 2.0) + between(random, -0.16, 0.16) * height;
        coin(canvas, (x, y), radius, palette.accent(random.usize(0..3)));
    }
}

/// One coin: shadow, rim, face, and two strokes with a bow as its stamp.
fn coin(canvas: &mut Canvas, (x, y): Point, radius: f32, color: Color) {
    canvas.disk((x + radius * 0.06, y + radius * 0.2), radius, Paint::flat(INK, 0.4).soft(radius * 0.5));
    canvas.disk((x, y), radius, Paint::shaded(mix(color, WHITE, 0.35), mix(color, INK, 0.35), 1.0));
    canvas.disk((x, y), radius * 0.88, Paint::shaded(color, mix(color, WHITE, 0.18), 1.0));
    canvas.ring((x, y), radius * 0.72, radius * 0.035, Paint::flat(mix(color, INK, 0.5), 0.5));
    let stamp = Paint::flat(mix(color, INK, 0.58), 1.0);
    let stroke = radius * 0.11;
    for (from, to) in [
        ((-0.16, -0.36), (-0.16, 0.36)),
        ((-0.06, -0.5), (-0.06, -0.36)),
        ((0.12, -0.5), (0.12, -0.36)),
        ((-0.06, 0.36), (-0.06, 0.5)),
        ((0.12, 0.36), (0.12, 0.5)),
        ((-0.28, -0.36), (0.1, -0.36)),
        ((-0.16, 0.0), (0.12, 0.0)),
        ((-0.28, 0.36), (0.12, 0.36)),
    ] {
        canvas.line(
            (x + from.0 * radius, y + from.1 * radius),
            (x + to.0 * radius, y + to.1 * radius),
            stroke,
            stamp,
        );
    }
    for (top, bottom, bulge) in [(-0.36_f32, 0.0_f32, 0.26_f32), (0.0, 0.36, 0.3)] {
        arc(
            canvas,
            (x + 0.1 * radius, y + f32::midpoint(top, bottom) * radius),
            bulge * radius * 0.7,
            (bottom - top) / 2.0 * radius,
            stroke,
            stamp,
        );
    }
}

/// The right half of an ellipse's line, in short straight pieces.
fn arc(canvas: &mut Canvas, (x, y): Point, wide: f32, tall: f32, stroke: f32, paint: Paint) {
    let at = |piece: u8| {
        let angle = (f32::from(piece) / 10.0 - 0.5) * TAU / 2.0;
        (x + wide * angle.cos(), y + tall * angle.sin())
    };
    for piece in 0..10 {
        canvas.line(at(piece), at(piece + 1), stroke, paint);
    }
}

fn hills(canvas: &mut Canvas, palette: &Palette, random: &mut Rng) {
    let unit = canvas.unit();
    let (width, height) = (canvas.width(), canvas.height());
    let sun = (between(random, 0.2, 0.8) * width, between(random, 0.24, 0.36) * height);
    let radius = between(random, 10.0, 14.0) * unit;
    let warm = palette.warmest();
    for (wider, opacity) in [(3.4, 0.1), (2.2, 0.16), (1.5, 0.22)] {
        canvas.disk(sun, radius * wider, Paint::flat(warm, opacity).soft(radius * 1.4));
    }
    canvas.disk(sun, radius, Paint::shaded(mix(warm, WHITE, 0.55), warm, 1.0));
    let far = mix(palette.to, palette.coolest(), if palette.is_dark { 0.45 } else { 0.25 });
    let near = if palette.is_dark { mix(palette.from, INK, 0.35) } else { mix(palette.coolest(), INK, 0.2) };
    for layer in 0..5_u8 {
        let depth = f32::from(layer) / 4.0;
        let level = height * (0.46 + 0.09 * f32::from(layer));
        let (a, b) = (between(random, 0.0, TAU), between(random, 0.0, TAU));
        let (long, short) = (between(random, 0.7, 1.4), between(random, 1.8, 3.2));
        let swing = between(random, 3.5, 7.0) * unit;
        let color = mix(far, near, depth);
        canvas.below(Paint::shaded(mix(color, WHITE, 0.1), mix(color, INK, 0.18), 0.94), |x| {
            let turn = x / width.max(height) * TAU;
            level + swing * ((turn * long + a).sin() + 0.35 * (turn * short + b).sin())
        });
    }
}

fn orbits(canvas: &mut Canvas, palette: &Palette, random: &mut Rng) {
    let unit = canvas.unit();
    let (width, height) = (canvas.width(), canvas.height());
    let center = (between(random, 0.36, 0.64) * width, between(random, 0.36, 0.44) * height);
    let line = if palette.is_dark { WHITE } else { palette.accent(1) };
    for lane in 1..=6_u8 {
        let radius = (9.0 + 8.5 * f32::from(lane)) * unit;
        canvas.ring(center, radius, 0.28 * unit, Paint::flat(line, 0.34 - 0.03 * f32::from(lane)));
        for _ in 0..random.u8(1..=2) {
            let angle = between(random, 0.0, TAU);
            let place = (center.0 + radius * angle.cos(), center.1 + radius * angle.sin());
            let size = between(random, 1.2, 3.0) * unit;
            let color = palette.accent(random.usize(0..3));
            canvas.disk(place, size * 2.4, Paint::flat(color, 0.22).soft(size * 2.8));
            canvas.disk(place, size, Paint::shaded(mix(color, WHITE, 0.4), color, 1.0));
        }
    }
    canvas.disk(center, 16.0 * unit, Paint::flat(palette.accent(0), 0.28).soft(18.0 * unit));
    coin(canvas, center, 10.0 * unit, palette.accent(0));
}

impl Palette {
    /// The accent for what shines.
    fn warmest(&self) -> Color {
        self.accents.into_iter().max_by_key(|color| warmth(*color)).unwrap_or(WHITE)
    }

    /// The accent for what lies far away.
    fn coolest(&self) -> Color {
        self.accents.into_iter().min_by_key(|color| warmth(*color)).unwrap_or(INK)
    }

    fn accent(&self, index: usize) -> Color {
        self.accents.get(index).copied().unwrap_or(WHITE)
    }
}

fn warmth([red, _, blue]: Color) -> i16 {
    i16::from(red) - i16::from(blue)
}

fn between(random: &mut Rng, least: f32, most: f32) -> f32 {
    least + random.f32() * (most - least)
}
