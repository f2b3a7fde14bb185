//! What the dashboard's tests share: worlds to look at (finished, empty, broken, hostile), and their pages.

use std::{fs, path::PathBuf};

use btcedu_domain::{EpisodeId, EpisodeStatus, PipelineVersion, ReviewStatus, UtcTime};
use btcedu_models::{
    episodes::{self, NewEpisode},
    review_decisions, review_tasks,
};
use btcedu_testkit::{Browser, Chapters, Dashboard, TestEnv, simulator::Fault};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::{
    books::{EP, query, scribble},
    support::{database, pictures},
    text_support::{TRANSCRIPT, add_transcript, run_to_the_end, waiting_reviews},
    world,
};

/// The sample's transcript, about 1,200 words.
pub(crate) const SAMPLE: &str = include_str!("../data/sample/transcript.de.txt");
/// The episode of the sample's chapter document.
pub(crate) const SAMPLE_CHAPTERS: &str = "sampleEp001";
/// Accessibility checker, run inside of pages.
pub(crate) const AXE: &str = include_str!("vendor/axe-core/axe.min.js");

/// Runs where HTML is not escaped.
pub(crate) const EVIL_SCRIPT: &str = "<script>window.__pwned=1;alert(1)</script>";
/// Breaks out of an attribute where quotes are not escaped.
pub(crate) const EVIL_PICTURE: &str = "\"><img src=x onerror=\"window.__pwned=2;alert(1)\">";
/// An address that is no link.
pub(crate) const EVIL_URL: &str = "javascript:window.__pwned=3;alert(1)";

/// Both at once, as a title may hold them.
pub(crate) fn evil() -> String {
    format!("{EVIL_SCRIPT}{EVIL_PICTURE}'{{{{7*7}}}}")
}

/// A page: what to call it, and where it is below the dashboard.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) path: String,
}

fn page(name: &str, path: &str) -> Page {
    Page { name: name.to_owned(), path: path.to_owned() }
}

/// The pages about one episode.
pub(crate) fn episode_pages(ep: &str) -> Vec<Page> {
    let mut pages = vec![
        page("episode", &format!("/episodes/{ep}")),
        page("chapters", &format!("/episodes/{ep}/chapters")),
        page("images", &format!("/episodes/{ep}/images")),
    ];
    for kind in TEXTS {
        pages.push(page(&format!("text-{kind}"), &format!("/episodes/{ep}/texts/{kind}")));
    }
    pages
}

/// The kinds of texts, as the last part of their addresses.
pub(crate) const TEXTS: [&str; 5] = ["raw", "clean", "corrected", "turkish", "adapted"];

/// The pages that are about no one episode.
pub(crate) fn common_pages() -> Vec<Page> {
    vec![
        page("episodes", "/"),
        page("reviews", "/reviews"),
        page("prompts", "/prompts"),
        page("prompt", "/prompts/adapt"),
        page("costs", "/costs"),
    ]
}

/// One page of every kind, of a world as [`full`] makes it.
pub(crate) fn every_page() -> Vec<Page> {
    let mut pages = common_pages();
    pages.extend([
        page("episode", "/episodes/ep1"),
        page("text-corrected", "/episodes/ep1/texts/corrected"),
        page("text-adapted", "/episodes/ep1/texts/adapted"),
        page("chapters", "/episodes/ep1/chapters"),
        page("images", "/episodes/ep1/images"),
        page("images-partly", &format!("/episodes/{SAMPLE_CHAPTERS}/images")),
        page("review-correction", "/reviews/1"),
        page("review-adaptation", "/reviews/2"),
        page("review-waiting", "/reviews/3"),
        page("review-inline", "/reviews/3?view=inline&changes=only"),
        page("error", NOWHERE),
    ]);
    pages
}

/// A path where nothing is.
pub(crate) const NOWHERE: &str = "/nothing-here";

/// One episode with everything: the sample, through both gates to its pictures.
pub(crate) async fn finished_episode() -> TestEnv {
    let env = world().await;
    add_transcript(&env, SAMPLE).await;
    run_to_the_end(&env).await;
    env
}

/// A finished episode (reviews 1 and 2), one that waits at gate 1 (review 3), one with a refused picture.
pub(crate) async fn full() -> TestEnv {
    let env = finished_episode().await;
    wait_at_gate_1(&env, "ep2", SAMPLE).await;
    add_sample_chapters(&env).await;
    env.sim.script(pictures(Fault::Refuse).once());
    let _partly = env.run(&["imagegen", SAMPLE_CHAPTERS]).await;
    env
}

