//! `[[connections.NAME.extensions]]`: schemas beside those every connection knows.

use super::reader::Block;
use crate::scim::extension::{self, Extension, MAX_BYTES, MAX_EXTENSIONS};
use crate::scim::schema::{ResourceKind, Schema};

/// Every extension without a problem, and the blocks of those that are of groups.
pub fn read<'a>(block: &Block<'a>) -> (Vec<Extension>, Vec<Block<'a>>) {
    let blocks = block.blocks("extensions");
    if blocks.len() > MAX_EXTENSIONS {
        let text = format!("found {} extensions, expected {MAX_EXTENSIONS} at the most", blocks.len());
        block.problem("extensions", text, "put attributes that belong together into one schema");
        return (Vec::new(), Vec::new());
    }
    let (mut extensions, mut of_groups): (Vec<Extension>, _) = (Vec::new(), Vec::new());
    for block in blocks {
        let kinds = [("User", ResourceKind::User), ("Group", ResourceKind::Group)];
        let kind = block.choice("resource", &kinds).unwrap_or(ResourceKind::User);
        let required = block.flag("required");
        let schema = document(&block);
        block.finish();
        if let Some(schema) = schema {
            let others = extensions.iter().map(|known| known.schema.id.as_str());
            if let Some(reason) = extension::clash(&schema.id, others) {
                block.problem("file", reason, "give each schema of the connection a URN of its own");
            } else {
                extensions.push(Extension { kind, required, schema });
            }
        }
        if kind == ResourceKind::Group {
            of_groups.push(block);
        }
    }
    (extensions, of_groups)
}

/// Notes that nobody will ever carry the extension.
pub fn note_no_groups(block: &Block<'_>) {
    block.problem(
        "resource",
        "found `Group`, but the app has no groups through this connection",
        "write resource = \"User\", or leave the extension out",
    );
}

fn document(block: &Block<'_>) -> Option<Schema> {
    let content = block.content("file", MAX_BYTES)?;
    let file = block.text("file").unwrap_or_default();
    if content.len() > MAX_BYTES {
        let text = format!("`{file}` has more than {MAX_BYTES} bytes");
        block.problem("file", text, "split it into several schemas");
        return None;
    }
    let text = String::from_utf8(content)
        .map_err(|_| block.problem("file", format!("`{file}` is no UTF-8"), "save it as UTF-8"))
        .ok()?;
    extension::read(&text)
        .map_err(|flaws| {
            for flaw in flaws {
                let line = flaw.line.map_or_else(String::new, |line| format!(" line {line}"));
                block.problem("file", format!("`{file}`{line}: {}", flaw.text), flaw.remedy);
            }
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::cli::config::Config;

    const BADGE: &str = r#"{ "id": "urn:acme:badge:2.0:User", "name": "Badge",
        "attributes": [{ "name": "number", "type": "string" }] }"#;

    /// A configuration with these files beside it.
    fn parse(text: &str, files: &[(&str, &[u8])]) -> Result<Config, Vec<String>> {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("schemas")).unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        Config::parse(text, folder.path(), &|_| None)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn problems(text: &str, files: &[(&str, &[u8])]) -> Vec<String> {
        parse(text, files).map_or_else(|problems| problems, |_| Vec::new())
    }

    fn sandbox(lines: &str) -> String {
        format!("[connections.a]\napp = \"sandbox\"\n{lines}")
    }

    #[test]
    fn a_connection_has_the_schemas_its_blocks_name() {
        let text = sandbox(
            "[[connections.a.extensions]]\nfile = \"schemas/badge.json\"\n\
             [[connections.a.extensions]]\nfile = \"team.json\"\nresource = \"Group\"\nrequired = true\n",
        );
        let team = BADGE.replace("badge", "team");
        let config =
            parse(&text, &[("schemas/badge.json", BADGE.as_bytes()), ("team.json", team.as_bytes())]);
        let extensions = &config.unwrap().connections[0].policy.extensions;
        let told: Vec<_> =
            extensions.iter().map(|each| (each.schema.id.as_str(), each.kind, each.required)).collect();
        let expected = [
            ("urn:acme:badge:2.0:User", ResourceKind::User, false),
            ("urn:acme:team:2.0:User", ResourceKind::Group, true),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn all_that_is_wrong_with_a_schema_is_told_at_once_with_both_lines() {
        let text = sandbox(
            "[[connections.a.extensions]]\nfile = \"bad.json\"\nresource = \"Person\"\nrequird = true\n",
        );
        let bad = "{ \"id\": \"urn:acme:badge:2.0:User\", \"name\": \"Badge\", \"attributes\": [\n\
                   { \"name\": \"number\", \"type\": \"text\" },\n{ \"type\": \"string\" } ] }";
        let expected = [
            "line 4: connections.a.extensions.file: `bad.json` line 2: attributes[0].type: found `text`\n  hint: write one of string, boolean, decimal, integer, dateTime, binary, reference, complex",
            "line 4: connections.a.extensions.file: `bad.json` line 3: attributes[1].name: is missing\n  hint: write \"name\": \"…\"",
            "line 5: connections.a.extensions.resource: found `Person`\n  hint: write one of \"User\", \"Group\"",
            "line 6: connections.a.extensions.requird: unknown key\n  hint: did you mean `required`?",
        ];
        assert_eq!(problems(&text, &[("bad.json", bad.as_bytes())]), expected);
    }

    #[test]
    fn every_other_mistake_is_named_where_it_is() {
        let block = "[[connections.a.extensions]]\n";
        let cases: [(String, &str); 7] = [
            (sandbox(block), "line 3: connections.a.extensions.file: is missing"),
            (
                sandbox(&format!("{block}file = \"none.json\"\n")),
                "line 4: connections.a.extensions.file: `none.json` cannot be read",
            ),
            (
                sandbox(&format!("{block}file = \"latin.json\"\n")),
                "line 4: connections.a.extensions.file: `latin.json` is no UTF-8",
            ),
            (
                sandbox(&format!("{block}file = \"large.json\"\n")),
                "line 4: connections.a.extensions.file: `large.json` has more than 262144 bytes",
            ),
            (
                sandbox(&format!("{block}file = \"badge.json\"\n{block}file = \"badge.json\"\n")),
                "line 6: connections.a.extensions.file: `urn:acme:badge:2.0:User` stands here twice",
            ),
            (
                sandbox("extensions = \"badge.json\"\n"),
                "line 3: connections.a.extensions: found string, expected a list of tables",
            ),
            (
                format!(
                    "[connections.a]\napp = \"manual\"\n{block}file = \"badge.json\"\nresource = \"Team\"\n"
                ),
                "line 5: connections.a.extensions.resource: found `Team`",
            ),
        ];
        let large = vec![b' '; MAX_BYTES + 1];
        let files: [(&str, &[u8]); 3] = [
            ("badge.json", BADGE.as_bytes()),
            ("latin.json", b"{\"name\": \"Z\xfcrich\"}"),
            ("large.json", &large),
        ];
        for (text, expected) in cases {
            let found = problems(&text, &files);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{text}\n{found:?}");
        }
    }
}
