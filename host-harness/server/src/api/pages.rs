//! Pages of lists.

use scheduled_exports_host::contract::{Filter, PageQuery, Position, SortKey};

use super::links::Here;

/// Most rows on a page, and how many there are without `page_size`.
const SIZE: u32 = 50;
/// The page that a query asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub number: u32,
    pub size: u32,
    order: SortKey,
    descending: bool,
}

impl Wanted {
    /// None: a page that cannot exist. Of a name given twice, the last counts.
    pub fn read(query: Option<&str>) -> Option<Self> {
        let mut wanted = Self {
            number: 1,
            size: SIZE,
            order: SortKey::Id,
            descending: false,
        };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "page" => wanted.number = digits(&value)?,
                "page_size" => wanted.size = digits(&value).filter(|size| (1..=SIZE).contains(size)).unwrap_or(SIZE),
                "ordering" => wanted.sort(&value),
                _ => {}
            }
        }
        (wanted.number >= 1).then_some(wanted)
    }

    fn sort(&mut self, ordering: &str) {
        let (name, descending) = match ordering.strip_prefix('-') {
            Some(name) => (name, true),
            None => (ordering, false),
        };
        let order = match name {
            "id" => SortKey::Id,
            "export_identifier" => SortKey::ExportIdentifier,
            "schedule_next_run" => SortKey::NextRun,
            _ => return,
        };
        (self.order, self.descending) = (order, descending);
    }

    pub fn query(&self, filter: Filter) -> PageQuery {
        PageQuery {
            filter,
            order: self.order,
            descending: self.descending,
            at: self.position(),
            size: self.size,
        }
    }

    pub fn position(&self) -> Position {
        Position::Number(self.number)
    }

    /// This page's part of a whole list. None: the page does not exist; page 1 always does.
    pub fn part<'a, T>(&self, whole: &'a [T]) -> Option<&'a [T]> {
        let size = self.size as usize;
        let start = (self.number as usize - 1).checked_mul(size)?;
        let rest = if start == 0 {
            whole
        } else {
            whole.get(start..).filter(|rest| !rest.is_empty())?
        };
        Some(&rest[..size.min(rest.len())])
    }

    /// The answer: documents are passed on as they are.
    pub fn body(&self, here: &Here<'_>, total: u64, documents: &[String]) -> Vec<u8> {
        let more = u64::from(self.number) * u64::from(self.size) < total;
        let next = more.then(|| self.number.checked_add(1)).flatten();
        let previous = self.number.checked_sub(1).filter(|number| *number >= 1);
        let length: usize = documents.iter().map(|document| document.len() + 1).sum();
        let mut body = String::with_capacity(length + 512);
        body.push_str("{\"count\":");
        body.push_str(&total.to_string());
        for (name, number) in [(",\"next\":", next), (",\"previous\":", previous)] {
            body.push_str(name);
            match number {
                Some(number) => body.push_str(&serde_json::Value::String(here.page(number)).to_string()),
                None => body.push_str("null"),
            }
        }
        body.push_str(",\"results\":[");
        for (place, document) in documents.iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            body.push_str(document);
        }
        body.push_str("]}");
        body.into_bytes()
    }
}

