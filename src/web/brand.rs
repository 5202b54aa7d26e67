//! The shop's look: its logo or icon beside the name, and its accent as a stylesheet of one line.

use crate::domain::Accent;
use crate::domain::catalog::Shop;
use crate::usecases::App;
use crate::web::assets;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use leptos::prelude::*;

const PATH: &str = "/pkg/brand.css";

/// The stylesheet's route; 404 where the shop has no accent.
pub fn routes() -> Router<App> {
    let serve = |State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap| async move {
        let Some(accent) = app.catalog.shop.accent else { return StatusCode::NOT_FOUND.into_response() };
        let css = stylesheet(accent).into_bytes();
        let version = assets::version_of(&css);
        assets::answer(css.into(), &version, "text/css", query.as_deref(), &headers)
    };
    Router::new().route(PATH, get(serve))
}

/// The stylesheet's address, with its version.
#[must_use]
pub fn address(shop: &Shop) -> Option<String> {
    let css = stylesheet(shop.accent?);
    Some(format!("{PATH}?v={}", assets::version_of(css.as_bytes())))
}

fn stylesheet(Accent { light, dark }: Accent) -> String {
    format!(
        ":root{{--color-accent:light-dark({},{});--color-accent-ink:light-dark({},{});--color-tint:light-dark({},{})}}\n",
        light.accent, dark.accent, light.ink, dark.ink, light.tint, dark.tint
    )
}

/// The shop's logo, or its icon and name.
#[component]
pub fn ShopMark(shop: Shop) -> impl IntoView {
    if let Some(logo) = shop.logo_url {
        return view! { <img class="logo" src=logo alt=shop.name width="128" height="28" /> }.into_any();
    }
    let icon = shop.icon_url.map(|icon| view! { <img src=icon alt="" width="20" height="20" /> });
    view! {
        {icon}
        <span class="truncate">{shop.name}</span>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::accent::{DARK, LIGHT, Theme};
    use crate::domain::color::Color;

    const MAIN: &str = include_str!("../../style/main.css");

    fn token(name: &str) -> [Color; 2] {
        let pair = MAIN.split_once(&format!("--color-{name}: light-dark(")).expect(name).1;
        let pair = pair.split_once(')').expect("an end").0;
        let color = |text: &str| match text.trim() {
            "#fff" => Color::WHITE,
            text => Color::parse(text).expect(text),
        };
        let (light, dark) = pair.split_once(',').expect("a pair");
        [color(light), color(dark)]
    }

    #[test]
    fn the_accent_is_made_for_the_grounds_of_the_stylesheet() {
        let named = |theme: &Theme, at: usize| {
            for (name, ground) in theme.grounds {
                assert_eq!(token(name)[at], ground, "{name}");
            }
        };
        named(&LIGHT, 0);
        named(&DARK, 1);
        let Accent { light, dark } = Accent::DEFAULT;
        assert_eq!(token("accent"), [light.accent, dark.accent]);
        assert_eq!(token("accent-ink"), [light.ink, dark.ink]);
        assert_eq!(token("tint"), [light.tint, dark.tint]);
    }

    #[test]
    fn a_stylesheet_holds_both_themes() {
        let accent = Accent::from_color(Color::rgb(0x0f, 0x76, 0x6e));
        let css = stylesheet(accent);
        assert!(css.starts_with(":root{--color-accent:light-dark(#0f766e,"), "{css}");
        assert!(!css.contains(&accent.light.accent.to_string().repeat(2)) && css.matches("light-dark(").count() == 3);
    }
}
