//! The embedded catalogue against the facts, and catalogues with a mistake in them.

use btcedu_domain::Usd;
use jiff::civil::Date;

use super::*;
use crate::{ImagePrices, ImageUsage, Setting, TextUsage};

const BUILTIN: &str = include_str!("../../../../data/models.toml");

fn today() -> Date {
    "2026-11-22".parse().unwrap()
}

fn dollars(amount: f64) -> Usd {
    Usd::from_dollars(amount).unwrap()
}

#[test]
fn the_day_each_model_ends_is_known() {
    let catalog = ModelCatalog::builtin();
    let image = |id| catalog.image(id).map(|m| (m.is_retired(today()), m.successor.as_deref()));
    let text = |id| catalog.text(id).map(|m| (m.is_retired(today()), m.successor.as_deref()));
    let next = Some("gpt-image-2.6-flare");
    for (id, expected) in [
        ("dall-e-3", Some((true, next))),
        ("gpt-image-1", Some((true, next))),
        ("gpt-image-1-mini", Some((false, next))),
        ("gpt-image-1.5-2025-12-16", Some((false, next))),
        ("chatgpt-image-latest", Some((false, next))),
        ("gpt-image-2-2026-04-21", Some((false, None))),
        ("gpt-image-2.5-sunburst-2026-09-08", Some((false, None))),
        ("gpt-image-2.6-sunburst", Some((false, None))),
        ("gpt-image-9", None),
    ] {
        assert_eq!(image(id), expected, "{id}");
    }
    assert_eq!(text("claude-sonnet-4-20250514"), Some((true, Some("claude-sonnet-5-5"))));
    assert_eq!(text("claude-sonnet-4-5"), Some((false, Some("claude-sonnet-5-5"))));
    assert_eq!(text("claude-haiku-4-5"), Some((false, None)));
    let whisper = catalog.speech("whisper-1").unwrap();
    assert!(!whisper.is_retired(today()) && whisper.is_retired("2027-02-26".parse().unwrap()));
    assert_eq!(whisper.cost_of(90.5), dollars(0.0091), "ninety-one seconds");
    let mini = catalog.image("gpt-image-1-mini").unwrap();
    assert!(mini.is_retired("2026-12-01".parse().unwrap()), "the day itself counts");
}

#[test]
fn every_default_is_taken_by_its_own_model_and_has_a_price() {
    for model in ModelCatalog::builtin().images() {
        let size = model.default_size.to_string();
        model.check_settings(&size, &model.default_quality, None).unwrap();
        for quality in &model.qualities {
            assert!(model.estimate(&size, quality, 300) > Some(Usd::ZERO), "{} {quality}", model.id);
        }
        assert_eq!(model.check_settings("auto", "low", None).unwrap_err().setting, Setting::Size);
    }
}

#[test]
fn defaults_are_as_the_brief_has_them_and_sixteen_to_nine_where_it_can_be() {
    let catalog = ModelCatalog::builtin();
    for (id, size, quality) in [
        ("dall-e-3", "1792x1024", "standard"),
        ("gpt-image-1.5", "1536x1024", "medium"),
        ("gpt-image-2", "1536x864", "medium"),
        ("gpt-image-2.6-flare", "1536x864", "medium"),
    ] {
        let model = catalog.image(id).unwrap();
        assert_eq!(
            (model.default_size.to_string().as_str(), model.default_quality.as_str()),
            (size, quality)
        );
    }
}

/// Published or measured prices per picture (providers' pages and price maps, 2026).
#[test]
fn an_estimate_is_never_below_a_published_price() {
    let catalog = ModelCatalog::builtin();
    for (id, size, quality, published) in [
        ("dall-e-3", "1024x1024", "standard", 0.040),
        ("dall-e-3", "1792x1024", "standard", 0.080),
        ("dall-e-3", "1024x1792", "hd", 0.120),
        ("gpt-image-1-mini", "1536x1024", "low", 0.006),
        ("gpt-image-1-mini", "1024x1024", "medium", 0.011),
        ("gpt-image-1-mini", "1536x1024", "medium", 0.015),
        ("gpt-image-1-mini", "1536x1024", "high", 0.052),
        ("gpt-image-1.5", "1024x1024", "high", 0.133),
        ("gpt-image-1.5", "1536x1024", "medium", 0.050),
        ("gpt-image-1.5", "1024x1536", "high", 0.200),
        ("gpt-image-2", "1024x1024", "medium", 0.053),
        ("gpt-image-2", "1536x1024", "high", 0.165),
        ("gpt-image-2.5-flare", "1024x1024", "max", 0.211),
        ("gpt-image-2.6-flare", "1024x1024", "low", 0.02),
        ("gpt-image-2.6-flare", "1024x1024", "medium", 0.05),
    ] {
        let model = catalog.image(id).unwrap();
        let estimate = model.estimate(size, quality, 0).unwrap();
        assert!(estimate >= dollars(published), "{id} {size} {quality}: {estimate}");
        let limit = if model.has_fixed_price() { published } else { published * 2.5 };
        assert!(estimate <= dollars(limit), "{id} {size} {quality}: {estimate} is far too careful");
    }
}

