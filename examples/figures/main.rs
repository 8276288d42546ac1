//! Prints what the release build does in a second on this machine: `cargo run --release --example figures [PROGRAM]`.
//!
//! The load comes from this process over 64 kept-alive connections, on the same cores as the gateway and its simulated
//! apps. Slowness is printed and never fails; a wrong answer does.

mod load;
mod process;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use self::load::{Client, Load, Rate};
use self::process::{Demo, get, post};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The app whose simulator answers at once and creates accounts outright.
const APP: &str = "tines";
const STARTS: usize = 5;
const PEOPLE: usize = 2_000;
const SPAN: Duration = Duration::from_secs(5);

/// One line of the table.
struct Figure {
    name: &'static str,
    target: &'static str,
    measured: String,
}

fn main() -> Result<()> {
    let program =
        std::env::args_os().nth(1).map_or_else(|| "target/release/portcullis".into(), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(measure(&program))?;
    print(&figures);
    Ok(())
}

async fn measure(program: &std::path::Path) -> Result<Vec<Figure>> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(Demo::start(program).await?.started_in);
    }
    starts.sort_unstable();
    let start = starts.get(STARTS / 2).copied().unwrap_or_default();

    let demo = Demo::start(program).await?;
    let idle = demo.memory()?;
    demo.control(APP, "journal", &json!({"enabled": false})).await?;
    demo.control(APP, "reset", &json!({"seed": "empty"})).await?;
    demo.control(APP, "journal", &json!({"enabled": false})).await?;

    let create = creates(&demo).await?;
    let people = people(&demo).await?;
    let by_id = demo.load(SPAN, |number| get(&format!("Users/{}", at(&people, number).id))).await?;
    let by_name = demo
        .load(SPAN, |number| {
            let name = &at(&people, number).user_name;
            get(&format!("Users?filter=userName%20eq%20%22{name}%22"))
        })
        .await?;
    let loaded = demo.memory()?;
    let figure = |name, target, measured| Figure { name, target, measured };
    Ok(vec![
        figure("start to the first 200", "< 100 ms", format!("{} ms", start.as_millis())),
        figure("memory, idle", "< 40 MB", megabytes(idle)),
        figure("memory, after the load below", "", megabytes(loaded)),
        figure("create, through to the app", ">= 600 a second", create.to_string()),
        figure("GET by id", ">= 8000 a second", by_id.to_string()),
        figure("filter `userName eq`", ">= 4000 a second", by_name.to_string()),
    ])
}

/// Creates people as fast as it goes; every one of them must have reached the app.
async fn creates(demo: &Demo) -> Result<Rate> {
    let load = Load { expected: 201, most: PEOPLE, span: SPAN * 10 };
    let rate = demo
        .run(load, |number| {
            let name = format!("user{number:05}@example.com");
            let body = json!({
                "userName": name,
                "name": {"givenName": "User", "familyName": format!("Number {number}")},
                "emails": [{"value": name, "type": "work", "primary": true}],
                "active": true,
            });
            post("Users", &body)
        })
        .await?;
    let state = demo.state(APP).await?;
    let reached = state["users"].as_array().map_or(0, Vec::len);
    if reached != rate.answers {
        return Err(format!("{} creates were answered and {reached} reached the app", rate.answers).into());
    }
    Ok(rate)
}

/// A person to ask for.
struct Person {
    id: String,
    user_name: String,
}

/// Everybody, as the listing tells them; names need no escaping in a URL but for their `@`.
async fn people(demo: &Demo) -> Result<Vec<Person>> {
    let mut client = Client::connect(demo.address).await?;
    let mut people = Vec::new();
    loop {
        let page = format!("Users?startIndex={}&count=200&attributes=userName", people.len() + 1);
        let (status, body) = client.ask(&get(&page)).await?;
        if status != 200 {
            return Err(format!("a listing was answered {status}").into());
        }
        let page: Value = serde_json::from_slice(body)?;
        let resources = page["Resources"].as_array().cloned().unwrap_or_default();
        if resources.is_empty() {
            return if people.len() == PEOPLE { Ok(people) } else { Err("people are missing".into()) };
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        people.extend(resources.iter().map(|resource| Person {
            id: text(&resource["id"]),
            user_name: text(&resource["userName"]).replace('@', "%40"),
        }));
    }
}

/// Somebody, each in turn and in no order a cache would like.
#[expect(clippy::indexing_slicing, reason = "the remainder lies within, and there are people")]
fn at(people: &[Person], number: usize) -> &Person {
    &people[number.wrapping_mul(7_919) % people.len()]
}

fn megabytes(kilobytes: u64) -> String {
    format!("{} MB", kilobytes.div_ceil(1024))
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn print(figures: &[Figure]) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, shared by gateway, simulated app and load\n");
    println!("| figure | target | measured |\n|---|---|---|");
    for Figure { name, target, measured } in figures {
        println!("| {name} | {target} | {measured} |");
    }
}