/// An episode whose correction waits for its first decision, as review 1.
pub(crate) async fn waiting_episode() -> TestEnv {
    let env = world().await;
    add_transcript(&env, TRANSCRIPT).await;
    let _waits = env.run(&["run", EP]).await.exits(3);
    env
}

/// Brings in another episode and runs it until a reviewer is needed.
pub(crate) async fn wait_at_gate_1(env: &TestEnv, id: &str, transcript: &str) {
    let file = env.write(&format!("{id}.txt"), transcript).display().to_string();
    let title = format!("Folge {id}");
    let _added = env.run(&["add", "--id", id, "--title", &title, "--transcript", &file]).await.success();
    let _waits = env.run(&["run", id]).await.exits(3);
}

/// Brings in the sample's chapters; none has a picture yet.
pub(crate) async fn add_sample_chapters(env: &TestEnv) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/sample/chapters.json");
    let title = "Bitcoin'de halving nedir?";
    let add = ["add", "--id", SAMPLE_CHAPTERS, "--title", title, "--chapters", file];
    let _added = env.run(&add).await.success();
}

/// A workspace in which nothing was ever done.
pub(crate) async fn empty() -> TestEnv {
    let env = world().await;
    let _made = env.run(&["migrate"]).await.success();
    env
}

/// Episodes whose files a person or a disk has spoiled.
pub(crate) const BROKEN: [&str; 5] = ["noChapters", "badRules", "noManifest", "badPictures", "noDiff"];

/// A world of [`BROKEN`] episodes: no JSON, broken rules, a lost and a changed picture, a lost diff (review 1).
pub(crate) async fn broken() -> TestEnv {
    let env = world().await;
    wait_at_gate_1(&env, "noDiff", TRANSCRIPT).await;
    for id in BROKEN.into_iter().take(4) {
        env.add(id, &Chapters::own_prompts(3)).await;
        let _made = env.run(&["imagegen", id]).await.success();
    }
    scribble(&env.output("noChapters", "chapters.json"), b"{\"chapters\": [");
    let wrong = Chapters::own_prompts(2).edit(2, "/order", 7).edit(1, "/title", "  ");
    env.replace_chapters("badRules", &wrong);
    scribble(&env.output("noManifest", "images/manifest.json"), b"this is no JSON");
    fs::remove_file(env.output("badPictures", "images/ch01.png")).unwrap();
    let changed = env.output("badPictures", "images/ch02.png");
    let mut bytes = fs::read(&changed).unwrap();
    bytes.extend_from_slice(b"more");
    scribble(&changed, &bytes);
    fs::remove_file(env.output("noDiff", "review/correction_diff.json")).unwrap();
    env
}

/// The pages of [`broken`] on which something is wrong.
pub(crate) fn broken_pages() -> Vec<Page> {
    let of = |ep: &str, name: &str| page(&format!("{name}-{ep}"), &format!("/episodes/{ep}/{name}"));
    vec![
        page("episodes", "/"),
        page("episode-noDiff", "/episodes/noDiff"),
        of("noChapters", "chapters"),
        of("badRules", "chapters"),
        of("noManifest", "images"),
        of("badPictures", "images"),
        of("badPictures", "chapters"),
        page("review-noDiff", "/reviews/1"),
    ]
}

/// A world in which every text that comes from a file, a model or a person tries to be more than text.
///
/// `ep1` waits at gate 1 (review 2) after a correction that was sent back, `ep2` at gate 2 (review 4) with a
/// script that was edited; `evilChapters` has chapters, one
/// picture and one refusal; `evilRow` is a row with an address that is no link, an error and no files.
pub(crate) async fn hostile() -> TestEnv {
    let mut env = world().await;
    evil_prompts(&mut env);
    evil_reviews(&env).await;
    evil_chapters(&env).await;
    evil_row(&env).await;
    env
}

/// The pages of [`hostile`], and addresses that are hostile themselves.
pub(crate) fn hostile_pages() -> Vec<Page> {
    let mut pages = common_pages();
    let coded =
        "%22%3E%3Cimg%20src%3Dx%20onerror%3D%22window.__pwned%3D4%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for ep in ["ep1", "ep2", "evilChapters", "evilRow"] {
        pages.extend(episode_pages(ep));
    }
    for path in [
        "/reviews/1".to_owned(),
        "/reviews/2?view=inline".to_owned(),
        "/reviews/4".to_owned(),
        format!("/reviews/2?only={coded}&view={coded}"),
        format!("/?search={coded}&status={coded}&sort={coded}&waiting={coded}&page={coded}"),
        format!("/episodes/ep1/images?status={coded}"),
        format!("/prompts/adapt?from={coded}&to={coded}&version={coded}"),
        "/prompts/adapt?from=1&to=2".to_owned(),
        format!("/{coded}"),
        format!("/episodes/{coded}"),
    ] {
        pages.push(page("hostile", &path));
    }
    pages
}

