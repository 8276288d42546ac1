//! What an index can do for a filter: keys that every match is under, as far as the filter says.

use jiff::Timestamp as Instant;
use scim_v2::ScimDateTime;

use super::Filter;
use super::node::{Node, Operand, Target, Test};
use crate::base::clock::Timestamp;

/// A key to search by. Texts are as the caller wrote them, prefixes folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    Id(String),
    UserName(String),
    ExternalId(String),
    /// The `value` of one of `emails`, of whatever type.
    Email(String),
    DisplayName(String),
    /// The `value` of one of a group's `members`.
    MemberValue(String),
    /// The `value` of one of a person's `groups`.
    GroupValue(String),
    /// What the folded `userName` begins with.
    UserNamePrefix(String),
    DisplayNamePrefix(String),
    /// `meta.lastModified` lies between these moments, both included; rounded outwards to whole microseconds.
    LastModified {
        from: Timestamp,
        to: Timestamp,
    },
    Active(bool),
}

/// Nothing is before this moment, or after the other.
const EVER: (Timestamp, Timestamp) = (Timestamp(i64::MIN), Timestamp(i64::MAX));

impl Filter {
    /// Keys of which every match of the filter is under one or more; none where nothing can match. `None` where the
    /// filter does not tell.
    ///
    /// Of terms joined by `and` the most selective is taken, of those joined by `or` all. The keys narrow a search and
    /// no more: what is found under them still has to pass [`Filter::matches`].
    #[must_use]
    pub fn lookups(&self) -> Option<Vec<Lookup>> {
        lookups(&self.root, None)
    }
}

/// The keys of a node; `elements_of` names the attribute inside whose value path it stands.
fn lookups(node: &Node, elements_of: Option<&str>) -> Option<Vec<Lookup>> {
    match node {
        Node::And(nodes) => {
            let mut found: Vec<Vec<Lookup>> =
                nodes.iter().filter_map(|node| lookups(node, elements_of)).collect();
            if let Some(period) = period(&found) {
                found.insert(0, vec![period]);
            }
            found.into_iter().min_by_key(|lookups| cost(lookups))
        }
        Node::Or(nodes) => {
            let mut all = Vec::new();
            for node in nodes {
                for lookup in lookups(node, elements_of)? {
                    if !all.contains(&lookup) {
                        all.push(lookup);
                    }
                }
            }
            Some(all)
        }
        Node::Test(target, test) => lookup(target, test, elements_of).map(|lookup| vec![lookup]),
        Node::Element(target, inner) if target.extension.is_none() => {
            lookups(inner, Some(target.attribute.as_deref()?))
        }
        Node::Never => Some(Vec::new()),
        Node::Element(..) | Node::Not(_) => None,
    }
}

/// What several bounds on `meta.lastModified` leave between them.
fn period(conjuncts: &[Vec<Lookup>]) -> Option<Lookup> {
    let bounds = conjuncts.iter().filter_map(|lookups| match lookups.as_slice() {
        [Lookup::LastModified { from, to }] => Some((*from, *to)),
        _ => None,
    });
    let (from, to) = bounds.reduce(|(from, to), (later, sooner)| (from.max(later), to.min(sooner)))?;
    Some(Lookup::LastModified { from, to })
}

/// The worst of the keys first, then how many there are.
fn cost(lookups: &[Lookup]) -> (u8, usize) {
    (lookups.iter().map(Lookup::rank).max().unwrap_or(0), lookups.len())
}

impl Lookup {
    /// How many resources may be under such a key, in ascending order.
    fn rank(&self) -> u8 {
        match self {
            Self::Id(_) => 1,
            Self::UserName(_) => 2,
            Self::ExternalId(_) => 3,
            Self::Email(_) => 4,
            Self::DisplayName(_) => 5,
            Self::MemberValue(_) => 6,
            Self::UserNamePrefix(_) => 7,
            Self::DisplayNamePrefix(_) => 8,
            Self::GroupValue(_) => 9,
            // The narrower of two periods is the one that has both its ends.
            Self::LastModified { from, to } => 10 + u8::from(*from == EVER.0) + u8::from(*to == EVER.1),
            Self::Active(_) => 13,
        }
    }
}

