//! `GET /files/{name}`: pictures that were answered as a `url`.

use super::fault_answer;
use crate::{
    Endpoint, Fault,
    answer::{Answer, Outcome},
    call::Call,
    shared::Shared,
};

/// Answers a download. The real files lie in a blob store, which answers errors in XML.
pub(crate) async fn download(shared: &Shared, call: &Call) -> Outcome {
    let name = call.path.trim_start_matches("/files/");
    let file = shared.file(name);
    let prompt = file.as_ref().map_or(call.path.as_str(), |file| file.prompt.as_str());
    let injection = shared.next_injection(Endpoint::Download, prompt);
    tokio::time::sleep(injection.delay).await;

    let fault = match &injection.fault {
        Some(Fault::HangForever { .. }) => return Outcome::Hang,
        Some(Fault::Reset { .. }) => return Outcome::Reset,
        Some(Fault::Redirect { to }) => {
            return Outcome::Answer(Answer::new(302, "text/plain", "").with("location", to));
        }
        Some(Fault::NotAPicture) => {
            return Outcome::Answer(Answer::new(200, "text/html", "<p>this is not a picture</p>"));
        }
        fault => fault.as_ref(),
    };
    if let Some(answer) = fault.and_then(|fault| fault_answer(fault, name, call)) {
        return Outcome::Answer(answer);
    }
    let Some(file) = file else {
        let xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>BlobNotFound</Code>\
                   <Message>The specified blob does not exist.</Message></Error>";
        return Outcome::Answer(Answer::new(404, "application/xml", xml));
    };
    let bytes = match fault {
        Some(Fault::HalfAPicture) => file.bytes.slice(..file.bytes.len() / 2),
        _ => file.bytes,
    };
    let answer = Answer::new(200, "image/png", bytes);
    Outcome::Answer(if matches!(fault, Some(Fault::CutOff { .. })) { answer.cut_off() } else { answer })
}