#[test]
fn a_small_picture_is_not_taken_to_be_cheaper_and_a_long_prompt_is_dearer() {
    let catalog = ModelCatalog::builtin();
    let model = catalog.image("gpt-image-2").unwrap();
    let estimate = |size, chars| model.estimate(size, "medium", chars).unwrap();
    assert_eq!(estimate("1024x640", 0), estimate("1024x1024", 0));
    assert!(estimate("2048x1152", 0) > estimate("1536x864", 0));
    assert!(estimate("1024x1024", 4_000) > estimate("1024x1024", 0));
}

#[test]
fn the_bill_is_what_was_counted() {
    let catalog = ModelCatalog::builtin();
    let usage = ImageUsage { input_tokens: 150, image_input_tokens: 50, output_tokens: 1756 };
    let cost = |id| catalog.image(id).unwrap().cost_of(usage);
    assert_eq!(cost("gpt-image-2.6-flare"), Some(Usd::from_micros(500 + 400 + 52_680)));
    assert_eq!(cost("dall-e-3"), None, "paid by the picture");
    let usage = TextUsage { input_tokens: 1_000, output_tokens: 500, ..TextUsage::default() };
    assert_eq!(catalog.text("claude-sonnet-5-5").unwrap().cost_of(usage), Usd::from_micros(2_000 + 5_000));
}

#[test]
fn a_long_prompt_makes_the_whole_haiku_request_dearer() {
    let haiku = ModelCatalog::builtin().text("claude-haiku-5-5").unwrap().clone();
    let cost = |input_tokens, cache_read_tokens| {
        haiku.cost_of(TextUsage {
            input_tokens,
            cache_read_tokens,
            output_tokens: 1_000,
            cache_write_tokens: 0,
        })
    };
    assert_eq!(cost(100_000, 0), Usd::from_micros(10_000 + 500));
    assert_eq!(cost(100_001, 0), Usd::from_micros(50_001 + 2_500));
    assert_eq!(cost(1, 100_000), Usd::from_micros(1 + 5_000 + 2_500), "cached input counts too");
}

#[test]
fn thinking_gets_room_up_to_what_the_model_takes() {
    let catalog = ModelCatalog::builtin();
    let sent = |id, visible| catalog.text(id).unwrap().max_tokens_to_send(visible);
    assert_eq!(sent("claude-sonnet-5-5", 500), 4_500);
    assert_eq!(sent("claude-sonnet-5-5", 127_000), 128_000);
    assert_eq!(sent("claude-haiku-4-5", 500), 500);
    let sonnet = catalog.text("claude-sonnet-5-5").unwrap();
    assert_eq!(sonnet.estimate(1_000, 0, 500), Usd::from_micros(500 * 2 + 4_500 * 10));
    let cached = sonnet.estimate(1_000, 2_000, 500);
    assert_eq!(
        cached,
        Usd::from_micros(500 * 2 + 1_000 * 5 / 2 + 4_500 * 10),
        "writing the cache costs 2.50"
    );
}

#[test]
fn settings_are_checked_one_by_one() {
    let catalog = ModelCatalog::builtin();
    for (id, size, quality, style, said) in [
        ("gpt-image-1.5", "1536x864", "low", None, "IMAGE_GEN_SIZE '1536x864' is not taken by gpt-image-1.5"),
        ("gpt-image-2", "auto", "low", None, "multiples of 16"),
        ("gpt-image-2", "1536x864", "xhigh", None, "allowed: low, medium, high"),
        ("gpt-image-2", "1536x864", "auto", None, "IMAGE_GEN_QUALITY 'auto'"),
        (
            "gpt-image-2",
            "1536x864",
            "low",
            Some("vivid"),
            "style 'vivid' is not taken by gpt-image-2; allowed: none",
        ),
        ("dall-e-3", "1792x1024", "hd", Some("loud"), "allowed: vivid, natural"),
        ("dall-e-3", "1536x864", "hd", None, "allowed: 1024x1024, 1792x1024, 1024x1792"),
    ] {
        let problem =
            catalog.image(id).unwrap().check_settings(size, quality, style).unwrap_err().to_string();
        assert!(problem.contains(said), "{problem}");
    }
    assert!(catalog.image("dall-e-3").unwrap().check_settings("1024x1792", "hd", Some("natural")).is_ok());
}

