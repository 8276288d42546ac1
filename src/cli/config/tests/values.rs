//! What is written, and what becomes of it.

use super::*;

#[test]
fn a_database_of_several_replicas_is_kept_with_its_settings_and_without_its_password() {
    let config = parse(&beside_a_sandbox(
        "[store]\nurl = { env = \"DATABASE\" }\nconnections = 20\nconnect_timeout = \"2s\"\nstatement_timeout = \"3s\"\nfolder = \"own\"",
    ))
    .unwrap();
    let Memory::Shared { settings, .. } = &config.store else { panic!("{:?}", config.store) };
    assert_eq!(
        settings.url.expose_secret(),
        "postgres://portcullis:hunter2@db.internal/portcullis?sslmode=verify-full"
    );
    assert_eq!(settings.connections, 20);
    assert_eq!(
        (settings.connect_timeout, settings.statement_timeout),
        (Duration::from_secs(2), Duration::from_secs(3))
    );
    assert_eq!(config.data_dir(), Path::new("/nowhere/own"));
    assert!(!format!("{config:?}").contains("hunter2"));
    for here in ["localhost", "127.0.0.1:5433", "[::1]", "%2Fvar%2Frun%2Fpostgresql", ""] {
        let url = format!("[store]\nurl = \"postgres://{here}/portcullis\"");
        assert!(parse(&beside_a_sandbox(&url)).is_ok(), "{here}: {:?}", problems(&beside_a_sandbox(&url)));
    }
}

#[test]
fn those_who_are_asked_told_and_let_in_are_the_ones_who_are_named() {
    let config = parse(
        "[metrics]\ntoken = { env = \"WATCH\" }\n[connections.hotjar]\napp = \"manual\"\nowner = \" the IT team \"\n\
         [connections.hotjar.policy]\nresidual_owner = \"Kim\"\nresidual_link = \"https://wiki.example/keys\"\n\
         [connections.hotjar.webhook]\nurl = \"https://hooks.example.com/x?room=7\"\nsecret = { env = \"HOOK\" }\nperson = false\n",
    )
    .unwrap();
    let token = Token::parse("a-token-of-those-who-watch").unwrap();
    assert!(config.metrics_token.unwrap().matches(&token.hash()));
    let connection = &config.connections[0];
    let Policy { owner, residual_owner, residual_link, .. } = &connection.policy;
    assert_eq!(
        [owner.as_deref(), residual_owner.as_deref(), residual_link.as_deref()],
        [Some("the IT team"), Some("Kim"), Some("https://wiki.example/keys")]
    );
    assert!(!connection.receiver.as_ref().unwrap().tells_person());
    assert!(!format!("{:?}", connection.receiver).contains("room=7"), "an address may hold a key");
    let plain = parse(&hotjar("")).unwrap();
    assert!(plain.metrics_token.is_none() && plain.connections[0].receiver.is_none());
}

#[test]
fn the_anchor_is_where_it_is_said_to_be_or_with_what_the_gateway_keeps_for_itself() {
    let anchor = |store: &str| parse(&beside_a_sandbox(store)).unwrap().anchor;
    let elsewhere =
        "[store]\nurl = \"sqlite://data/portcullis.db\"\nanchor = \"/srv/anchor/portcullis.anchor\"";
    assert_eq!(anchor(elsewhere), Path::new("/srv/anchor/portcullis.anchor"));
    let beside = "[store]\nurl = \"sqlite://data/portcullis.db\"\nanchor = \"kept/a\"";
    assert_eq!(anchor(beside), Path::new("/nowhere/kept/a"), "relative to the configuration");
    assert_eq!(
        anchor("[store]\nurl = \"sqlite://data/portcullis.db\""),
        Path::new("/nowhere/data/portcullis.anchor")
    );
    let shared = "[store]\nurl = \"postgres://localhost/portcullis\"\nfolder = \"own\"";
    assert_eq!(anchor(shared), Path::new("/nowhere/own/portcullis.anchor"));
    assert_eq!(anchor(""), Path::new("/nowhere/portcullis.anchor"));
    for (wrong, found) in
        [("7", "integer"), ("\"\"", "no file name"), ("\"data/p.db\"", "the database itself")]
    {
        let text = format!("[store]\nurl = \"sqlite://data/p.db\"\nanchor = {wrong}");
        let problems = problems(&beside_a_sandbox(&text));
        assert!(problems.len() == 1 && problems[0].contains("store.anchor: found "), "{problems:?}");
        assert!(problems[0].contains(found), "{problems:?}");
    }
}

#[test]
fn leaving_without_a_journal_can_be_switched_off() {
    let without = |lines: &str| parse(lines).unwrap().connections[0].policy.deactivate_without_journal;
    assert!(without(&beside_a_sandbox("")));
    let policy = "[connections.hotjar.policy]\ndeactivate_without_journal = ";
    assert!(without(&hotjar(&format!("{policy}true"))));
    assert!(!without(&hotjar(&format!("{policy}false"))));
}
