//! What an earlier release wrote is found by what this one looks for.

use sqlx::query;

use super::*;

/// A file as a release with the first `migrations` migrations left it, with people of these standings and accounts.
async fn written_before(path: &Path, migrations: i64, people: &[(&str, &str, Option<&str>)]) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    connection.execute("PRAGMA application_id = 0x50434C53").await.unwrap();
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    let earlier = migrator.iter().filter(|migration| migration.version <= migrations).cloned().collect();
    migrator.migrations = std::borrow::Cow::Owned(earlier);
    migrator.run(&mut connection).await.unwrap();
    for (id, standing, observed) in people {
        query(
            "INSERT INTO records (connection, kind, id, lifecycle, name_key, label, email_keys, generation, version,
                                  created_at, modified_at, desired, observed, standing)
             VALUES ('hive', 'user', ?1, 'live', ?1, ?1, '[]', 1, 1, 1, 1, '{}', ?2, ?3)",
        )
        .bind(*id)
        .bind(*observed)
        .bind(*standing)
        .execute(&mut connection)
        .await
        .unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn people_of_a_release_before_the_filters_are_found() {
    let (_directory, path) = place();
    let people = [
        ("u1", r#"{"active":true}"#, Some(r#"{"display_name":" Anna Berg "}"#)),
        ("u2", r#"{"active":false}"#, Some(r#"{"display_name":"Åsa"}"#)),
        ("u3", "{}", Some(r#"{"display_name":null}"#)),
        ("u4", "not JSON", Some("not JSON")),
        ("u5", r#"{"active":true}"#, None),
    ];
    written_before(&path, 3, &people).await;
    let store = open(&path).await.unwrap();
    let found = async |key: Key| store.ids("hive", Kind::User, &key).await.unwrap();
    assert_eq!(found(Key::Active(true)).await, ["u1", "u5"]);
    assert_eq!(found(Key::Active(false)).await, ["u2", "u3", "u4"]);
    assert_eq!(found(Key::Display("anna berg".to_owned())).await, ["u1", "u2"]);
    assert_eq!(found(Key::DisplayPrefix("b".to_owned())).await, ["u2"]);

    let asa = store.record("hive", Kind::User, "u2").await.unwrap().unwrap();
    let written = Record { told_key: Some("åsa".to_owned()), version: 2, ..asa };
    store.commit(vec![Write::Record { record: Box::new(written), expected: Some(1) }]).await.unwrap();
    assert_eq!(found(Key::DisplayPrefix("b".to_owned())).await, Vec::<String>::new());
    assert_eq!(found(Key::Display("åsa".to_owned())).await, ["u2"]);
    store.close().await;
}
