//! Pixels, and soft-edged shapes on them.

use image::{Rgb, RgbImage};

use super::palette::{Color, mix};

/// A point in pixels.
pub(super) type Point = (f32, f32);

/// A picture in the making.
#[derive(Debug)]
pub(super) struct Canvas {
    image: RgbImage,
}

/// How a shape is filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    /// Color at the shape's top.
    top: Color,
    /// Color at the shape's bottom.
    bottom: Color,
    /// From 0 (nothing) to 1 (covers all).
    opacity: f32,
    /// Width of the soft edge in pixels.
    feather: f32,
}

impl Paint {
    /// One color with a sharp edge.
    pub(super) fn flat(color: Color, opacity: f32) -> Self {
        Self { top: color, bottom: color, opacity, feather: 1.0 }
    }

    /// From one color down to another.
    pub(super) fn shaded(top: Color, bottom: Color, opacity: f32) -> Self {
        Self { top, bottom, opacity, feather: 1.0 }
    }

    /// The same with a soft edge.
    pub(super) fn soft(self, feather: f32) -> Self {
        Self { feather: feather.max(1.0), ..self }
    }
}

impl Canvas {
    /// Makes a black canvas.
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        Self { image: RgbImage::new(width, height) }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 8192, exact in f32")]
    pub(super) fn width(&self) -> f32 {
        self.image.width() as f32
    }

    #[expect(clippy::cast_precision_loss, reason = "at most 8192, exact in f32")]
    pub(super) fn height(&self) -> f32 {
        self.image.height() as f32
    }

    /// The unit that everything is measured in: a hundredth of the shorter side.
    pub(super) fn unit(&self) -> f32 {
        self.width().min(self.height()) / 100.0
    }

    pub(super) fn into_image(self) -> RgbImage {
        self.image
    }

    /// Lets every pixel of a rectangle be blended with what `shade` gives for its middle.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "coordinates are clamped to the canvas first, which is at most 8192 wide"
    )]
    pub(super) fn blend(&mut self, from: Point, to: Point, mut shade: impl FnMut(f32, f32) -> (Color, f32)) {
        let clamp = |value: f32, most: f32| value.clamp(0.0, most);
        let (left, right) = (clamp(from.0.floor(), self.width()), clamp(to.0.ceil(), self.width()));
        let (top, bottom) = (clamp(from.1.floor(), self.height()), clamp(to.1.ceil(), self.height()));
        for y in top as u32..bottom as u32 {
            for x in left as u32..right as u32 {
                let (color, opacity) = shade(x as f32 + 0.5, y as f32 + 0.5);
                if opacity <= 0.003 {
                    continue;
                }
                if let Some(Rgb(pixel)) = self.image.get_pixel_mut_checked(x, y) {
                    *pixel = mix(*pixel, color, opacity.min(1.0));
                }
            }
        }
    }

    /// Fills what lies within zero distance; `distance` is negative inside.
    fn fill(&mut self, from: Point, to: Point, paint: Paint, distance: impl Fn(f32, f32) -> f32) {
        let half = paint.feather / 2.0;
        let (from, to) = ((from.0 - half, from.1 - half), (to.0 + half, to.1 + half));
        let tall = (to.1 - from.1).max(1.0);
        self.blend(from, to, |x, y| {
            let cover = 0.5 - distance(x, y) / paint.feather;
            if cover <= 0.0 {
                return (paint.top, 0.0);
            }
            let cover = cover.min(1.0);
            // Smooth at both ends, or soft edges show where they begin.
            let cover = cover * cover * (3.0 - 2.0 * cover);
            (mix(paint.top, paint.bottom, (y - from.1) / tall), cover * paint.opacity)
        });
    }

    /// Draws a disk.
    pub(super) fn disk(&mut self, (x, y): Point, radius: f32, paint: Paint) {
        self.fill((x - radius, y - radius), (x + radius, y + radius), paint, |px, py| {
            (px - x).hypot(py - y) - radius
        });
    }

    /// Draws a circle's line of some thickness.
    pub(super) fn ring(&mut self, (x, y): Point, radius: f32, thickness: f32, paint: Paint) {
        let reach = radius + thickness / 2.0;
        self.fill((x - reach, y - reach), (x + reach, y + reach), paint, |px, py| {
            ((px - x).hypot(py - y) - radius).abs() - thickness / 2.0
        });
    }

    /// Draws a straight line with round ends.
    pub(super) fn line(&mut self, a: Point, b: Point, thickness: f32, paint: Paint) {
        let half = thickness / 2.0;
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = (dx * dx + dy * dy).max(f32::EPSILON);
        let from = (a.0.min(b.0) - half, a.1.min(b.1) - half);
        let to = (a.0.max(b.0) + half, a.1.max(b.1) + half);
        self.fill(from, to, paint, |px, py| {
            let along = (((px - a.0) * dx + (py - a.1) * dy) / length).clamp(0.0, 1.0);
            (px - a.0 - along * dx).hypot(py - a.1 - along * dy) - half
        });
    }

    /// Draws a rectangle with round corners around a middle, turned by an angle in radians.
    pub(super) fn tile(
        &mut self,
        (x, y): Point,
        (width, height): Point,
        corner: f32,
        turn: f32,
        paint: Paint,
    ) {
        let (half_width, half_height) = (width / 2.0 - corner, height / 2.0 - corner);
        let (sin, cos) = turn.sin_cos();
        let reach_x = f32::midpoint(width * cos.abs(), height * sin.abs());
        let reach_y = f32::midpoint(width * sin.abs(), height * cos.abs());
        self.fill((x - reach_x, y - reach_y), (x + reach_x, y + reach_y), paint, |px, py| {
            let (dx, dy) = (px - x, py - y);
            let beside = (dx * cos + dy * sin).abs() - half_width;
            let above = (dy * cos - dx * sin).abs() - half_height;
            beside.max(0.0).hypot(above.max(0.0)) + beside.max(above).min(0.0) - corner
        });
    }

    /// Fills everything below a curve, which gives a height for each x.
    pub(super) fn below(&mut self, paint: Paint, curve: impl Fn(f32) -> f32) {
        let (width, height) = (self.width(), self.height());
        let columns =
            || std::iter::successors(Some(0.5_f32), |x| Some(x + 1.0)).take_while(move |x| *x < width);
        let top = columns().map(&curve).fold(height, f32::min);
        let tall = (height - top).max(1.0);
        for x in columns() {
            let edge = curve(x);
            self.blend((x - 0.5, edge - 1.0), (x + 0.5, height), |_, y| {
                let cover = (y - edge + 0.5).clamp(0.0, 1.0);
                (mix(paint.top, paint.bottom, (y - top) / tall), cover * paint.opacity)
            });
        }
    }
}
