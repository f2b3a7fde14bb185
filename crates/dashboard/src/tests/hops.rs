//! How often an answer moves to a blocking thread.

use btcedu_domain::testing::count_hops;

use super::world::{EP, PICTURES, World};

#[actix_web::test]
async fn an_answer_takes_two_hops_at_most_and_one_from_the_cache() {
    let world = World::new();
    let visitor = world.visitor().await;
    for path in [
        format!("/episodes/{PICTURES}/images"),
        format!("/api/v1/episodes/{PICTURES}/images"),
        format!("/episodes/{PICTURES}/chapters"),
        format!("/episodes/{EP}/texts/corrected"),
        "/costs".to_owned(),
        "/prompts".to_owned(),
    ] {
        let (answer, hops) = count_hops(visitor.get(&path)).await;
        assert_eq!((answer.status.as_u16(), hops), (200, 2), "{path}: the version, then rows and files");
        let (answer, hops) = count_hops(visitor.get(&path)).await;
        assert_eq!((answer.status.as_u16(), hops), (200, 1), "{path}: the version");
    }
}

#[actix_web::test]
async fn a_picture_takes_one_hop_and_health_too() {
    let world = World::new();
    let visitor = world.visitor().await;
    let thumb = format!("/episodes/{PICTURES}/images/ch02/thumb");
    let _made = visitor.get(&thumb).await.is(200);
    for path in [
        thumb,
        format!("/episodes/{PICTURES}/images/ch02.png"),
        "/healthz".to_owned(),
        "/prompts/adapt".to_owned(),
    ] {
        let (answer, hops) = count_hops(visitor.get(&path)).await;
        assert_eq!((answer.status.as_u16(), hops), (200, 1), "{path}");
    }
}
