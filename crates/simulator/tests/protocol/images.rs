//! Pictures as they should come, what they cost, and the list of models.

use super::*;

#[tokio::test]
async fn dall_e_3_answers_with_a_url_unless_asked_otherwise() {
    let scene = Scene::new().await;
    let mut body = dall_e_3("Bir köprü");
    body.as_object_mut().unwrap().remove("response_format");
    let (status, answer) = status_and_json(scene.image(&body)).await;
    assert_eq!(status, 200);
    assert!(answer["data"][0].get("b64_json").is_none());
    assert!(answer["data"][0]["revised_prompt"].as_str().unwrap().starts_with("Bir köprü"));
    assert!(answer.get("usage").is_none());

    let url = answer["data"][0]["url"].as_str().unwrap();
    assert!(url.starts_with(scene.sim.base_url()));
    let download = scene.client.get(url).send().await.unwrap();
    assert_eq!(download.headers()["content-type"], "image/png");
    let image = image::load_from_memory(&download.bytes().await.unwrap()).unwrap();
    assert_eq!((image.width(), image.height()), (1024, 1024));
    let stats = scene.sim.stats();
    assert_eq!((stats.downloads, stats.image_answers, stats.billed_images), (1, 1, 1));
    assert_eq!(stats.billed.to_string(), "$0.04");
}

#[tokio::test]
async fn dall_e_3_answers_with_base64_and_costs_what_its_table_says() {
    let scene = Scene::new().await;
    let cases =
        [("1024x1024", "standard", 40_000), ("1792x1024", "hd", 120_000), ("1024x1792", "standard", 80_000)];
    let mut due = 0;
    for (size, quality, micros) in cases {
        let mut body = dall_e_3("Bir köprü");
        body["size"] = size.into();
        body["quality"] = quality.into();
        let (status, answer) = status_and_json(scene.image(&body)).await;
        assert_eq!(status, 200);
        let image = image::load_from_memory(&picture_bytes(&answer)).unwrap();
        assert_eq!(format!("{}x{}", image.width(), image.height()), size);
        due += micros;
        assert_eq!(scene.sim.stats().billed.micros(), due);
    }
}

#[tokio::test]
async fn gpt_image_answers_with_usage_and_bills_by_it() {
    let scene = Scene::new().await;
    let mut body = gpt(&"x".repeat(400));
    body["size"] = "1536x864".into();
    body["quality"] = "medium".into();
    let response = scene.image(&body).send().await.unwrap();
    for name in ["x-request-id", "openai-processing-ms", "openai-organization"] {
        assert!(response.headers().contains_key(name), "{name}");
    }
    let (status, answer) = read(response).await;
    assert_eq!(status, 200);
    assert_eq!(answer["size"], "1536x864");
    assert_eq!(answer["output_format"], "png");
    assert!(answer["data"][0].get("revised_prompt").is_none());
    let usage = &answer["usage"];
    assert_eq!(usage["input_tokens_details"], json!({"text_tokens": 100, "image_tokens": 0}));
    let out = usage["output_tokens"].as_i64().unwrap();
    assert_eq!(out, 1946, "1537 for a square, by area");
    assert_eq!(usage["total_tokens"], 100 + out);
    assert_eq!(scene.sim.stats().billed.micros(), 100 * 5 + out * 30);
}

#[tokio::test]
async fn several_pictures_and_other_formats_come_as_asked() {
    let scene = Scene::new().await;
    for (format, magic) in [("jpeg", &b"\xFF\xD8"[..]), ("webp", b"RIFF"), ("png", b"\x89PNG")] {
        let mut body = gpt("iki resim");
        body["n"] = 2.into();
        body["output_format"] = format.into();
        let (status, answer) = status_and_json(scene.image(&body)).await;
        assert_eq!((status, &answer["output_format"]), (200, &json!(format)));
        assert_eq!(answer["data"].as_array().unwrap().len(), 2);
        assert_ne!(answer["data"][0], answer["data"][1]);
        let bytes = picture_bytes(&answer);
        assert!(bytes.starts_with(magic), "{format}");
        assert_eq!(image::load_from_memory(&bytes).unwrap().height(), 640);
    }
    assert_eq!((scene.sim.stats().billed_images, scene.sim.stats().image_answers), (6, 3));
}

#[tokio::test]
async fn a_url_that_never_was_is_refused() {
    let scene = Scene::new().await;
    let missing = scene.get("/files/other.png").send().await.unwrap();
    assert_eq!(missing.status(), 404);
    assert!(missing.text().await.unwrap().contains("BlobNotFound"));
}

#[tokio::test]
async fn the_model_list_says_which_models_end_when() {
    let scene = Scene::new().await;
    let (status, list) = status_and_json(scene.get("/v1/models")).await;
    assert_eq!((status, &list["object"]), (200, &json!("list")));
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"dall-e-3") && ids.contains(&"gpt-image-2.6-flare"));

    let (_, model) = status_and_json(scene.get("/v1/models/gpt-image-1.5")).await;
    assert_eq!(model["shutdown_date"], "2026-12-01");
    let (_, model) = status_and_json(scene.get("/v1/models/gpt-image-2.6-flare")).await;
    assert_eq!((&model["object"], &model["shutdown_date"]), (&json!("model"), &Value::Null));
    let (status, error) = status_and_json(scene.get("/v1/models/gpt-image-9")).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")));
}

#[tokio::test]
async fn one_model_of_the_list_can_be_retired_by_script() {
    let scene = Scene::new().await;
    scene.sim.script(Rule::new(Endpoint::Models, Fault::Retired).when_prompt_contains("gpt-image-2.6-flare"));
    let (_, list) = status_and_json(scene.get("/v1/models")).await;
    let retired: Vec<_> =
        list["data"].as_array().unwrap().iter().filter(|m| m["shutdown_date"] == "2026-05-12").collect();
    assert_eq!(retired.len(), 1);
    assert_eq!(retired[0]["id"], "gpt-image-2.6-flare");
}

#[tokio::test]
async fn in_the_real_world_old_models_are_gone() {
    let scene = Scene::with(SimulatorConfig { real_world: true, ..SimulatorConfig::default() }).await;
    let (status, error) = status_and_json(scene.image(&dall_e_3("x"))).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")));
    let (status, _) = status_and_json(scene.get("/v1/models/dall-e-3")).await;
    assert_eq!(status, 404);
    let (status, _) = status_and_json(scene.image(&gpt("x"))).await;
    assert_eq!(status, 200);
    assert_eq!(scene.sim.stats().billed_images, 1);
}
