//! `GET /files/{name}`: pictures that were answered as a `url`.

use super::fault_answer;
use crate::{
    Endpoint, Fault,
    answer::{Answer, Outcome},
    call::Call,
    script::Injection,
    shared::{Shared, StoredFile},
};

/// Answers a download. The real files lie in a blob store, which answers errors in XML.
pub(crate) async fn download(shared: &Shared, call: &Call) -> Outcome {
    let name = call.path.trim_start_matches("/files/");
    let file = shared.state().files.get(name).cloned();
    let prompt = file.as_ref().map_or(call.path.as_str(), |file| file.prompt.as_str());
    let Injection { fault, delay, .. } = shared.next_injection(Endpoint::Download, prompt);
    tokio::time::sleep(delay).await;

    let answer = |fault: &Fault| match fault {
        Fault::Redirect { to } => Some(Answer::new(302, "text/plain", "").with("location", to)),
        Fault::NotAPicture => Some(Answer::new(200, "text/html", "<p>this is not a picture</p>")),
        fault => fault_answer(fault, name, call),
    };
    if let Some(outcome) = Outcome::without_work(fault.as_ref(), Endpoint::Download, answer) {
        return outcome;
    }
    let Some(StoredFile { bytes, .. }) = file else {
        let xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>BlobNotFound</Code>\
                   <Message>The specified blob does not exist.</Message></Error>";
        return Outcome::Answer(Answer::new(404, "application/xml", xml));
    };
    let half = bytes.slice(..bytes.len() / 2);
    Outcome::Answer(match fault {
        Some(Fault::HalfAPicture) => Answer::new(200, "image/png", half),
        Some(Fault::CutOff { .. }) => Answer::new(200, "image/png", bytes).cut_off(),
        _ => Answer::new(200, "image/png", bytes),
    })
}
