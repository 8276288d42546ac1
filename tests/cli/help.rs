//! What the commands say of themselves: the pages of the manual.

use insta::assert_snapshot;

use crate::stage::run;

const COMMANDS: [&str; 26] = [
    "",
    "demo",
    "serve",
    "check-config",
    "doctor",
    "drift",
    "trace",
    "audit",
    "audit verify",
    "audit export",
    "token",
    "token create",
    "token list",
    "token revoke",
    "tasks",
    "tasks list",
    "tasks complete",
    "roster",
    "roster import",
    "links",
    "links list",
    "links preview",
    "links adopt",
    "links unlink",
    "sim",
    "help",
];

#[test]
fn every_command_has_its_page() {
    for command in COMMANDS.iter().filter(|command| **command != "help") {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let ran = run(&arguments).ok();
        assert_eq!(ran.stderr, "", "{command}");
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= 100), "{}", ran.stdout);
        let name = if command.is_empty() { "portcullis".to_owned() } else { command.replace(' ', "_") };
        assert_snapshot!(name, ran.stdout.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn the_page_of_the_program_names_every_command() {
    let ran = run(&["--help"]).ok();
    for command in COMMANDS.iter().filter(|command| !command.is_empty() && !command.contains(' ')) {
        assert!(ran.stdout.contains(&format!("\n  {command} ")), "{command}");
    }
}

#[test]
fn the_version_is_the_one_of_the_package() {
    for flag in ["--version", "-V"] {
        assert_eq!(run(&[flag]).ok().stdout, format!("portcullis {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn what_cannot_be_understood_ends_with_2_and_says_where_to_look() {
    for arguments in [
        &["serv"][..],
        &["serve", "--confg", "x"],
        &["demo", "--listen", "everywhere"],
        &["demo", "--idp", "Okta"],
        &["demo", "--token", "two words"],
        &["token"],
        &["token", "create"],
        &["token", "create", "--connection", "sandbox", "--days", "0"],
        &["token", "create", "--connection", "sandbox", "--days", "366"],
        &["token", "revoke", "--connection", "sandbox"],
        &["tasks", "complete"],
        &["roster", "import", "--connection", "hotjar"],
        &["links", "adopt", "--connection", "hotjar"],
        &["links", "unlink", "--connection", "hotjar"],
        &["sim"],
        &["sim", "slack"],
        &[],
    ] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains("--help") || ran.stderr.contains("Usage: "), "{arguments:?}: {ran:?}");
    }
}
