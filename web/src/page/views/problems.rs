//! Pictures that could not be used, and why.

use leptos::prelude::*;

use super::format;
use crate::state::State;

/// Lines shown; a list that is longer helps nobody, and the file has them all.
const LINES: usize = 500;

/// The list.
#[component]
pub(super) fn Problems() -> impl IntoView {
    let state = expect_context::<State>();
    let ignored = move || {
        let n = state.ignored.get();
        (n > 0).then(|| view! {
            <p class="muted">{format!("{} no picture by name and {} left out.", if n == 1 { "1 file is".to_owned() } else { format!("{} files are", format::count(n)) }, if n == 1 { "was" } else { "were" })}</p>
        })
    };
    let lines = move || {
        state.failures.with(|all| {
            all.iter().take(LINES).map(|f| view! {
                <tr><th scope="row">{f.file.clone()}</th><td>{f.stage.clone()}</td><td>{f.reason.clone()}</td></tr>
            }).collect_view()
        })
    };
    let more = move || {
        let more = state.failures.with(|f| f.len().saturating_sub(LINES));
        (more > 0).then(
            || view! { <p class="muted">{format!("and {} more, all of them in errors.csv.", format::count(more))}</p> },
        )
    };
    view! {
        <div class="problems" data-testid="problems">
            {ignored}
            <Show when=move || state.failures.with(|f| !f.is_empty()) fallback=|| view! { <p class="muted">"Every picture could be used."</p> }>
                <table>
                    <caption class="unseen">"Pictures that could not be used"</caption>
                    <thead><tr><th scope="col">"File"</th><th scope="col">"While"</th><th scope="col">"Why"</th></tr></thead>
                    <tbody>{lines}</tbody>
                </table>
                {more}
            </Show>
        </div>
    }
}
