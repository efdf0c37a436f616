//! One page of a list that is sorted by key.

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, by key.
    pub items: Vec<T>,
    /// Where the next page begins (`after`); `None` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The first `limit` of `items` whose key is above `after`.
    pub(super) fn cut(
        items: impl Iterator<Item = T>,
        key: impl Fn(&T) -> &str,
        after: Option<&str>,
        limit: usize,
    ) -> Self {
        let mut items: Vec<T> = items
            .filter(|item| after.is_none_or(|after| key(item) > after))
            .collect();
        items.sort_by(|a, b| key(a).cmp(key(b)));
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|item| key(item).into());
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_everything_once() {
        let all = ["d", "a", "c", "b", "e"];
        let mut seen = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = Page::cut(all.iter(), |item| item, after.as_deref(), 2);
            assert!(page.items.len() <= 2);
            seen.extend(page.items.into_iter().copied());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
        assert_eq!(Page::cut(all.iter(), |item| item, None, 5).next, None);
    }
}
