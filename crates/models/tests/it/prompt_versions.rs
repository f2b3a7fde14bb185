//! Versions of a template: found by number, one of them in use.

use btcedu_models::{
    DbError,
    prompt_versions::{self, PromptMetadata},
    testing,
};
use diesel::connection::SimpleConnection;

use crate::fixture;

#[test]
fn versions_are_found_by_number_and_use() {
    let fixture = fixture();
    let (one, two) = fixture.run(|conn| {
        testing::prompt_version(conn, "translate", 1, "other");
        let one = testing::prompt_version(conn, "imagegen", 1, "a");
        Ok((one, testing::prompt_version(conn, "imagegen", 2, "b")))
    });
    fixture.run(|conn| {
        assert_eq!(prompt_versions::list(conn, "imagegen")?, [two.clone(), one]);
        assert_eq!(prompt_versions::find_version(conn, "imagegen", 2)?, Some(two));
        assert_eq!(prompt_versions::find_version(conn, "imagegen", 3)?, None);
        assert_eq!(prompt_versions::find_default(conn, "imagegen")?, None);
        Ok(())
    });
}

#[test]
fn making_one_the_default_ends_the_one_before_of_this_name_only() {
    let fixture = fixture();
    fixture.run(|conn| {
        testing::prompt_version(conn, "translate", 1, "other");
        testing::prompt_version(conn, "imagegen", 1, "a");
        testing::prompt_version(conn, "imagegen", 2, "b");
        prompt_versions::set_default(conn, "translate", 1)?;
        for version in [1, 2, 2, 1] {
            prompt_versions::set_default(conn, "imagegen", version)?;
            let default = prompt_versions::find_default(conn, "imagegen")?;
            assert_eq!(default.map(|row| row.version), Some(version));
            let all = prompt_versions::list(conn, "imagegen")?;
            assert_eq!(all.iter().filter(|row| row.is_default).count(), 1);
        }
        assert!(prompt_versions::find_default(conn, "translate")?.is_some());
        Ok(())
    });
    let error =
        testing::run(&fixture.db, |conn| prompt_versions::set_default(conn, "imagegen", 9)).unwrap_err();
    assert_eq!(error.to_string(), "there is no prompt version 'imagegen v9' in the database");
    assert!(fixture.run(|conn| prompt_versions::find_default(conn, "imagegen")).is_some());
}

#[test]
fn the_database_itself_refuses_a_second_default_number_or_text() {
    let fixture = fixture();
    fixture.run(|conn| {
        testing::prompt_version(conn, "imagegen", 1, "a");
        testing::prompt_version(conn, "imagegen", 2, "b");
        prompt_versions::set_default(conn, "imagegen", 1)
    });
    for (column, change) in [
        ("name", "is_default = 1"),
        ("version", "version = 1"),
        ("content_hash", "content_hash = (SELECT content_hash FROM prompt_versions WHERE version = 1)"),
    ] {
        let sql = format!("UPDATE prompt_versions SET {change} WHERE version = 2");
        let error = testing::run(&fixture.db, |conn| Ok(conn.batch_execute(&sql)?)).unwrap_err();
        assert!(
            matches!(&error, DbError::Duplicate { constraint, .. } if constraint.contains(column)),
            "{error:?}"
        );
    }
}

#[test]
fn a_changed_head_is_recorded_without_a_new_version() {
    let fixture = fixture();
    let id = fixture.run(|conn| Ok(testing::prompt_version(conn, "imagegen", 1, "a").id));
    let head = PromptMetadata { model: Some("claude"), temperature: Some(0.5), max_tokens: Some(1024) };
    fixture.run(|conn| {
        prompt_versions::set_metadata(conn, id, &head)?;
        prompt_versions::set_template_path(conn, id, Some("imagegen.md"))
    });
    let read = || fixture.run(|conn| prompt_versions::find_version(conn, "imagegen", 1)).unwrap();
    let row = read();
    assert_eq!(
        (row.model.as_deref(), row.temperature, row.max_tokens),
        (head.model, head.temperature, head.max_tokens)
    );
    assert_eq!(row.template_path.as_deref(), Some("imagegen.md"));
    let none = PromptMetadata { model: None, temperature: None, max_tokens: None };
    fixture.run(|conn| prompt_versions::set_metadata(conn, id, &none));
    assert_eq!(read().model, None);
}
