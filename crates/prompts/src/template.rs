//! A template file: YAML front matter, then the body that is rendered and hashed.

use std::collections::BTreeMap;

use btcedu_domain::Sha256Hash;
use gray_matter::{Matter, engine::YAML};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use serde::Deserialize;

use crate::{PromptError, PromptName};

/// The YAML part above the body.
#[derive(Deserialize)]
struct FrontMatter {
    name: String,
    model: String,
    temperature: Option<f64>,
    max_tokens: u32,
    #[serde(default)]
    description: String,
    #[serde(default)]
    author: String,
}

/// A template as read from its file.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptTemplate {
    /// Its name.
    pub name: PromptName,
    /// The text model it is written for; `CLAUDE_MODEL` overrides it.
    pub model: String,
    /// Stored as metadata; current models accept no sampling parameters.
    pub temperature: Option<f64>,
    /// The longest visible answer, in tokens.
    pub max_tokens: u32,
    /// Its purpose.
    pub description: String,
    /// Its author.
    pub author: String,
    /// The text that is rendered.
    pub body: String,
    /// SHA-256 of the body.
    pub content_hash: Sha256Hash,
    /// The file that it was read from.
    pub path: String,
}

impl PromptTemplate {
    /// Reads a template; `path` is for messages and the registry.
    ///
    /// # Errors
    /// [`PromptError::FrontMatter`] names the file and what is wrong.
    pub fn parse(text: &str, path: &str) -> Result<Self, PromptError> {
        let bad = |problem: String| PromptError::FrontMatter { path: path.to_owned(), problem };
        let mut matter = Matter::<YAML>::new();
        // Otherwise a line of dashes in the body would end an excerpt.
        matter.excerpt_delimiter = Some("\0".to_owned());
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let parsed = matter.parse::<FrontMatter>(&text).map_err(|e| bad(e.to_string()))?;
        let front = parsed.data.ok_or_else(|| bad("it must begin with a line '---'".to_owned()))?;
        let name: PromptName = front.name.parse()?;
        if front.model.trim().is_empty() || front.max_tokens == 0 {
            return Err(bad("'model' must not be empty and 'max_tokens' not 0".to_owned()));
        }
        let body = parsed.content.trim().to_owned();
        if body.is_empty() {
            return Err(bad("there is no text below it".to_owned()));
        }
        Ok(Self {
            name,
            model: front.model,
            temperature: front.temperature,
            max_tokens: front.max_tokens,
            description: front.description,
            author: front.author,
            content_hash: Sha256Hash::of_bytes(body.as_bytes()),
            body,
            path: path.to_owned(),
        })
    }
}

/// Renders a body; a variable that it uses and that isn't given is an error.
///
/// # Errors
/// [`PromptError::Render`] with the line and what is wrong.
pub fn render(name: &PromptName, body: &str, variables: &[(&str, &str)]) -> Result<String, PromptError> {
    let given: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.render_str(body, Value::from(given)).map(|text| text.trim().to_owned()).map_err(|source| {
        let line = source.line().map_or_else(String::new, |line| format!(" in line {line} of its body"));
        let what = if source.kind() == ErrorKind::UndefinedError {
            "it uses a variable that the program doesn't give".to_owned()
        } else {
            source.to_string()
        };
        PromptError::Render { name: name.to_string(), problem: format!("{what}{line}"), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "---\nname: imagegen\nmodel: claude-sonnet-5-5\ntemperature: 0.7\nmax_tokens: 1024\n---\nDraw {{ what }}.\n\n---\nNo text.\n";

    #[test]
    fn reads_front_matter_and_hashes_the_body_alone() {
        let template = PromptTemplate::parse(FILE, "imagegen.md").unwrap();
        assert_eq!(template.body, "Draw {{ what }}.\n\n---\nNo text.");
        assert_eq!((template.model.as_str(), template.max_tokens), ("claude-sonnet-5-5", 1024));
        let other = FILE.replace("0.7", "0.1").replace("1024", "99");
        assert_eq!(PromptTemplate::parse(&other, "x").unwrap().content_hash, template.content_hash);
        let windows = FILE.replace('\n', "\r\n");
        assert_eq!(PromptTemplate::parse(&windows, "x").unwrap().content_hash, template.content_hash);
    }

    #[test]
    fn says_what_is_wrong_with_a_file_by_its_name() {
        for text in [
            "",
            "Draw",
            "---\nname: x\n---\nDraw",
            "---\nname: X!\nmodel: m\nmax_tokens: 1\n---\nD",
            "---\n: : :\n---\nD",
            "---\nname: x\nmodel: m\nmax_tokens: 1\n---\n  ",
        ] {
            let error = PromptTemplate::parse(text, "some/imagegen.md").unwrap_err().to_string();
            assert!(error.contains("some/imagegen.md") || error.contains("X!"), "{text:?}: {error}");
        }
    }

    #[test]
    fn an_undefined_variable_is_an_error_that_names_the_prompt_and_the_line() {
        let name: PromptName = "imagegen".parse().unwrap();
        assert_eq!(
            render(&name, "Draw {{ what }}.", &[("what", "a <coin> & {{ x }}")]).unwrap(),
            "Draw a <coin> & {{ x }}."
        );
        let error = render(&name, "ok\n{{ wat }}", &[("what", "1")]).unwrap_err().to_string();
        assert!(error.contains("imagegen") && error.contains("line 2"), "{error}");
    }
}