fn evil_prompts(env: &mut TestEnv) {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts");
    fs::create_dir(env.folder().join("prompts")).unwrap();
    for entry in fs::read_dir(ours).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "README.md" && name.strip_suffix(".md").is_some() {
            let text = fs::read_to_string(entry.path()).unwrap();
            env.write(&format!("prompts/{name}"), &text);
        }
    }
    env.set("PROMPTS_DIR", "prompts");
}

async fn evil_reviews(env: &TestEnv) {
    let heard =
        format!("{TRANSCRIPT}\n{TRANSCRIPT}\nSagt man {EVIL_SCRIPT} oder sagt man das Halfing dazu?\n");
    let file = env.write("evil.txt", &heard).display().to_string();
    let title = evil();
    let _added = env.run(&["add", "--id", EP, "--title", &title, "--transcript", &file]).await.success();
    let _waits = env.run(&["run", EP]).await.exits(3);
    let notes = format!("Bitte {}", evil());
    let _back = env.run(&["review", "request-changes", "1", "--notes", &notes]).await.success();
    // From here on there is a second version of a template, with a hostile line.
    let _registered = env.run(&["prompt", "list"]).await.success();
    let template = env.folder().join("prompts/adapt.md");
    let text = fs::read_to_string(&template).unwrap();
    env.write("prompts/adapt.md", &format!("{text}\n{EVIL_SCRIPT}{EVIL_PICTURE}\n"));
    let corrected = heard.replace("das Halfing dazu", &format!("das Halving {EVIL_PICTURE} dazu"));
    let answer = format!("<corrected_transcript>\n{corrected}\n</corrected_transcript>");
    env.sim.script(crate::support::texts(Fault::Text(answer)).once());
    let _waits = env.run(&["run", EP]).await.exits(3);
    // An adaptation that a person has spoiled.
    wait_at_gate_1(env, "ep2", TRANSCRIPT).await;
    let _approved = env.run(&["review", "approve", "3"]).await.success();
    let _waits = env.run(&["run", "ep2"]).await.exits(3);
    let path = env.output("ep2", "script.adapted.tr.md");
    let tag = format!("[T1: institution_replacement: {EVIL_SCRIPT} → {EVIL_PICTURE}]");
    let script = fs::read_to_string(&path).unwrap();
    scribble(&path, format!("{script}\n{EVIL_PICTURE} SPK {tag} {EVIL_SCRIPT}\n").as_bytes());
    // Refused once, since the text is another now; that brings the review up to date.
    let _refused = env.run(&["review", "approve", "4"]).await.exits(3);
}

async fn evil_chapters(env: &TestEnv) {
    let evil = evil();
    let overlay = json!([{"type": "quote", "text": evil, "start_offset_seconds": 0, "duration_seconds": 2}]);
    let mut chapters = Chapters::own_prompts(2).with("title_card", None);
    for n in 1..=3 {
        chapters = chapters
            .edit(n, "/title", format!("{n} {evil}"))
            .edit(n, "/narration/text", format!("Bu {evil} anlatımdır."))
            .edit(n, "/visual/description", evil.as_str())
            .edit(n, "/notes", evil.as_str())
            .edit(n, "/overlays", overlay.clone());
    }
    chapters = chapters.edit(1, "/visual/image_prompt", format!("One {evil}")).edit(
        2,
        "/visual/image_prompt",
        format!("Two {evil}"),
    );
    env.add("evilChapters", &chapters).await;
    env.sim.script(pictures(Fault::Refuse).when_prompt_contains("Two "));
    let _partly = env.run(&["imagegen", "evilChapters"]).await;
    env.sim.clear_rules();
}

async fn evil_row(env: &TestEnv) {
    let db = database(env);
    let written = db.transaction(|conn| {
        let id: EpisodeId = "evilRow".parse().unwrap();
        let title = evil();
        let row = episodes::insert(
            conn,
            &NewEpisode {
                episode_id: &id,
                channel_id: None,
                source: EVIL_PICTURE,
                title: &title,
                published_at: None,
                duration_seconds: Some(600),
                url: Some(EVIL_URL),
                status: EpisodeStatus::Failed,
                output_dir: None,
                detected_at: noon(),
                pipeline_version: PipelineVersion::V2,
            },
        )?;
        episodes::set_failure(conn, row.id, &format!("went wrong: {}", evil()))
    });
    written.await.unwrap();
}

