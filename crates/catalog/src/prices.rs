//! Prices: per picture, or per token that the provider counted.

use std::collections::BTreeMap;

use btcedu_domain::Usd;

/// The tokens that the provider counted for one image call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageUsage {
    /// All tokens of the request, text and images.
    pub input_tokens: u64,
    /// The part of `input_tokens` that was images.
    pub image_input_tokens: u64,
    /// Tokens of the picture, including the model's thinking.
    pub output_tokens: u64,
}

/// The prices of an image model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePrices {
    /// A fixed price by quality and size class.
    PerImage(BTreeMap<String, SizeClassPrices>),
    /// A price per token; the cost is known only from the answer.
    PerToken(ImageTokenPrices),
    /// A price per picture that the user gave for an unlisted model.
    Given(Usd),
}

/// A price per picture by the shape of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeClassPrices {
    /// Both sides equal.
    pub square: Usd,
    /// Wide or tall.
    pub wide: Usd,
}

/// Prices in dollars per million tokens, and how many tokens to expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTokenPrices {
    /// Text of the request.
    pub text_in: Usd,
    /// Images of the request.
    pub image_in: Usd,
    /// The picture.
    pub image_out: Usd,
    /// Expected output tokens by quality, for a picture of `reference_pixels`.
    pub output_tokens: BTreeMap<String, u64>,
    /// The area in pixels that `output_tokens` is meant for.
    pub reference_pixels: u64,
    /// The margin that is added to an estimate, in percent.
    pub margin_percent: u32,
}

impl ImageTokenPrices {
    /// Returns the exact cost of the counted tokens.
    pub fn cost_of(&self, usage: ImageUsage) -> Usd {
        let text = usage.input_tokens.saturating_sub(usage.image_input_tokens);
        self.text_in.per_million(text)
            + self.image_in.per_million(usage.image_input_tokens)
            + self.image_out.per_million(usage.output_tokens)
    }

    /// Returns the highest expected cost of a picture of this area; none for an unknown quality.
    ///
    /// A picture smaller than the reference gets no lower estimate: some small pictures took more tokens than
    /// larger ones (gpt-image-2, providers' price tables of 2026).
    pub fn estimate(&self, quality: &str, pixels: u64, prompt_chars: usize) -> Option<Usd> {
        let reference = self.reference_pixels.max(1);
        let at_reference = *self.output_tokens.get(quality)?;
        let output_tokens = at_reference.saturating_mul(pixels.max(reference)).div_ceil(reference);
        let input_tokens = tokens_of(prompt_chars);
        let expected = self.cost_of(ImageUsage { input_tokens, image_input_tokens: 0, output_tokens });
        let margin = expected.micros().saturating_mul(i64::from(self.margin_percent)) / 100;
        Some(expected + Usd::from_micros(margin))
    }
}

/// The tokens that the provider counted for one text call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextUsage {
    /// Input that was not cached.
    pub input_tokens: u64,
    /// Input read from the cache.
    pub cache_read_tokens: u64,
    /// Input written to the cache, for five minutes.
    pub cache_write_tokens: u64,
    /// The answer, thinking included.
    pub output_tokens: u64,
}

impl TextUsage {
    /// Returns the whole input, cached or not.
    pub fn total_input_tokens(self) -> u64 {
        self.input_tokens.saturating_add(self.cache_read_tokens).saturating_add(self.cache_write_tokens)
    }
}

/// Prices in dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPrices {
    /// Input that was not cached.
    pub input: Usd,
    /// The answer, thinking included.
    pub output: Usd,
    /// Input read from the cache.
    pub cache_read: Usd,
    /// Input written to the cache, for five minutes.
    pub cache_write: Usd,
}

impl TextPrices {
    /// Returns the exact cost of the counted tokens.
    pub fn cost_of(&self, usage: TextUsage) -> Usd {
        self.input.per_million(usage.input_tokens)
            + self.output.per_million(usage.output_tokens)
            + self.cache_read.per_million(usage.cache_read_tokens)
            + self.cache_write.per_million(usage.cache_write_tokens)
    }
}

/// Returns a high estimate of the number of tokens in a text.
///
/// It assumes two characters per token. English has about four, Turkish and German have fewer, and the
/// tokenizer of the newest models counts about 30 % more tokens than older ones.
pub(crate) fn tokens_of(chars: usize) -> u64 {
    u64::try_from(chars).unwrap_or(u64::MAX).div_ceil(2)
}
