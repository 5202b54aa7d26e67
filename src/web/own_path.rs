//! Paths that forms and links bring back.

/// A path of this site; anything that a browser could read as another site is Billing instead.
#[must_use]
pub fn own_path(path: &str) -> String {
    let own =
        path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if own { path.to_owned() } else { "/billing".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn a_way_back_never_leaves_the_site() {
        let check = |path: &str, want: &str| assert_eq!(own_path(path), want, "{path:?}");
        check("/billing?top_ups=all", "/billing?top_ups=all");
        check("//evil.example", "/billing");
        check("/\\evil.example", "/billing");
        check("https://evil.example", "/billing");
        check("/a\r\nset-cookie: x", "/billing");
        check("", "/billing");
    }
}