/// A time that doesn't matter.
pub(crate) fn noon() -> UtcTime {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// How a review stands in the database.
pub(crate) async fn review_status(env: &TestEnv, id: i64) -> ReviewStatus {
    query(env, move |conn| review_tasks::find(conn, id)).await.expect("the review").status
}

/// What was decided in a review: decision and notes, oldest first.
pub(crate) async fn decisions(env: &TestEnv, id: i64) -> Vec<(ReviewStatus, Option<String>)> {
    let found = query(env, move |conn| {
        let task = review_tasks::find(conn, id)?.expect("the review");
        review_decisions::list_for_episode(conn, &task.episode_id)
    });
    let mut found = found.await;
    found.retain(|one| one.review_task_id == id);
    found.sort_by_key(|one| one.id);
    found.into_iter().map(|one| (one.decision, one.notes)).collect()
}

/// Waits until a review stands so.
pub(crate) async fn until_review_is(env: &TestEnv, id: i64, status: ReviewStatus) {
    for _ in 0..500 {
        if review_status(env, id).await == status {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("review {id} never is {status}: {:#?}", waiting_reviews(env).await);
}

/// About an hour of talk: 9,100 words, no two sentences alike, nearly all with a misheard word.
pub(crate) fn hour_of_talk() -> String {
    const SYLLABLES: [&str; 24] = [
        "ba", "ke", "lin", "schor", "tu", "mau", "gel", "wen", "dra", "ris", "pol", "ten", "zu", "fahr",
        "bim", "lo", "nach", "ert", "stel", "kun", "ro", "ver", "ham", "sie",
    ];
    let mut state: u32 = 7;
    let mut pick = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut text = String::new();
    for number in 1..=700_u32 {
        text.push_str(if number % 11 == 0 { "Dann" } else { "Der Noud" });
        for _ in 0..11 {
            text.push(' ');
            for _ in 0..(2 + pick(2)) {
                let syllable = usize::try_from(pick(24)).unwrap();
                text.push_str(SYLLABLES[syllable]);
            }
        }
        text.push_str(if number % 6 == 0 { ".\n\n" } else { ". " });
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// Fills in the reviewer's remark of a form: what it is about, and the note.
pub(crate) async fn fill_in(browser: &Browser, form: &str, about: &str, notes: &str) {
    let script = "
        const form = document.querySelector(arguments[0]);
        const select = form.querySelector('select[name=about]');
        if (select) {
            select.value = arguments[1];
            select.dispatchEvent(new Event('change', {bubbles: true}));
        } else {
            form.querySelector(`input[name=about][value=\"${arguments[1]}\"]`).checked = true;
        }";
    browser.run_with(script, vec![form.into(), about.into()]).await;
    browser.type_into(&format!("{form} textarea[name=notes]"), notes).await;
}

/// Returns a selector of the button that sends a form.
pub(crate) fn sends(form: &str) -> String {
    let id = form.trim_start_matches("form").trim_start_matches('#');
    format!("#{id} button:not([type=button]), button[form={id}]:not([type=button])")
}

/// Opens a page of the dashboard in a browser and waits for it.
pub(crate) async fn visit(browser: &Browser, dashboard: &Dashboard, path: &str) {
    browser.open(&dashboard.url(path)).await;
    browser.until("document.readyState === 'complete'").await;
}

/// The only person who may sign in, where someone has to.
pub(crate) const USER: &str = "anna";
/// Her password.
pub(crate) const PASSWORD: &str = "Kelimeler$24 'und' mehr";

/// Asks the program for the line of `.env` that lets [`USER`] in.
pub(crate) async fn sign_in_line(env: &TestEnv) -> String {
    let mut command = env.command(&["web", "hash-password", "--user", USER]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("{PASSWORD}\n").as_bytes()).await.unwrap();
    drop(stdin);
    let hashed = env.wait(child).await.success();
    let mut lines = hashed.stdout.lines().filter(|line| line.starts_with("DASHBOARD_AUTH="));
    lines.next_back().unwrap_or_else(|| panic!("no line in {}", hashed.stdout)).to_owned()
}

/// Starts a dashboard that lets only [`USER`] in, as the `.env` in its folder says.
pub(crate) async fn guarded(env: &TestEnv) -> Dashboard {
    let line = sign_in_line(env).await;
    env.write(".env", &format!("{line}\n"));
    Dashboard::start(env, &[]).await
}

/// Returns the folder for pictures of pages, below the build's.
pub(crate) fn screenshots(world: &str) -> PathBuf {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/screenshots")).join(world);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Moves a file or folder somewhere else, as a person does.
#[expect(clippy::disallowed_methods, reason = "nothing of the program's own is written")]
pub(crate) fn move_away(from: impl AsRef<std::path::Path>, to: impl AsRef<std::path::Path>) {
    fs::rename(from, to).unwrap();
}
