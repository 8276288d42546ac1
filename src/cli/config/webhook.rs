//! The `webhook` block of a connection.

use std::sync::Arc;
use std::time::Duration;

use super::app::{checked_url, standard_wire};
use super::reader::Block;
use crate::cli::webhook::Hook;
use crate::provision::Receiver;
use crate::upstream::{Webhook, Wire, system_names};

/// The most of a receiver's answer that is read, in bytes.
const ANSWER: usize = 64 * 1024;

/// The receiver of a connection, where one is configured.
pub fn read(connection: &Block<'_>) -> Option<Arc<dyn Receiver>> {
    let block = connection.block("webhook")?;
    let wire = Wire {
        private: block.flag("private"),
        attempt: Duration::from_secs(10),
        body_limit: ANSWER,
        names: system_names(),
        ..standard_wire()
    };
    let url = block.required_text("url").and_then(|url| checked_url(&block, "url", url, wire.private));
    if !block.has("secret") {
        block.problem("secret", "is missing", block.secret_remedy("secret"));
    }
    let secret = block.secret("secret", "signing key").filter(|secret| {
        let good = Webhook::is_key(secret);
        if !good {
            let text = "the signing key is not `whsec_` and 24 to 64 bytes in base64";
            block.problem("secret", text, "make one with: echo whsec_$(openssl rand -base64 32)");
        }
        good
    });
    let person = block.flag("person") || !block.has("person");
    block.finish();
    let (url, secret) = (url?, secret?);
    match Webhook::new(&url, secret, wire) {
        Ok(webhook) => Some(Arc::new(Hook { webhook, person })),
        Err(text) => {
            block.problem(
                "url",
                text,
                "name a public https address, or write private = true for one of your own network",
            );
            None
        }
    }
}
