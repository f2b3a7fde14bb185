//! The contract of [`ImageGenService`], as a test that every implementation can run.

use btcedu_domain::{Billing, FailureClass, Usd};

use crate::service::{GeneratedImage, ImageGenService, ImageOutcome, ImageRequest};

/// A rule of the trait that an implementation broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the service broke its contract: {0}; see the documentation of ImageGenService")]
pub struct ContractBroken(String);

/// Checks the contract with a request that works and one that the content policy refuses.
///
/// Makes two calls that may cost money, and one for a model that doesn't exist.
///
/// # Errors
/// [`ContractBroken`] for the first broken rule.
pub async fn contract(
    service: &dyn ImageGenService,
    works: &ImageRequest,
    is_refused: &ImageRequest,
) -> Result<(), ContractBroken> {
    ensure(service.concurrency() >= 1, "concurrency() is at least 1")?;
    let body = service.request_body(works);
    ensure(body == service.request_body(works), "request_body() is the same each time")?;
    ensure(body.to_string().contains(&works.model), "request_body() holds the model")?;
    let Some(estimate) = service.estimate(works) else {
        return Err(ContractBroken("estimate() knows the price of what it can make".to_owned()));
    };
    ensure(estimate > Usd::ZERO, "estimate() is more than nothing")?;

    match service.generate_image(works).await {
        Ok(ImageOutcome::Generated(picture)) => check_picture(&picture, works, estimate)?,
        other => return Err(ContractBroken(format!("a good request makes a picture, not {other:?}"))),
    }
    match service.generate_image(is_refused).await {
        Ok(ImageOutcome::Rejected(rejection)) => {
            ensure(!rejection.reason.trim().is_empty(), "a refusal has a reason")?;
        }
        other => return Err(ContractBroken(format!("a refusal is an outcome, not {other:?}"))),
    }
    let missing = ImageRequest { model: "no-such-model".to_owned(), ..works.clone() };
    match service.generate_image(&missing).await {
        Err(error) => {
            ensure(error.kind.class() == FailureClass::Fatal, "a missing model is fatal")?;
            ensure(error.billing != Billing::MaybeBilled, "a missing model costs nothing")
        }
        Ok(outcome) => Err(ContractBroken(format!("a missing model is an error, not {outcome:?}"))),
    }
}

fn check_picture(
    picture: &GeneratedImage,
    request: &ImageRequest,
    estimate: Usd,
) -> Result<(), ContractBroken> {
    ensure(!picture.bytes.is_empty(), "a picture has bytes")?;
    ensure(picture.media_type.starts_with("image/"), "a picture has the media type of one")?;
    ensure(picture.prompt == request.prompt, "the prompt comes back as sent")?;
    ensure(picture.model == request.model, "the model comes back as asked for")?;
    ensure(picture.size == request.size, "the size comes back as asked for")?;
    ensure(picture.cost > Usd::ZERO, "a picture costs something")?;
    ensure(picture.cost <= estimate, "a picture costs no more than its estimate")
}

fn ensure(holds: bool, rule: &str) -> Result<(), ContractBroken> {
    if holds { Ok(()) } else { Err(ContractBroken(rule.to_owned())) }
}

#[cfg(test)]
mod tests {
    use btcedu_simulator::{Endpoint, Fault, Rule, Simulator, SimulatorConfig};

    use super::*;
    use crate::{OpenAiConfig, OpenAiImages};

    #[tokio::test]
    async fn openai_keeps_the_contract_for_both_families() {
        let sim = Simulator::start(SimulatorConfig::default()).await.unwrap();
        sim.script(Rule::new(Endpoint::Images, Fault::Refuse).when_prompt_contains("forbidden"));
        let config = OpenAiConfig::default().with_key("sk-sim-1").with_base_url(sim.base_url());
        let service = OpenAiImages::new(config).unwrap();
        for model in ["dall-e-3", "gpt-image-1-mini", "gpt-image-2.6-flare"] {
            let works = service.request(model, "Bir blok zinciri").unwrap();
            let refused = service.request(model, "something forbidden").unwrap();
            contract(&service, &works, &refused).await.unwrap();
        }
    }
}
