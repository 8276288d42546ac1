//! `links` beside a running demo: what the app had before, said, linked by a file, and taken back.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

use crate::stage::{Ran, Running, run, run_with};

struct Tines {
    demo: Running,
    folder: TempDir,
}

impl Tines {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let demo = Running::demo(folder.path(), &["--freshness", "0s"]);
        Self { demo, folder }
    }

    fn config(&self) -> &str {
        self.demo.ready["config"].as_str().unwrap()
    }

    fn links(&self, command: &str, arguments: &[&str]) -> Ran {
        let head = ["links", command, "--config", self.config(), "--connection", "tines"];
        run(&[&head, arguments].concat())
    }

    /// A file with this text.
    fn file(&self, text: &str) -> String {
        let path = self.folder.path().join("links.csv");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// What was printed, without what differs from run to run.
    fn redacted(&self, text: &str) -> String {
        let folder = self.folder.path().to_str().unwrap();
        let word = |word: &str| {
            let is_id = word.len() == 36 && word.chars().filter(|letter| *letter == '-').count() == 4;
            if is_id { "ID".to_owned() } else { word.replace(folder, "DIR") }
        };
        let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn a_preview_says_of_each_account_how_it_stands_and_changes_nothing() {
    let tines = Tines::start();
    tines.demo.caller("tines").create("ada@example.com");
    let csv = tines.file(
        "externalId,userName,email\nhr-1,,MARIA.santos@example.com\nhr-2,,nobody@example.com\nhr-3,,ada@example.com\n",
    );
    let preview = tines.links("preview", &["--csv", &csv]).ok();
    assert_snapshot!("links_preview_of_a_file", tines.redacted(&preview.stdout));
    assert_snapshot!("links_adopt_refused", tines.redacted(&tines.links("adopt", &["--csv", &csv]).stderr));
    assert_snapshot!("links_list_after", tines.redacted(&tines.links("list", &[]).ok().stdout));
    let calls = tines.demo.simulator("tines").journal();
    assert!(calls.iter().filter(|call| call["method"] != "GET").count() == 1, "{calls:?}");
}

#[test]
fn what_a_preview_writes_can_be_edited_and_given_back() {
    let tines = Tines::start();
    let output = tines.folder.path().join("out.csv");
    let output = output.to_str().unwrap();
    let told = tines.links("preview", &["--json", "--output", output]).ok().json();
    assert_eq!(told.as_array().unwrap().len(), 3, "{told}");
    assert_eq!((&told[0]["state"], &told[0]["externalId"]), (&"adoptable".into(), &Value::Null), "{told}");
    assert_eq!(fs::metadata(output).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(output).unwrap();
    let edited: Vec<String> = text
        .lines()
        .filter(|line| line.contains("state") || line.contains("tom.fischer"))
        .map(|line| line.replacen("\"\",", "\"hr-7\",", 1))
        .collect();
    fs::write(output, edited.join("\n")).unwrap();
    let done = tines.links("adopt", &["--csv", output, "--json"]).ok().json();
    assert_eq!((&done["adopted"], &done["already_linked"]), (&1.into(), &0.into()));
    assert_eq!(tines.links("adopt", &["--csv", output]).ok().stdout, "adopted: 0, linked already: 1\n");
    let found =
        tines.demo.caller("tines").send("GET", "/Users?filter=externalId%20eq%20%22hr-7%22", &Value::Null);
    let found = found.json();
    assert_eq!(found["Resources"][0]["userName"], "tom.fischer@example.com", "{found}");
    let left = tines.links("list", &["--unlinked", "--json"]).ok().json();
    assert_eq!(left.as_array().unwrap().len(), 2, "{left}");

    let id = found["Resources"][0]["id"].as_str().unwrap();
    assert_eq!(tines.links("unlink", &[id]).ok().stdout, "unlinked: 1\n");
    assert_eq!(tines.links("unlink", &[id, "--json"]).ok().json()["unlinked"], 0);
    let refused = tines.links("unlink", &[id, "nobody"]);
    assert_eq!(
        (refused.code, refused.stderr.as_str()),
        (1, "error: nothing was unlinked\nnobody: this connection has no such person\n")
    );
}

#[test]
fn a_file_with_anything_wrong_is_refused_whole_and_quotes_nobody() {
    let tines = Tines::start();
    let rows =
        "externalId;email\nhr-1;maria.santos@example.com\nhr-1;tom.fischer@example.com\nhr-2;nowhere\nhr-3\n";
    let config = tines.config();
    let arguments = ["links", "adopt", "--config", config, "--connection", "tines", "--csv", "-"];
    let ran = run_with(&arguments, rows);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert_eq!(
        ran.stderr,
        "error: `-` cannot be used\nline 3: the same `externalId` as line 2\nline 4: the e-mail address is none\nline 5: 1 fields, 2 expected\n"
    );
    assert_eq!(
        run_with(&arguments, "email\nmaria.santos@example.com\n").ok().stdout,
        "adopted: 1, linked already: 0\n"
    );
}
