//! Color schemes that go together.

/// Red, green and blue.
pub(super) type Color = [u8; 3];

/// One scheme.
#[derive(Debug)]
pub(super) struct Palette {
    /// Background, upper left.
    pub(super) from: Color,
    /// Background, lower right.
    pub(super) to: Color,
    /// What is drawn on it.
    pub(super) accents: [Color; 3],
    /// Whether the background is dark, so that letters on it are light.
    pub(super) is_dark: bool,
}

const fn dark(from: Color, to: Color, accents: [Color; 3]) -> Palette {
    Palette { from, to, accents, is_dark: true }
}

const fn light(from: Color, to: Color, accents: [Color; 3]) -> Palette {
    Palette { from, to, accents, is_dark: false }
}

const PALETTES: &[Palette] = &[
    dark([22, 26, 66], [112, 58, 120], [[255, 184, 108], [240, 110, 150], [140, 152, 248]]),
    dark([6, 40, 66], [18, 112, 132], [[253, 224, 130], [94, 234, 212], [125, 205, 252]]),
    dark([13, 44, 42], [54, 112, 78], [[250, 208, 124], [186, 232, 140], [110, 221, 183]]),
    dark([16, 16, 26], [52, 46, 84], [[247, 147, 26], [255, 206, 134], [150, 165, 255]]),
    dark([54, 16, 28], [164, 62, 46], [[255, 206, 130], [255, 146, 100], [250, 228, 208]]),
    light([254, 243, 226], [245, 205, 166], [[214, 110, 54], [46, 92, 110], [166, 70, 60]]),
    light([240, 244, 252], [196, 212, 240], [[48, 92, 222], [16, 124, 150], [242, 152, 40]]),
    light([230, 247, 241], [164, 218, 208], [[14, 112, 112], [236, 116, 88], [44, 70, 120]]),
];

/// Chooses a scheme by a seed.
pub(super) fn choose(seed: u64) -> &'static Palette {
    static FALLBACK: Palette = dark([22, 26, 66], [112, 58, 120], [[255, 184, 108]; 3]);
    let index = usize::try_from(seed % PALETTES.len() as u64).unwrap_or_default();
    PALETTES.get(index).unwrap_or(&FALLBACK)
}

/// Mixes two colors; 0 is all of the first, 1 all of the second.
// `round` would be a call into libm for every channel.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer casts saturate, which is what a color wants"
)]
pub(super) fn mix(a: Color, b: Color, part: f32) -> Color {
    let channel = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * part + 0.5) as u8;
    let ([a0, a1, a2], [b0, b1, b2]) = (a, b);
    [channel(a0, b0), channel(a1, b1), channel(a2, b2)]
}

/// White, for highlights.
pub(super) const WHITE: Color = [255, 255, 255];
/// Near-black with a tint of blue, for shadows and letters.
pub(super) const INK: Color = [14, 16, 28];
