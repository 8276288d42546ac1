//! `check-config`, and what every other command says to a configuration or a store it cannot use.

use std::fs;

use crate::stage::{Place, run};

#[test]
fn a_good_file_is_told_so() {
    let place = Place::sandbox();
    let ran = place.run("check-config", &[]).ok();
    assert_eq!(ran.stdout, format!("{}: ok, 1 connection\n", place.config()));
    assert_eq!(ran.stderr, "");
    assert!(!place.path("portcullis.db").exists(), "a check opens no store");
}

#[test]
fn a_bad_file_ends_with_78_and_names_every_problem_with_file_line_and_remedy() {
    let place = Place::with("lisen = \"127.0.0.1:0\"\n[connections.a]\napp = \"slack\"\n");
    let file = place.config();
    let expected = format!(
        "error: 2 problems found
{file}: line 1: lisen: unknown key
  hint: did you mean `listen`?
{file}: line 3: connections.a.app: found `slack`, which is no app
  hint: write one of hive, honeycomb, manual, sandbox, scim, tines, workiva
"
    );
    for (command, arguments) in [
        ("check-config", &[][..]),
        ("serve", &[]),
        ("doctor", &[]),
        ("token list", &[]),
        ("token create", &["--connection", "a"]),
        ("token revoke", &["--connection", "a", "id"]),
        ("tasks list", &[]),
        ("tasks complete", &["id"]),
        ("roster import", &["--connection", "a", "members.csv"]),
        ("links list", &["--connection", "a"]),
        ("links preview", &["--connection", "a"]),
        ("links adopt", &["--connection", "a", "--csv", "links.csv"]),
        ("links unlink", &["--connection", "a", "id"]),
    ] {
        let ran = place.run(command, arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (78, ""), "{command}: {ran:?}");
        assert_eq!(ran.stderr, expected, "{command}");
    }
}

#[test]
fn a_file_that_is_not_there_ends_with_78() {
    let ran = run(&["check-config", "--config", "/nowhere/portcullis.toml"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.stderr.contains("`/nowhere/portcullis.toml` cannot be read"), "{ran:?}");
    assert!(ran.stderr.contains("hint: name a file with --config"), "{ran:?}");
}

#[test]
fn a_store_that_is_not_ours_is_refused_with_78_and_left_as_it_is() {
    let place = Place::sandbox();
    let store = place.path("portcullis.db");
    fs::write(&store, "the notes of somebody else, longer than sixteen bytes").unwrap();
    let before = fs::read(&store).unwrap();
    for command in ["serve", "doctor", "token list"] {
        let ran = place.run(command, &[]);
        assert_eq!(ran.code, 78, "{command}: {ran:?}");
        let expected = format!("`{}` is not a SQLite database", store.display());
        assert!(ran.stderr.contains(&expected), "{command}: {ran:?}");
    }
    assert_eq!(fs::read(&store).unwrap(), before);
}

#[test]
fn a_folder_that_cannot_be_made_ends_with_78() {
    let place = Place::with(
        "[store]\nurl = \"sqlite:///dev/null/portcullis.db\"\n[connections.a]\napp = \"sandbox\"\n",
    );
    for command in ["serve", "token list"] {
        let ran = place.run(command, &[]);
        assert_eq!(ran.code, 78, "{command}: {ran:?}");
        assert!(ran.stderr.contains("`/dev/null` cannot be made"), "{command}: {ran:?}");
    }
}

#[test]
fn the_configurations_of_the_documents_lack_nothing_but_their_secrets_and_certificates() {
    let operating = include_str!("../../docs/operating.md");
    let example = operating.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    for text in [example, include_str!("../../docker/portcullis.toml")] {
        let ran = Place::with(text).run("check-config", &[]);
        let problems: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(": line ")).collect();
        assert!(ran.code == 0 || !problems.is_empty(), "{ran:?}");
        for problem in problems {
            assert!(problem.contains("is not set") || problem.contains("cannot be read"), "{problem}");
        }
    }
}
