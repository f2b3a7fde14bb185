//! Reads one Rust file as tokens: its modules, its imports and the paths that it mentions.

use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};

/// What a module's tokens say, without what is for tests only.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) modules: Vec<ChildModule>,
    pub(super) imports: Vec<Import>,
    /// Every path of two segments or more, and those of `use`.
    pub(super) mentions: Vec<Mention>,
}

/// `mod name;`, or `mod name { … }` with what stands in it.
#[derive(Debug)]
pub(super) struct ChildModule {
    pub(super) name: String,
    pub(super) inline: Option<Source>,
}

/// A name that a `use` brings into the module.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) name: String,
    pub(super) path: Vec<String>,
}

/// A path and where it stands.
#[derive(Debug)]
pub(super) struct Mention {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// Words that begin an item or statement, in which a comma isn't the end.
const ITEM_WORDS: &[&str] =
    &["fn", "impl", "struct", "enum", "union", "mod", "use", "const", "static", "type", "trait", "let"];

impl Source {
    /// Reads a file or a block. The tokens of a macro call count like any others.
    pub(super) fn read(tokens: TokenStream) -> Self {
        let mut source = Self::default();
        source.scan(tokens);
        source
    }

    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        while let [first, after @ ..] = rest {
            rest = match first {
                TokenTree::Punct(sign) if sign.as_char() == '#' => self.attribute(after),
                // `::a::b` names another crate.
                TokenTree::Punct(_) => match after_separator(rest) {
                    Some(path) => read_path(path).1,
                    None => after,
                },
                TokenTree::Ident(word) if word == "mod" => self.module(after),
                TokenTree::Ident(word) if word == "use" => self.import(after),
                TokenTree::Ident(word) => {
                    let (path, after) = read_path(rest);
                    if path.len() > 1 {
                        self.mentions.push(Mention { path, line: line_of(word) });
                    }
                    after
                }
                TokenTree::Group(group) => {
                    self.scan(group.stream());
                    after
                }
                TokenTree::Literal(_) => after,
            };
        }
    }

    /// Skips what is for tests only; returns what follows.
    fn attribute<'t>(&mut self, after_hash: &'t [TokenTree]) -> &'t [TokenTree] {
        let [TokenTree::Group(attribute), after @ ..] = after_hash else { return after_hash };
        let text: String = attribute.stream().to_string().split_whitespace().collect();
        if text == "cfg(test)" || text.starts_with("cfg(all(test,") {
            return after_item(after);
        }
        self.scan(attribute.stream());
        after
    }

    fn module<'t>(&mut self, after_mod: &'t [TokenTree]) -> &'t [TokenTree] {
        let [TokenTree::Ident(name), body, after @ ..] = after_mod else { return after_mod };
        let inline = match body {
            TokenTree::Group(body) => Some(Self::read(body.stream())),
            _ => None,
        };
        self.modules.push(ChildModule { name: plain(name), inline });
        after
    }

    fn import<'t>(&mut self, after_use: &'t [TokenTree]) -> &'t [TokenTree] {
        // `impl Trait + use<'a>` imports nothing.
        let is_import = after_use.first().is_some_and(|token| !is_sign(token, '<'));
        let end = after_use.iter().position(|token| is_sign(token, ';'));
        match end.and_then(|end| after_use.split_at_checked(end)) {
            Some((tree, after)) if is_import => {
                // `use ::a::b` names another crate.
                if after_separator(tree).is_none() {
                    self.use_tree(vec![], tree);
                }
                after
            }
            _ => after_use,
        }
    }

    /// Reads one branch of a `use`, as `b::{c, d as e}`, after the segments that lead to it.
    fn use_tree(&mut self, mut path: Vec<String>, tree: &[TokenTree]) {
        match tree {
            [TokenTree::Group(group), ..] => {
                let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
                for branch in tokens.split(|token| is_sign(token, ',')) {
                    self.use_tree(path.clone(), branch);
                }
            }
            // The names that `a::*` brings aren't followed: clippy allows it in tests only.
            [TokenTree::Punct(star), ..] => {
                self.mentions.push(Mention { path, line: star.span().start().line });
            }
            [TokenTree::Ident(segment), after @ ..] => {
                // `a::{self}` is `a`.
                if path.is_empty() || segment != "self" {
                    path.push(plain(segment));
                }
                if let Some(branch) = after_separator(after) {
                    return self.use_tree(path, branch);
                }
                let name = match after {
                    [_, TokenTree::Ident(alias)] => Some(plain(alias)),
                    _ => path.last().cloned(),
                };
                self.mentions.push(Mention { path: path.clone(), line: line_of(segment) });
                self.imports.extend(name.map(|name| Import { name, path }));
            }
            _ => {}
        }
    }
}

/// Reads `a::b::c`; returns its segments and what follows.
fn read_path(mut tokens: &[TokenTree]) -> (Vec<String>, &[TokenTree]) {
    let mut path = vec![];
    while let [TokenTree::Ident(segment), after @ ..] = tokens {
        path.push(plain(segment));
        tokens = after;
        match after_separator(after) {
            Some(next @ [TokenTree::Ident(_), ..]) => tokens = next,
            _ => break,
        }
    }
    (path, tokens)
}

/// Skips an item, a statement, a field or an arm of a `match`.
fn after_item(mut tokens: &[TokenTree]) -> &[TokenTree] {
    let mut is_item = false;
    while let [first, after @ ..] = tokens {
        tokens = after;
        match first {
            TokenTree::Ident(word) => is_item |= ITEM_WORDS.iter().any(|item| word == item),
            TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace => break,
            sign if is_sign(sign, ';') || (is_sign(sign, ',') && !is_item) => break,
            _ => {}
        }
    }
    tokens
}

fn after_separator(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [TokenTree::Punct(first), second, after @ ..]
            if first.as_char() == ':' && first.spacing() == Spacing::Joint && is_sign(second, ':') =>
        {
            Some(after)
        }
        _ => None,
    }
}

fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == sign)
}

fn plain(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

fn line_of(ident: &Ident) -> usize {
    ident.span().start().line
}
