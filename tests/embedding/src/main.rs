//! Checks a chapter document and makes its first picture: what an internal tool needs of btcedu.
//!
//! Usage: `embedding CHAPTERS_JSON BASE_URL KEY PICTURE`

use std::{env, error::Error, fs};

use btcedu_imagegen::{ImageGenService, ImageOutcome, OpenAiConfig, OpenAiImages};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [document, base_url, key, picture] = arguments.as_slice() else {
        return Err("usage: embedding CHAPTERS_JSON BASE_URL KEY PICTURE".into());
    };
    let document = btcedu_chapters::parse(&fs::read(document)?)?.document;
    let prompt = document.chapters.iter().find_map(|chapter| chapter.visual.own_prompt());
    let service = OpenAiImages::new(OpenAiConfig::default().with_key(key).with_base_url(base_url))?;
    let request =
        service.request("gpt-image-2.6-flare", prompt.ok_or("no chapter has a prompt of its own")?)?;
    match service.generate_image(&request).await? {
        ImageOutcome::Generated(made) => {
            fs::write(picture, &made.bytes)?;
            println!(
                "{}: {} chapters, {} bytes for {}",
                document.title,
                document.chapters.len(),
                made.bytes.len(),
                made.cost
            );
            Ok(())
        }
        ImageOutcome::Rejected(refusal) => Err(refusal.reason.into()),
    }
}
