use std::time::Duration;

use serde_json::Value;

use crate::stage::{Answer, Stage};

/// The pages of a walk, each asked for after `between` was done.
async fn walk(stage: &Stage, query: &str, between: impl AsyncFn(usize)) -> Vec<String> {
    let (mut seen, mut cursor, mut pages) = (Vec::new(), Some(String::new()), 0);
    while let Some(sent) = cursor {
        let page = stage.get(&format!("/Users?{query}&cursor={sent}")).await;
        seen.extend(page.ids());
        assert!(page.body.get("startIndex").is_none());
        assert_eq!(page.body["itemsPerPage"], page.ids().len());
        cursor = page.body["nextCursor"].as_str().map(str::to_owned);
        pages += 1;
        between(pages).await;
    }
    seen
}

async fn delete(stage: &Stage, id: &str) {
    let gone = stage.ask("DELETE", &format!("/Users/{id}"), &[], Value::Null).await;
    assert_eq!(gone.status, 204);
}

const QUERIES: [&str; 4] = [
    "count=4",
    "count=4&filter=userName%20sw%20%22user-%22",
    "count=4&sortBy=userName",
    "count=4&sortBy=userName&filter=active%20eq%20true",
];

#[tokio::test]
async fn a_walk_sees_everybody_once() {
    let stage = Stage::sandbox().await;
    let everybody = stage.crowd(10).await;
    for query in QUERIES {
        assert_eq!(walk(&stage, query, async |_| ()).await, everybody, "{query}");
    }
    let mut backwards = everybody.clone();
    backwards.reverse();
    let query = "count=3&sortBy=userName&sortOrder=descending";
    assert_eq!(walk(&stage, query, async |_| ()).await, backwards);
    assert_eq!(walk(&stage, "count=10", async |_| ()).await, everybody);
}

/// The pages of a walk to the end and back again, by `previousCursor`.
async fn back(stage: &Stage, path: &str) -> Vec<Vec<String>> {
    let mut page = stage.get(&format!("{path}&cursor=")).await;
    assert!(page.body.get("previousCursor").is_none());
    while let Some(next) = page.body["nextCursor"].as_str() {
        page = stage.get(&format!("{path}&cursor={next}")).await;
    }
    let mut pages = vec![page.ids()];
    while let Some(previous) = page.body["previousCursor"].as_str() {
        page = stage.get(&format!("{path}&cursor={previous}")).await;
        assert!(page.body["nextCursor"].is_string(), "{}", page.body);
        pages.insert(0, page.ids());
    }
    pages
}

#[tokio::test]
async fn the_way_back_sees_everybody_once() {
    let stage = Stage::sandbox().await;
    let everybody = stage.crowd(10).await;
    for query in QUERIES {
        let pages = back(&stage, &format!("/Users?{query}")).await;
        assert_eq!(pages.concat(), everybody, "{query}");
        assert!(pages.iter().all(|page| page.len() <= 4), "{query}");
    }
    let group = stage.group("team", &[]).await["id"].as_str().unwrap().to_owned();
    let both = [everybody, vec![group]].concat();
    for query in ["count=3", "count=3&filter=id%20pr", "count=3&sortBy=meta.created"] {
        assert_eq!(back(&stage, &format!("?{query}")).await.concat(), both, "{query}");
    }
}

#[tokio::test]
async fn the_page_before_is_the_one_that_was_read() {
    let stage = Stage::sandbox().await;
    let everybody = stage.crowd(9).await;
    for query in ["count=3", "count=3&filter=id%20pr", "count=3&sortBy=userName"] {
        let path = format!("/Users?{query}");
        let one = stage.get(&format!("{path}&cursor=")).await;
        let two = stage.get(&format!("{path}&cursor={}", one.body["nextCursor"].as_str().unwrap())).await;
        let three = stage.get(&format!("{path}&cursor={}", two.body["nextCursor"].as_str().unwrap())).await;
        assert!(three.body.get("nextCursor").is_none());
        let again =
            stage.get(&format!("{path}&cursor={}", three.body["previousCursor"].as_str().unwrap())).await;
        assert_eq!((again.ids(), again.body["totalResults"].as_u64()), (two.ids(), Some(9)), "{query}");
        let first =
            stage.get(&format!("{path}&cursor={}", again.body["previousCursor"].as_str().unwrap())).await;
        assert_eq!((first.ids(), first.body.get("previousCursor")), (one.ids(), None), "{query}");
    }
    // Who goes meanwhile leaves no gap.
    let path = "/Users?count=3";
    let one = stage.get(&format!("{path}&cursor=")).await;
    let two = stage.get(&format!("{path}&cursor={}", one.body["nextCursor"].as_str().unwrap())).await;
    delete(&stage, &everybody[1]).await;
    delete(&stage, &everybody[3]).await;
    let before = stage.get(&format!("{path}&cursor={}", two.body["previousCursor"].as_str().unwrap())).await;
    assert_eq!(before.ids(), [everybody[0].clone(), everybody[2].clone()]);
}

