use std::path::Path;

use super::*;
use crate::store::conformance;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_every_promise_of_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(format!("{name}.db"));
    conformance::all(async |name| open(&path(name)).await.unwrap()).await;
}