#[test]
fn an_unlisted_model_takes_its_familys_shape_and_needs_a_price() {
    let catalog = ModelCatalog::builtin();
    let refusal = catalog.resolve_image("gpt-image-9", None).unwrap_err().to_string();
    assert!(refusal.contains("'gpt-image-9'") && refusal.contains("IMAGE_GEN_PRICE_USD"), "{refusal}");
    assert!(refusal.contains("gpt-image-2.6-flare") && !refusal.contains("dall-e-3"), "{refusal}");

    let price = dollars(0.07);
    for (id, family, size, quality) in [
        ("gpt-image-9", "gpt-image", "1536x864", "medium"),
        ("dall-e-4", "dall-e-3", "1792x1024", "standard"),
    ] {
        let model = catalog.resolve_image(id, Some(price)).unwrap();
        assert_eq!((model.id.as_str(), model.family.as_str()), (id, family));
        assert_eq!(model.default_size.to_string(), size);
        assert_eq!(model.estimate(size, quality, 9_000), Some(price));
        assert!(!model.is_retired(today()) && !model.has_fixed_price());
    }
}

#[test]
fn a_listed_model_keeps_its_prices_and_the_name_that_was_asked_for() {
    let catalog = ModelCatalog::builtin();
    let model = catalog.resolve_image("gpt-image-2-2026-04-21", Some(dollars(9.0))).unwrap();
    assert_eq!(model.id, "gpt-image-2-2026-04-21");
    assert!(matches!(model.prices, ImagePrices::PerToken(_)));
}

#[test]
fn a_mistake_is_named_by_model_and_field() {
    for (from, to, said) in [
        ("id = \"gpt-image-2\"", "id = \"dall-e-3\"", "'dall-e-3' in the model catalogue: id"),
        (
            "family = \"dall-e-3\"",
            "family = \"dall-e-9\"",
            "image model 'dall-e-3' in the model catalogue: family",
        ),
        ("styles = [", "style = [", "image model 'dall-e-3' in the model catalogue: unknown field `style`"),
        ("hd = { square = 0.080, wide = 0.120 }", "", "price_per_image: no price for quality 'hd'"),
        (
            "hd = { square = 0.080, wide = 0.120 }",
            "hd = { square = \"x\", wide = 0.1 }",
            "`price_per_image.hd.square`",
        ),
        ("hd = { square = 0.080, wide = 0.120 }", "hd = { square = -1, wide = 0.1 }", "US dollars"),
        ("default_size = \"1792x1024\"", "default_size = \"1792x1025\"", "default_size"),
        ("default_size = \"1792x1024\"", "default_size = \"wide\"", "default_size: 'wide' is not a size"),
        ("default_quality = \"standard\"", "default_quality = \"best\"", "default_quality"),
        ("max_prompt_chars = 4_000", "max_prompt_chars = 0", "max_prompt_chars"),
        ("retires = \"2026-05-12\"", "retires = \"12 May\"", "`retires`"),
        ("low = 200, medium = 1767", "medium = 1767", "estimate.output_tokens: no number for quality 'low'"),
        ("price_per_minute = 0.006 # high", "price_per_minute = 0.0 # high", "speech model 'whisper-1'"),
        ("takes_effort = true # high, migration guide", "", "text model 'claude-sonnet-5-5'"),
        ("takes_effort = true # high, migration guide", "", "missing field `takes_effort`"),
        ("dall_e = \"dall-e-3\"", "dall_e = \"dall-e-1\"", "'dall-e-1' is not listed"),
        ("[unlisted]", "[others]", "[unlisted]"),
        ("id = \"gpt-image-2\" # no end", "# no end", "image model 'number 5'"),
    ] {
        assert!(BUILTIN.contains(from), "{from}");
        let error = ModelCatalog::from_toml(&BUILTIN.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(said), "{to}: {error}");
        assert!(error.contains("MODELS_FILE"), "{error}");
    }
    assert!(matches!(ModelCatalog::from_toml("= what"), Err(CatalogError::Syntax(_))));
}