#[tokio::test]
async fn who_comes_and_goes_meanwhile_moves_nobody_else() {
    for query in QUERIES {
        let stage = Stage::sandbox().await;
        let everybody = stage.crowd(12).await;
        let seen = walk(&stage, query, async |page| match page {
            // One behind, the last one seen, and one ahead.
            1 => {
                for place in [1, 3, 9] {
                    delete(&stage, &everybody[place]).await;
                }
            }
            2 => {
                stage.person("user-9").await;
                stage.person("user-000a").await;
            }
            _ => {}
        })
        .await;
        let stayed: Vec<&String> =
            seen.iter().filter(|id| everybody.iter().any(|known| known == *id)).collect();
        let expected: Vec<&String> = everybody.iter().filter(|id| **id != everybody[9]).collect();
        assert_eq!(stayed, expected, "{query}");
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "{query}");
    }
}

#[tokio::test]
async fn one_whose_name_changes_behind_the_cursor_does_not_move_it() {
    let stage = Stage::sandbox().await;
    let everybody = stage.crowd(6).await;
    let seen = walk(&stage, "count=2&sortBy=userName", async |page| {
        if page == 1 {
            let path = format!("/Users/{}", everybody[1]);
            let body = serde_json::json!({ "userName": "a-new-name" });
            assert_eq!(stage.ask("PUT", &path, &[], body).await.status, 200);
        }
    })
    .await;
    assert_eq!(seen, everybody);
}

async fn first(stage: &Stage, query: &str) -> String {
    let page = stage.get(&format!("/Users?{query}&cursor=")).await;
    page.body["nextCursor"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_cursor_is_good_for_its_query_and_its_hour() {
    let stage = Stage::sandbox().await;
    stage.crowd(5).await;
    let cursor = first(&stage, "count=2&sortBy=userName").await;
    let page = async |query: &str| stage.get(&format!("/Users?{query}&cursor={cursor}")).await;
    assert_eq!(page("count=2&sortBy=userName").await.status, 200);
    for query in ["count=2", "count=2&sortBy=title", "count=2&sortBy=userName&filter=id%20pr"] {
        assert_eq!(page(query).await.error(), (400, "invalidCursor"), "{query}");
    }
    assert_eq!(page("count=3&sortBy=userName").await.error(), (400, "invalidCount"));
    let elsewhere = stage.get(&format!("/Groups?count=2&sortBy=displayName&cursor={cursor}")).await;
    assert_eq!(elsewhere.error(), (400, "invalidCursor"));
    stage.clock.advance(Duration::from_mins(59));
    assert_eq!(page("count=2&sortBy=userName").await.status, 200);
    stage.clock.advance(Duration::from_mins(2));
    assert_eq!(page("count=2&sortBy=userName").await.error(), (400, "expiredCursor"));
}

#[tokio::test]
async fn a_cursor_of_another_process_is_invalid() {
    let (one, other) = (Stage::sandbox().await, Stage::sandbox().await);
    one.crowd(3).await;
    let cursor = first(&one, "count=1").await;
    let refused = other.get(&format!("/Users?count=1&cursor={cursor}")).await;
    assert_eq!(refused.error(), (400, "invalidCursor"));
}

#[tokio::test]
async fn a_page_by_cursor_has_a_count_from_1() {
    let stage = Stage::sandbox().await;
    stage.crowd(2).await;
    let page = async |count: &str| -> Answer { stage.get(&format!("/Users?cursor&count={count}")).await };
    for count in ["0", "-1", "x"] {
        assert_eq!(page(count).await.error(), (400, "invalidCount"), "{count}");
    }
    let whole = page("5000").await;
    assert_eq!((whole.ids().len(), whole.body.get("nextCursor")), (2, None));
    assert_eq!(whole.body["totalResults"], 2);
}