fn digits(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::HOST;
    use axum::http::{HeaderMap, HeaderValue};

    fn wanted(query: &str) -> Option<Wanted> {
        Wanted::read(Some(query))
    }

    fn first(size: u32, order: SortKey, descending: bool) -> Option<Wanted> {
        Some(Wanted {
            number: 1,
            size,
            order,
            descending,
        })
    }

    #[test]
    fn a_page_that_cannot_exist_is_none() {
        assert_eq!(Wanted::read(None), first(50, SortKey::Id, false));
        assert_eq!(wanted("page=1"), first(50, SortKey::Id, false));
        assert_eq!(wanted("page=4294967295").map(|wanted| wanted.number), Some(u32::MAX));
        for page in [
            "0",
            "-1",
            "+1",
            "%2B1",
            "",
            "last",
            "1.5",
            "1%00",
            "%FF",
            "4294967296",
            "٣",
            "1 ",
        ] {
            assert_eq!(wanted(&format!("page={page}")), None, "{page}");
        }
        assert_eq!(wanted("page=2&page=3").map(|wanted| wanted.number), Some(3));
    }

    #[test]
    fn a_bad_page_size_is_ignored_and_50_is_the_most() {
        for (size, used) in [
            ("1", 1),
            ("50", 50),
            ("51", 50),
            ("0", 50),
            ("-1", 50),
            ("x", 50),
            ("", 50),
            ("4294967296", 50),
        ] {
            assert_eq!(
                wanted(&format!("page_size={size}")),
                first(used, SortKey::Id, false),
                "{size}"
            );
        }
    }

    #[test]
    fn an_unknown_ordering_is_ignored() {
        for (ordering, order, descending) in [
            ("id", SortKey::Id, false),
            ("-id", SortKey::Id, true),
            ("export_identifier", SortKey::ExportIdentifier, false),
            ("-export_identifier", SortKey::ExportIdentifier, true),
            ("schedule_next_run", SortKey::NextRun, false),
            ("-schedule_next_run", SortKey::NextRun, true),
            ("--id", SortKey::Id, false),
            ("owner", SortKey::Id, false),
            ("-", SortKey::Id, false),
            ("", SortKey::Id, false),
        ] {
            assert_eq!(
                wanted(&format!("ordering={ordering}")),
                first(50, order, descending),
                "{ordering}"
            );
        }
    }

    #[test]
    fn links_keep_the_rest_of_the_query_and_say_where_the_client_is() {
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("tickets.example:8080"))]);
        let here = Here {
            base: None,
            target: None,
            headers: &headers,
            path: "/api/",
            query: Some("ordering=-id&page=2&page_size=1&q=a%26b+%22\""),
        };
        let body = wanted("page=2&page_size=1")
            .expect("a page")
            .body(&here, 3, &["{}".into()]);
        let rest = "http://tickets.example:8080/api/?ordering=-id&page_size=1&q=a%26b+%22%22&page=";
        let expected = format!(r#"{{"count":3,"next":"{rest}3","previous":"{rest}1","results":[{{}}]}}"#);
        assert_eq!(String::from_utf8(body).expect("JSON"), expected);
    }

    #[test]
    fn the_first_and_the_last_page_lead_nowhere_further() {
        let headers = HeaderMap::new();
        let here = Here {
            base: None,
            target: None,
            headers: &headers,
            path: "/api/",
            query: None,
        };
        let body = |query, total, documents: &[String]| {
            String::from_utf8(wanted(query).expect("a page").body(&here, total, documents)).expect("JSON")
        };
        assert_eq!(
            body("", 0, &[]),
            r#"{"count":0,"next":null,"previous":null,"results":[]}"#
        );
        let two = ["1".to_owned(), "2".to_owned()];
        assert_eq!(
            body("page_size=2", 2, &two),
            r#"{"count":2,"next":null,"previous":null,"results":[1,2]}"#
        );
        assert!(body("page_size=2", 3, &two).contains(r#""next":"/api/?page=2""#));
        assert!(body("page_size=2&page=4294967295", u64::MAX, &two).contains(r#""next":null"#));
    }

    #[test]
    fn a_list_known_whole_is_cut_into_pages() {
        let part = |query| wanted(query).expect("a page").part(&[1, 2, 3]).map(<[i32]>::to_vec);
        assert_eq!(part(""), Some(vec![1, 2, 3]));
        assert_eq!(part("page_size=2"), Some(vec![1, 2]));
        assert_eq!(part("page_size=2&page=2"), Some(vec![3]));
        assert_eq!(part("page_size=3&page=2"), None);
        assert_eq!(part("page=4294967295"), None);
        assert_eq!(wanted("").expect("a page").part::<i32>(&[]), Some([].as_slice()));
    }
}
