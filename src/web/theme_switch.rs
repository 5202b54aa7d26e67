//! The theme's form, in the footer of each page. It sets a cookie, so that it works without script.

use crate::web::cookies::Cookie;
use crate::web::own_path::own_path;
use crate::web::request_context::RequestContext;
use crate::web::theme::Theme;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

const YEAR_SECONDS: i64 = 365 * 24 * 60 * 60;

/// The form's place on the page, where the browser returns to.
const PLACE: &str = "theme";

/// The form comes back to `here`, at the switch.
#[component]
pub fn ThemeSwitch(theme: Theme, here: String) -> impl IntoView {
    let chosen = theme;
    let switch = |theme: Theme| {
        let pressed = (theme == chosen).to_string();
        view! {
            <button class="link" name="theme" value=theme.name() aria-pressed=pressed>
                {theme.label()}
            </button>
        }
    };
    view! {
        <form id=PLACE method="post" action=SetTheme::PATH>
            <input type="hidden" name="back" value=here />
            <div class="switch" role="group" aria-label="Theme">
                {Theme::ALL.map(switch).collect_view()}
            </div>
        </form>
    }
}

/// Sets the theme and redirects to the switch on the page `back`, a path of this site.
#[server(name = SetTheme, prefix = "/_fn", endpoint = "theme")]
pub async fn set_theme(theme: Theme, back: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    match theme {
        Theme::Auto => request.clear_cookie(Cookie::Theme),
        Theme::Light | Theme::Dark => request.set_cookie(Cookie::Theme, theme.name(), YEAR_SECONDS),
    }
    let back = own_path(&back);
    let page = back.split('#').next().unwrap_or_default();
    request.redirect(&format!("{page}#{PLACE}"));
    Ok(())
}