fn lookup(target: &Target, how: &Test, elements_of: Option<&str>) -> Option<Lookup> {
    if target.extension.is_some() {
        return None;
    }
    let (attribute, sub) = match elements_of {
        Some(attribute) => (attribute, target.attribute.as_deref()),
        None => (target.attribute.as_deref()?, target.sub.as_deref()),
    };
    match (attribute, sub, how) {
        ("id", None, Test::Equal(Operand::Exact(text))) => Some(Lookup::Id(text.clone())),
        ("externalId", None, Test::Equal(Operand::Exact(text))) => Some(Lookup::ExternalId(text.clone())),
        ("members", Some("value"), Test::Equal(Operand::Exact(text))) => {
            Some(Lookup::MemberValue(text.clone()))
        }
        ("groups", Some("value"), Test::Equal(Operand::Exact(text))) => {
            Some(Lookup::GroupValue(text.clone()))
        }
        ("userName", None, Test::Equal(Operand::Folded { text, .. })) => Some(Lookup::UserName(text.clone())),
        ("emails", Some("value"), Test::Equal(Operand::Folded { text, .. })) => {
            Some(Lookup::Email(text.clone()))
        }
        ("displayName", None, Test::Equal(Operand::Folded { text, .. })) => {
            Some(Lookup::DisplayName(text.clone()))
        }
        ("userName", None, Test::StartsWith(Operand::Folded { folded, .. })) => {
            prefix(folded).map(Lookup::UserNamePrefix)
        }
        ("displayName", None, Test::StartsWith(Operand::Folded { folded, .. })) => {
            prefix(folded).map(Lookup::DisplayNamePrefix)
        }
        ("active", None, Test::Equal(Operand::Boolean(active))) => Some(Lookup::Active(*active)),
        ("meta", Some("lastModified"), how) => last_modified(how),
        _ => None,
    }
}

/// What a name's key begins with where the name begins with `folded`. Keys are trimmed: a name may stand behind white
/// space, and where white space is asked for at the end, the key may end before it.
fn prefix(folded: &str) -> Option<String> {
    let begins_with_text = folded.chars().next().is_some_and(|first| !first.is_whitespace());
    begins_with_text.then(|| folded.trim_end().to_owned())
}

fn last_modified(test: &Test) -> Option<Lookup> {
    let (from, to) = match test {
        Test::Equal(Operand::Instant(instant)) => around(instant)?,
        Test::Greater(Operand::Instant(instant)) | Test::GreaterOrEqual(Operand::Instant(instant)) => {
            (around(instant)?.0, EVER.1)
        }
        Test::Less(Operand::Instant(instant)) | Test::LessOrEqual(Operand::Instant(instant)) => {
            (EVER.0, around(instant)?.1)
        }
        _ => return None,
    };
    Some(Lookup::LastModified { from, to })
}

