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
