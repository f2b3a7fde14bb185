//! The body of a request, by the model's family.

use btcedu_catalog::{ImageFamily, ImageModel};
use serde_json::{Map, Value, json};

use crate::service::ImageRequest;

/// Writes the body with the fields that the model's family takes, and no other.
///
/// Fields: `OpenAI`'s API reference of `images/generations`, copies of September and November 2026.
pub(crate) fn render_body(request: &ImageRequest, family: ImageFamily, takes_style: bool) -> Value {
    let mut body = Map::new();
    let mut put = |field: &str, value: Value| body.insert(field.to_owned(), value);
    put("model", json!(request.model));
    put("prompt", json!(request.prompt));
    put("n", json!(1));
    put("size", json!(request.size));
    put("quality", json!(request.quality));
    match family {
        ImageFamily::DallE3 => {
            if let Some(style) = request.style.as_ref().filter(|_| takes_style) {
                put("style", json!(style));
            }
            put("response_format", json!("b64_json"));
        }
        ImageFamily::GptImage => {
            put("output_format", json!("png"));
        }
    }
    Value::Object(body)
}

/// Returns the model's family, and whether it takes a style; an unlisted model is judged by its name.
pub(crate) fn shape_of(model: Option<&ImageModel>, name: &str) -> (ImageFamily, bool) {
    if let Some(model) = model {
        return (model.family, !model.styles.is_empty());
    }
    let family = ImageFamily::of_name(name);
    (family, family == ImageFamily::DallE3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(style: Option<&str>) -> ImageRequest {
        ImageRequest {
            prompt: "Bir blok zinciri".to_owned(),
            model: "m".to_owned(),
            size: "1024x1024".to_owned(),
            quality: "hd".to_owned(),
            style: style.map(str::to_owned),
        }
    }

    #[test]
    fn each_family_gets_only_its_fields() {
        let dall_e = render_body(&request(Some("natural")), ImageFamily::DallE3, true);
        assert_eq!(
            dall_e.to_string(),
            r#"{"model":"m","prompt":"Bir blok zinciri","n":1,"size":"1024x1024","quality":"hd","style":"natural","response_format":"b64_json"}"#
        );
        let gpt = render_body(&request(Some("natural")), ImageFamily::GptImage, false);
        assert_eq!(
            gpt.to_string(),
            r#"{"model":"m","prompt":"Bir blok zinciri","n":1,"size":"1024x1024","quality":"hd","output_format":"png"}"#
        );
        let plain = render_body(&request(None), ImageFamily::DallE3, true);
        assert!(plain.get("style").is_none());
    }
}
