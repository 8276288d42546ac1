//! The query of a request: names in any case, values decoded.

use url::form_urlencoded;

/// What the listener puts in the place of a quote that came unescaped.
pub(crate) const QUOTE: u8 = b'`';

/// The parameters of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query; `+` and `%20` are both a space, and quotes may stand for themselves or be a [`QUOTE`].
    pub(crate) fn of(query: Option<&str>) -> Self {
        let query = query.unwrap_or_default().replace(char::from(QUOTE), "\"");
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The first value of the parameter `name`, in any case.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.named(name).next().cloned()
    }

    /// All values of the parameter `name`, in any case, as one list with commas.
    pub(crate) fn all(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.named(name).map(String::as_str).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &String> {
        self.0.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// One path segment, decoded. `None` for a broken escape, for what is not UTF-8, and for control characters.
pub(crate) fn percent_decode(segment: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let (high, low) = (hex_digit(bytes.next()?)?, hex_digit(bytes.next()?)?);
                high * 16 + low
            }
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok().filter(|text| !text.chars().any(char::is_control))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_space_and_a_quote_reads_alike() {
        let filter = Some("userName eq \"dale.mohr@romaguera.uk\"".to_owned());
        for query in [
            "filter=userName%20eq%20%22dale.mohr%40romaguera.uk%22",
            "filter=userName+eq+%22dale.mohr%40romaguera.uk%22",
            "filter=userName+eq+\"dale.mohr%40romaguera.uk\"",
            "filter=userName+eq+`dale.mohr%40romaguera.uk`",
            "aadOptscim062020&FILTER=userName+eq+\"dale.mohr@romaguera.uk\"",
        ] {
            assert_eq!(Parameters::of(Some(query)).get("filter"), filter, "{query}");
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        let parameters = Parameters::of(Some("startindex=3&COUNT=5&count=6&sortby="));
        assert_eq!(parameters.get("startIndex").as_deref(), Some("3"));
        assert_eq!(parameters.get("count").as_deref(), Some("5"));
        assert_eq!(parameters.get("sortBy").as_deref(), Some(""));
        assert_eq!(parameters.get("filter"), None);
        assert_eq!(parameters.all("Count").as_deref(), Some("5,6"));
        assert_eq!(parameters.all("filter"), None);
    }

    #[test]
    fn a_segment_with_control_characters_is_no_segment() {
        assert_eq!(percent_decode("a%0ab"), None);
        assert_eq!(percent_decode("a%00"), None);
        assert_eq!(percent_decode("gr%C3%BCn").as_deref(), Some("grün"));
        assert_eq!(percent_decode("a%4"), None);
    }
}
