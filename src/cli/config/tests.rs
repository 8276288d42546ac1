use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{Config, Memory, Problem};
use crate::base::secret::{ExposeSecret, Token};
use crate::provision::{AdoptExisting, Correction, DeletePolicy, Idp, Overdue, Policy, ReadOnly};

mod arbitrary;
mod values;

const BAD: &str = include_str!("tests/bad.toml");
const BAD_PROBLEMS: &str = include_str!("tests/bad.txt");

/// The variables of these tests; everything else is not set.
fn environment(name: &str) -> Option<String> {
    let hook = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    let known = [
        ("KEY", " a-key\n"),
        ("HOOK", hook),
        ("WATCH", "a-token-of-those-who-watch"),
        ("DATABASE", "postgres://portcullis:hunter2@db.internal/portcullis?sslmode=verify-full\n"),
        ("HUNTER", "hunter2:hunter2"),
        ("EMPTY", " \n"),
        ("TWO_LINES", "one\ntwo"),
    ];
    known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn parse(text: &str) -> Result<Config, Vec<Problem>> {
    Config::parse(text, Path::new("/nowhere"), &environment)
}

/// The problems of a text, as they are printed.
fn problems(text: &str) -> Vec<String> {
    parse(text).map_or_else(|problems| problems.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

/// A sandbox connection before or below the lines that are looked at, so that nothing else is wrong.
fn beside_a_sandbox(lines: &str) -> String {
    format!("{lines}\n[connections.sandbox]\napp = \"sandbox\"\n")
}

fn hotjar(lines: &str) -> String {
    format!("[connections.hotjar]\napp = \"manual\"\n{lines}\n")
}

fn honeycomb(rest: &str) -> String {
    format!("[connections.honeycomb]\napp = \"honeycomb\"\n[connections.honeycomb.rest]\n{rest}\n")
}

#[test]
fn all_problems_of_a_file_are_named_at_once_with_line_and_remedy() {
    let found = problems(BAD).join("\n");
    assert_eq!(found, BAD_PROBLEMS.trim_end(), "found:\n{found}\n");
}

#[test]
fn every_problem_is_named_where_it_is() {
    let key = "api_key = { env = \"KEY\" }";
    let table: &[(&str, String, &str)] = &[
        (
            "a syntax error has its line",
            beside_a_sandbox("listen = \"127.0.0.1:1\"\nbehind_proxy = yes"),
            "line 2: this is no TOML: ",
        ),
        (
            "a key twice is a syntax error",
            beside_a_sandbox("listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\""),
            "line 2: this is no TOML: duplicate key",
        ),
        (
            "a connection twice is a syntax error",
            "[connections.a]\napp = \"sandbox\"\n[connections.a]\n".to_owned(),
            "line 3: this is no TOML: duplicate key",
        ),
        ("an empty file has no connections", String::new(), "connections: there are no connections"),
        (
            "connections that are no table",
            "connections = 1\n".to_owned(),
            "line 1: connections: found integer, expected a table",
        ),
        (
            "plain http for everybody",
            beside_a_sandbox("listen = \"0.0.0.0:8080\""),
            "line 1: listen: plain http would be served on `0.0.0.0:8080`, which others can reach",
        ),
        (
            "a public address with a query",
            beside_a_sandbox("public_url = \"https://scim.example.com/?a=b\""),
            "line 1: public_url: found `https://scim.example.com/?a=b`, expected an http or https address",
        ),
        (
            "a store that is none",
            beside_a_sandbox("[store]\nurl = \"/var/lib/portcullis.db\""),
            "line 2: store.url: found `/var/lib/portcullis.db`, expected a sqlite:// or postgres:// address",
        ),
        (
            "a database that is not said to be reached in the clear or not",
            beside_a_sandbox("[store]\nurl = \"postgres://portcullis@db.internal/portcullis\""),
            "line 2: store.url: the address does not say whether the way to the database is encrypted",
        ),
        (
            "a password in the file",
            beside_a_sandbox("[store]\nurl = \"postgres://a:b@localhost/portcullis\""),
            "line 2: store.url: found a password written into the file, expected where the address is kept",
        ),
        (
            "a database without a name",
            beside_a_sandbox("[store]\nurl = \"postgres://127.0.0.1/\""),
            "line 2: store.url: the address names no database",
        ),
        (
            "an address kept elsewhere that is none",
            beside_a_sandbox("[store]\nurl = { env = \"KEY\" }"),
            "line 2: store.url: the address of the database is no sqlite:// or postgres:// address",
        ),
        (
            "a setting SQLite does not have",
            beside_a_sandbox("[store]\nurl = \"sqlite://a.db\"\nconnections = 3"),
            "line 3: store.connections: SQLite has no such setting",
        ),
        (
            "too few connections",
            beside_a_sandbox("[store]\nurl = \"postgres://localhost/portcullis\"\nconnections = 1"),
            "line 3: store.connections: found `1`, expected a whole number from 2 to 1000",
        ),
        (
            "a store without a path",
            beside_a_sandbox("[store]\nurl = \"sqlite://\""),
            "line 2: store.url: found `sqlite`, expected a sqlite:// address",
        ),
        (
            "a secret in the clear",
            honeycomb("api_key = \"hcaik_0123456789\""),
            "line 4: connections.honeycomb.rest.api_key: found a secret written into the file, expected where the Honeycomb Configuration API key is kept",
        ),
        (
            "a secret of two sources",
            honeycomb("api_key = { env = \"KEY\", file = \"key\" }"),
            "line 4: connections.honeycomb.rest.api_key: does not say where the Honeycomb Configuration API key is kept",
        ),
        (
            "a secret of no source",
            honeycomb("api_key = { vault = \"KEY\" }"),
            "line 4: connections.honeycomb.rest.api_key: does not say where the Honeycomb Configuration API key is kept",
        ),
        (
            "a variable that is not set",
            honeycomb("api_key = { env = \"UNSET\" }"),
            "line 4: connections.honeycomb.rest.api_key: the variable `UNSET` is not set",
        ),
        (
            "a variable that is empty",
            honeycomb("api_key = { env = \"EMPTY\" }"),
            "line 4: connections.honeycomb.rest.api_key: the Honeycomb Configuration API key is empty",
        ),
        (
            "a secret of two lines",
            honeycomb("api_key = { env = \"TWO_LINES\" }"),
            "line 4: connections.honeycomb.rest.api_key: the Honeycomb Configuration API key is more than one line",
        ),
        (
            "a secret file that is not there",
            honeycomb("api_key = { file = \"key\" }"),
            "line 4: connections.honeycomb.rest.api_key: `key` cannot be read: ",
        ),
        (
            "http without private",
            honeycomb(&format!("{key}\nbase_url = \"http://127.0.0.1:8090/honeycomb\"")),
            "line 5: connections.honeycomb.rest.base_url: plain http would carry the credential in the clear",
        ),
        (
            "an address that is none",
            honeycomb(&format!("{key}\nbase_url = \"api.honeycomb.io\"")),
            "line 5: connections.honeycomb.rest.base_url: found `api.honeycomb.io`, expected an absolute https address",
        ),
        (
            "an address with a password",
            honeycomb(&format!("{key}\nbase_url = \"https://me:hunter2@api.honeycomb.io\"")),
            "line 5: connections.honeycomb.rest.base_url: found a name or password in the address",
        ),
        (
            "an instruction with a place nobody knows",
            hotjar("[connections.hotjar.manual.instructions]\ninvite = \"invite {mail}\""),
            "line 4: connections.hotjar.manual.instructions.invite: found the place `{mail}`, expected one of `{email}`, `{name}`, `{role}`, `{app}`, `{page}`",
        ),
        (
            "an instruction for what nobody is asked",
            hotjar("[connections.hotjar.manual.instructions]\nfire = \"fire {email}\""),
            "line 4: connections.hotjar.manual.instructions.fire: unknown key",
        ),
        (
            "an owner without a name",
            hotjar("owner = \" \""),
            "line 3: connections.hotjar.owner: found no line of text, expected one",
        ),
        (
            "a page of the leftovers that is no address",
            hotjar("policy = { residual_link = \"wiki\" }"),
            "line 3: connections.hotjar.policy.residual_link: found `wiki`, expected an absolute https address",
        ),
        (
            "a webhook without its key",
            hotjar("webhook = { url = \"https://hooks.example.com/x\" }"),
            "line 3: connections.hotjar.webhook.secret: is missing",
        ),
        (
            "a webhook with a key that is none",
            hotjar("webhook = { url = \"https://hooks.example.com/x\", secret = { env = \"KEY\" } }"),
            "line 3: connections.hotjar.webhook.secret: the signing key is not `whsec_` and 24 to 64 bytes in base64",
        ),
        (
            "a webhook over http",
            hotjar("webhook = { url = \"http://hooks.example.com\", secret = { env = \"HOOK\" } }"),
            "line 3: connections.hotjar.webhook.url: plain http would carry the credential in the clear",
        ),
        (
            "a webhook to one's own network",
            hotjar("webhook = { url = \"https://10.0.0.1\", secret = { env = \"HOOK\" } }"),
            "line 3: connections.hotjar.webhook.url: the host is `10.0.0.1`, which is not public",
        ),
        (
            "metrics without a token",
            beside_a_sandbox("[metrics]"),
            "line 1: metrics.token: is missing",
        ),
        (
            "metrics with a token that can be guessed",
            beside_a_sandbox("[metrics]\ntoken = { env = \"KEY\" }"),
            "line 2: metrics.token: the token is not 16 to 512 visible letters without a space",
        ),
        (
            "a negative number",
            honeycomb(&format!("{key}\nconcurrency = -1")),
            "line 5: connections.honeycomb.rest.concurrency: found `-1`, expected a whole number from 1 to 1000",
        ),
        (
            "a role the app does not have",
            format!("{}[connections.honeycomb.roles]\ndefault = \"owner\"\n", honeycomb(key)),
            "line 6: connections.honeycomb.roles.default: found `owner`, which is no role of the app",
        ),
        (
            "a group with a role the app does not have",
            format!("{}[connections.honeycomb.roles.groups]\n\"Admins\" = \"Owner\"\n", honeycomb(key)),
            "line 6: connections.honeycomb.roles.groups.Admins: found `Owner`, which is no role of the app",
        ),
        (
            "one group in two spellings",
            format!(
                "{}[connections.honeycomb.roles.groups]\nAdmins = \"admin\"\nadmins = \"member\"\n",
                honeycomb(key)
            ),
            "line 7: connections.honeycomb.roles.groups.admins: the same name stands here twice, in another spelling",
        ),
        (
            "what only the adapter can see",
            "[connections.hive]\napp = \"hive\"\nworkspaces = [\"a\"]\nprimary_workspace = \"b\"\n[connections.hive.rest]\napi_key = { env = \"KEY\" }\n".to_owned(),
            "line 1: connections.hive: `primary_workspace` is `b`, which is not in `workspaces`",
        ),
        (
            "a section of another app",
            "[connections.sandbox]\napp = \"sandbox\"\n[connections.sandbox.rest]\nprivate = true\n".to_owned(),
            "line 3: connections.sandbox.rest: unknown key\n  hint: known here: app, brake, dialect, drift, extensions, freshness, idp, invitations, mode, owner, policy, roles, webhook",
        ),
        (
            "drift of an app that nobody else can change",
            "[connections.sandbox]\napp = \"sandbox\"\n[connections.sandbox.drift]\nevery = \"2h\"\n".to_owned(),
            "line 3: connections.sandbox.drift: sandbox has nothing that could be compared with what was asked for",
        ),
        (
            "a policy for invitations nobody sends",
            "[connections.hotjar]\napp = \"manual\"\n[connections.hotjar.policy]\ninvitations = \"resend\"\n".to_owned(),
            "line 4: connections.hotjar.policy.invitations: manual sends no invitations that could be followed",
        ),
        (
            "a misspelt key that has a default",
            honeycomb(&format!("{key}\nbase_ulr = \"https://api.eu1.honeycomb.io\"")),
            "line 5: connections.honeycomb.rest.base_ulr: unknown key\n  hint: did you mean `base_url`?",
        ),
    ];
    for (claim, text, expected) in table {
        let found = problems(text);
        assert!(matches!(found.as_slice(), [one] if one.starts_with(expected)), "{claim}: {found:#?}");
        assert!(found.iter().all(|problem| problem.contains("\n  hint: ")), "{claim}: {found:#?}");
    }
}

#[test]
fn a_name_is_lower_case_begins_with_a_letter_and_is_not_reserved() {
    let named = |name: &str| problems(&format!("[connections.\"{name}\"]\napp = \"sandbox\"\n"));
    for good in ["a", "hive", "hive-eu-2", &"a".repeat(63)] {
        assert_eq!(named(good), [""; 0], "{good}");
    }
    for bad in ["Hive", "2hive", "-hive", "hive_eu", "hive.eu", "hivé", "a b", "", &"a".repeat(64)] {
        let found = named(bad);
        assert!(
            found.len() == 1 && found[0].contains("cannot be the name of a connection"),
            "{bad}: {found:?}"
        );
    }
    for reserved in ["admin", "console", "healthz", "metrics", "oauth2", "readyz", "scim", "__sim"] {
        let found = named(reserved);
        assert!(found.len() == 1 && found[0].contains("the name is reserved"), "{reserved}: {found:?}");
    }
}

#[test]
fn an_app_is_spoken_to_only_as_it_offers() {
    let modes = ["rest", "scim", "hybrid", "manual"];
    for (app, offered, rest) in [
        ("honeycomb", "rest", "[connections.x.rest]\napi_key = { env = \"KEY\" }"),
        ("manual", "manual", ""),
        ("sandbox", "rest", ""),
        (
            "scim",
            "scim",
            "[connections.x.scim]\nbase_url = \"https://crm.example.com/scim/v2\"\ntoken = { env = \"KEY\" }",
        ),
    ] {
        for mode in modes {
            for dialect in ["guide", "vendor"] {
                let found = problems(&format!(
                    "[connections.x]\napp = \"{app}\"\nmode = \"{mode}\"\ndialect = \"{dialect}\"\n{rest}\n"
                ));
                let (line, key) = if mode == offered { (4, "dialect") } else { (3, "mode") };
                if (mode, dialect) == (offered, "guide") {
                    assert_eq!(found, [""; 0], "{app} {mode} {dialect}");
                } else {
                    let text = format!(
                        "line {line}: connections.x.{key}: found mode = \"{mode}\" and dialect = \"{dialect}\", which {app} does not have\n  hint: write mode = \"{offered}\" and dialect = \"guide\""
                    );
                    assert_eq!(found, [text], "{app} {mode} {dialect}");
                }
            }
        }
    }
}

#[test]
fn each_interface_of_hive_asks_for_its_own_credential() {
    let (rest, scim) = (
        "[connections.x.rest]\napi_key = { env = \"KEY\" }\n",
        "[connections.x.scim]\ntoken = { env = \"KEY\" }\n",
    );
    let found = |mode: &str, blocks: &str| {
        problems(&format!("[connections.x]\napp = \"hive\"\nmode = \"{mode}\"\n{blocks}"))
    };
    for (mode, blocks, missing) in [
        ("rest", rest.to_owned(), scim),
        ("scim", scim.to_owned(), rest),
        ("hybrid", format!("{rest}{scim}"), ""),
    ] {
        assert_eq!(found(mode, &blocks), [""; 0], "{mode}");
        assert!(!found(mode, missing).is_empty(), "{mode}");
    }
    let lacks = found("hybrid", rest);
    assert!(lacks.len() == 1 && lacks[0].contains("scim.token: is missing"), "{lacks:?}");
}

#[test]
fn plain_http_is_served_on_loopback_or_behind_a_proxy() {
    for listen in ["127.0.0.1:8080", "[::1]:8080"] {
        assert_eq!(problems(&beside_a_sandbox(&format!("listen = \"{listen}\""))), [""; 0], "{listen}");
    }
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80"] {
        let bare = format!("listen = \"{listen}\"");
        assert_eq!(problems(&beside_a_sandbox(&bare)).len(), 1, "{listen}");
        assert_eq!(problems(&beside_a_sandbox(&format!("{bare}\nbehind_proxy = true"))), [""; 0], "{listen}");
    }
}

#[test]
fn each_interface_of_tines_asks_for_its_own_token() {
    let rest =
        "[connections.x.rest]\nbase_url = \"https://t.tines.com/api/v1\"\napi_token = { env = \"KEY\" }\n";
    let scim =
        "[connections.x.scim]\nbase_url = \"https://t.tines.com/scim/v2\"\ntoken = { env = \"KEY\" }\n";
    let both = format!("{rest}{scim}");
    let found = |mode: &str, blocks: &str| {
        problems(&format!("[connections.x]\napp = \"tines\"\nmode = \"{mode}\"\n{blocks}"))
    };
    for (mode, right, wrong) in
        [("rest", rest, both.as_str()), ("scim", scim, rest), ("hybrid", both.as_str(), scim)]
    {
        assert_eq!(found(mode, right), [""; 0], "{mode}");
        assert!(!found(mode, wrong).is_empty(), "{mode}");
    }
    let lacks = found("hybrid", rest).join("\n");
    assert!(lacks.contains("scim.token: is missing") && lacks.contains("not a REST API token"), "{lacks}");
}

#[test]
fn a_certificate_is_read_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    for name in ["certificate.pem", "key.pem"] {
        fs::copy(fixtures.join(name), folder.path().join(name)).unwrap();
    }
    let with_key = |key: &str| {
        let text = beside_a_sandbox(&format!(
            "listen = \"0.0.0.0:443\"\n[tls]\ncertificate = \"certificate.pem\"\nkey = \"{key}\""
        ));
        Config::parse(&text, folder.path(), &environment)
    };
    let config = with_key("key.pem").unwrap();
    assert!(config.tls.is_some());
    assert_eq!(config.public_url, "https://0.0.0.0:443");
    let problems = with_key("certificate.pem").unwrap_err();
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(
        texts[0].starts_with("line 3: tls.certificate: the key file holds no private key in PEM form"),
        "{texts:?}"
    );
}

#[test]
fn what_is_absent_has_its_default() {
    let config = parse(&beside_a_sandbox("")).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_url, "http://127.0.0.1:8080");
    assert!(matches!(&config.store, Memory::File(file) if file == Path::new("/nowhere/portcullis.db")));
    assert_eq!(config.data_dir(), Path::new("/nowhere"));
    assert!(!config.behind_proxy && config.tls.is_none());
    let policy = &config.connections[0].policy;
    assert_eq!(
        (policy.idp, policy.readonly, policy.delete),
        (Idp::Generic, ReadOnly::Shadow, DeletePolicy::Deactivate)
    );
    assert_eq!(policy.freshness, Duration::from_secs(30));
}

