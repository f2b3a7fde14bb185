//! Every address, and what answers there.

use actix_web::{Resource, Route, guard, web};

use crate::{
    api,
    pages::{
        chapters, costs, episode, episodes, events, health, images, metrics, pictures, prompt, prompts,
        review, reviews, sign_in, static_file, text,
    },
};

/// Puts all routes below a scope.
pub(crate) fn configure(app: &mut web::ServiceConfig) {
    app.service(read("/", episodes::page))
        .service(read("/episodes/{episode}", episode::page))
        .service(read("/episodes/{episode}/texts/{kind}", text::page))
        .service(read("/episodes/{episode}/chapters", chapters::page))
        .service(read("/episodes/{episode}/images", images::page))
        .service(read("/episodes/{episode}/images/{chapter}.png", pictures::full))
        .service(read("/episodes/{episode}/images/{chapter}/thumb", pictures::thumb))
        .service(read("/reviews", reviews::page))
        .service(write("/reviews/approve", reviews::approve))
        .service(read("/reviews/{review}", review::page))
        .service(write("/reviews/{review}/open", review::open))
        .service(write("/reviews/{review}/take-up", review::take_up))
        .service(write("/reviews/{review}/approve", review::approve))
        .service(write("/reviews/{review}/reject", review::reject))
        .service(write("/reviews/{review}/request-changes", review::request_changes))
        .service(read("/prompts", prompts::page))
        .service(read("/prompts/{prompt}", prompt::page))
        .service(write("/prompts/{prompt}/promote", prompt::promote))
        .service(read("/costs", costs::page))
        .service(both("/sign-in", sign_in::show_sign_in, sign_in::sign_in))
        .service(both("/sign-out", sign_in::show_sign_out, sign_in::sign_out))
        .service(read("/static/{name}", static_file::get))
        .service(read("/events", events::get))
        .service(read("/healthz", health::get))
        .service(read("/metrics", metrics::get))
        .service(read("/api/v1/openapi.json", api::document))
        .service(read("/api/v1/episodes", episodes::api))
        .service(read("/api/v1/episodes/{episode}", episode::api))
        .service(read("/api/v1/episodes/{episode}/texts/{kind}", text::api))
        .service(read("/api/v1/episodes/{episode}/chapters", chapters::api))
        .service(read("/api/v1/episodes/{episode}/images", images::api))
        .service(read("/api/v1/reviews", reviews::api))
        .service(read("/api/v1/reviews/{review}", review::api))
        .service(read("/api/v1/prompts", prompts::api))
        .service(read("/api/v1/prompts/{prompt}", prompt::api))
        .service(read("/api/v1/costs", costs::api));
}

fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn read<H, Args>(path: &str, handler: H) -> Resource
where
    H: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    H::Output: actix_web::Responder + 'static,
{
    web::resource(path).route(reading().to(handler))
}

fn write<H, Args>(path: &str, handler: H) -> Resource
where
    H: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    H::Output: actix_web::Responder + 'static,
{
    web::resource(path).route(web::post().to(handler))
}

fn both<R, RArgs, W, WArgs>(path: &str, show: R, take: W) -> Resource
where
    R: actix_web::Handler<RArgs>,
    RArgs: actix_web::FromRequest + 'static,
    R::Output: actix_web::Responder + 'static,
    W: actix_web::Handler<WArgs>,
    WArgs: actix_web::FromRequest + 'static,
    W::Output: actix_web::Responder + 'static,
{
    read(path, show).route(web::post().to(take))
}