/// The whole microseconds before and after a moment; `None` for one that is none without a time zone, or lies too far.
fn around(instant: &ScimDateTime) -> Option<(Timestamp, Timestamp)> {
    let instant: Instant = instant.as_str().parse().ok()?;
    let before = instant.as_microsecond().saturating_sub(1);
    Some((Timestamp(before), Timestamp(before.saturating_add(2))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::catalog::Catalog;

    fn found(filter: &str) -> Option<Vec<Lookup>> {
        Filter::parse(filter, &Catalog::standard().user).unwrap().lookups()
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn moment(micros: i64) -> Timestamp {
        Timestamp(1_769_846_400_000_000 + micros)
    }

    #[test]
    fn one_term_is_one_key() {
        let cases = [
            (r#"userName eq "A@x""#, Lookup::UserName(text("A@x"))),
            (r#"externalId eq "42""#, Lookup::ExternalId(text("42"))),
            (r#"emails eq "a@x""#, Lookup::Email(text("a@x"))),
            (r#"emails.value eq "a@x""#, Lookup::Email(text("a@x"))),
            (r#"emails[type eq "work"].value eq "a@x""#, Lookup::Email(text("a@x"))),
            (r#"displayName eq "a""#, Lookup::DisplayName(text("a"))),
            (r#"groups.value eq "g1""#, Lookup::GroupValue(text("g1"))),
            (r#"groups[value eq "g1"]"#, Lookup::GroupValue(text("g1"))),
            (r#"userName sw "Ann ""#, Lookup::UserNamePrefix(text("ann"))),
            (r#"displayName sw "STRA""#, Lookup::DisplayNamePrefix(text("stra"))),
            ("active eq false", Lookup::Active(false)),
        ];
        for (filter, expected) in cases {
            assert_eq!(found(filter), Some(vec![expected]), "{filter}");
        }
        for filter in [r#"members.value eq "u1""#, r#"members eq "u1""#, r#"members[value eq "u1"]"#] {
            let filter = Filter::parse(filter, &Catalog::standard().group).unwrap();
            assert_eq!(filter.lookups(), Some(vec![Lookup::MemberValue(text("u1"))]));
        }
    }

    #[test]
    fn of_several_conditions_the_most_selective_counts() {
        let cases = [
            (r#"id eq "1" and manager eq "2""#, Lookup::Id(text("1"))),
            (r#"displayName eq "a" and (userName eq "b")"#, Lookup::UserName(text("b"))),
            ("title pr and active eq true", Lookup::Active(true)),
            (r#"active eq true and userName sw "a""#, Lookup::UserNamePrefix(text("a"))),
        ];
        for (filter, expected) in cases {
            assert_eq!(found(filter), Some(vec![expected]), "{filter}");
        }
        let unions = r#"active eq true and (userName eq "a" or id eq "1")"#;
        assert_eq!(found(unions), Some(vec![Lookup::UserName(text("a")), Lookup::Id(text("1"))]));
    }

    #[test]
    fn of_several_possibilities_all_count() {
        let filter = r#"userName eq "a" or emails[value eq "b" or value eq "c"] or userName eq "a""#;
        let expected = [Lookup::UserName(text("a")), Lookup::Email(text("b")), Lookup::Email(text("c"))];
        assert_eq!(found(filter), Some(expected.to_vec()));
        assert_eq!(found(r#"userName eq "a" or title pr"#), None);
        assert_eq!(found("active eq true or active eq false").map(|keys| keys.len()), Some(2));
    }

    #[test]
    fn a_change_has_bounds_that_close_in_on_each_other() {
        let key = |from, to| Some(vec![Lookup::LastModified { from, to }]);
        let at = "\"2026-01-31T08:00:00Z\"";
        assert_eq!(found(&format!("meta.lastModified eq {at}")), key(moment(-1), moment(1)));
        for operator in ["gt", "ge"] {
            assert_eq!(found(&format!("meta.lastModified {operator} {at}")), key(moment(-1), EVER.1));
        }
        for operator in ["lt", "le"] {
            assert_eq!(found(&format!("meta.lastModified {operator} {at}")), key(EVER.0, moment(1)));
        }
        let both =
            format!(r#"meta.lastModified ge {at} and meta.lastModified lt "2026-01-31T09:00:01.5+01:00""#);
        assert_eq!(found(&both), key(moment(-1), moment(1_500_001)));
    }

    #[test]
    fn what_no_index_can_tell_has_no_key() {
        for filter in [
            "title pr",
            r#"not (userName eq "a")"#,
            r#"userName sw """#,
            r#"userName sw " a""#,
            r#"userName co "a""#,
            r#"emails[type eq "work" or value eq "a@x"]"#,
            "userName eq null",
            r#"meta.lastModified gt "2026-01-31T08:00:00""#,
            r#"meta.lastModified sw "2026""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "1""#,
        ] {
            assert_eq!(found(filter), None, "{filter}");
        }
    }

    #[test]
    fn what_nothing_can_match_has_no_key_to_look_under() {
        assert_eq!(found("shoeSize eq 5"), Some(vec![]));
        assert_eq!(found("title pr and shoeSize pr"), Some(vec![]));
        assert_eq!(found(r#"id eq "1" or shoeSize pr"#), Some(vec![Lookup::Id(text("1"))]));
    }
}