#[test]
fn what_is_written_is_what_is_used() {
    let config = parse(
        r#"
listen = "127.0.0.1:9"
public_url = "https://scim.example.com/"
[store]
url = "sqlite:///var/lib/portcullis/store.db"
[connections.honeycomb]
app = "honeycomb"
idp = "okta"
freshness = "5m"
[connections.honeycomb.rest]
api_key = { env = "KEY" }
timeout = "3s"
[connections.honeycomb.roles]
default = "admin"
groups = { "Honeycomb Admins" = "admin" }
[connections.honeycomb.policy]
readonly = "reject"
delete = "hard"
adopt_existing = "explicit"
protected = ["Owner@Example.com"]
drift = "correct"
invitations = "resend"
[connections.honeycomb.drift]
every = "off"
most = 9
[connections.honeycomb.invitations]
every = "10m"
lifetime_days = 7
[connections.honeycomb.brake]
deactivations = 20
share = "5%"
window = "2h"
"#,
    )
    .unwrap();
    assert_eq!(config.public_url, "https://scim.example.com");
    assert!(matches!(&config.store, Memory::File(file) if file == Path::new("/var/lib/portcullis/store.db")));
    let connection = &config.connections[0];
    assert_eq!((connection.name.as_str(), connection.adapter.capabilities().app), ("honeycomb", "honeycomb"));
    let policy = &connection.policy;
    assert_eq!(
        (policy.idp, policy.readonly, policy.delete, policy.adopt_existing),
        (Idp::Okta, ReadOnly::Reject, DeletePolicy::Hard, AdoptExisting::Explicit)
    );
    let (drift, invitations) = (&policy.drift, &policy.invitations);
    assert_eq!((drift.correction, drift.every, drift.most), (Correction::Correct, None, 9));
    assert_eq!(
        (invitations.overdue, invitations.every, invitations.lifetime),
        (Overdue::Resend, Some(Duration::from_mins(10)), Duration::from_hours(7 * 24))
    );
    let brake = policy.brake;
    assert_eq!(
        (brake.deactivations, brake.share, brake.window),
        (Some(20), Some(5), Duration::from_hours(2))
    );
    assert_eq!(policy.freshness, Duration::from_mins(5));
    assert_eq!(policy.protected, ["owner@example.com"]);
    assert_eq!(policy.default_role.as_deref(), Some("admin"));
    assert_eq!(policy.role_groups, BTreeMap::from([("honeycomb admins".to_owned(), "admin".to_owned())]));
}

#[test]
fn a_file_that_is_not_there_is_one_problem_without_a_line() {
    let problems = Config::load(Path::new("/nowhere/portcullis.toml"), &environment).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].line, None);
    assert!(problems[0].text.starts_with("`/nowhere/portcullis.toml` cannot be read: "), "{problems:?}");
}

#[test]
fn no_problem_repeats_a_secret() {
    for rest in [
        "api_key = \"hunter2\"",
        "api_key = [\"hunter2\"]",
        "base_url = \"https://a:hunter2@b\"",
        "base_url = \"hunter2@b\"",
    ] {
        let found = problems(&honeycomb(rest)).join("\n");
        assert!(!found.is_empty() && !found.contains("hunter2"), "{found}");
    }
    for url in
        ["\"postgres://a:hunter2@b\"", "\"postgres://a:hunter2@[\"", "\"hunter2\"x", "{ env = \"HUNTER\" }"]
    {
        let found = problems(&beside_a_sandbox(&format!("[store]\nurl = {url}"))).join("\n");
        assert!(!found.is_empty() && !found.contains("hunter2"), "{found}");
    }
}
