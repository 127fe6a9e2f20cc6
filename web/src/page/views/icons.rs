//! The page's own icons: strokes on a field of 16 x 16.

use leptos::prelude::*;

/// What an icon stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glyph {
    Album,
    Check,
    Chip,
    Chevron,
    Close,
    Columns,
    Dice,
    Download,
    Fit,
    Flask,
    Folder,
    Lasso,
    Lock,
    Map,
    Minus,
    Moon,
    Near,
    Next,
    Pause,
    Picture,
    Pictures,
    Play,
    Plus,
    Previous,
    Search,
    Shapes,
    Spark,
    Sun,
}

impl Glyph {
    fn path(self) -> &'static str {
        match self {
            Self::Album => "M3.5 2.5h8a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-8zM3.5 2.5v11M6 5.5h4M6 8h4",
            Self::Check => "M3.5 8.5l3 3 6-7",
            Self::Chip => {
                "M4.5 4.500h7v7h-7zM6.500 2v2.500M9.500 2v2.500M6.500 11.500V14M9.500 11.500V14M2 6.500h2.500M2 9.500h2.500M11.500 6.500H14M11.500 9.500H14"
            }
            Self::Chevron => "M4.5 6.5L8 10l3.5-3.5",
            Self::Close => "M4 4l8 8M12 4l-8 8",
            Self::Columns => "M2.5 3.5h11v9h-11zM8 3.5v9",
            Self::Dice => {
                "M3.5 2.5h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1zM5.5 5.5h.01M10.5 5.5h.01M8 8h.01M5.5 10.5h.01M10.5 10.5h.01"
            }
            Self::Download => "M8 2.5v7.5M5 7.2L8 10.2l3-3M3 13.2h10",
            Self::Fit => "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
            Self::Flask => "M6.5 2.5v4L3 12.3a.8.8 0 0 0 .7 1.2h8.6a.8.8 0 0 0 .7-1.2L9.5 6.5v-4M5.5 2.5h5M4.8 9.8h6.4",
            Self::Folder => {
                "M2 12V4.2a.7.7 0 0 1 .7-.7h3.1l1.6 1.8h5.9a.7.7 0 0 1 .7.7v6a.7.7 0 0 1-.7.7H2.7A.7.7 0 0 1 2 12z"
            }
            Self::Lasso => {
                "M8 3c3.3 0 6 1.7 6 3.8s-2.7 3.7-6 3.7c-.9 0-1.8-.1-2.6-.4M4.1 9.4C2.8 8.7 2 7.8 2 6.8 2 4.7 4.7 3 8 3M5.6 10.200a1.3 1.3 0 1 1-2.6 0 1.3 1.3 0 0 1 2.6 0zM3.9 11.400c.2 1-.2 1.8-1 2.3"
            }
            Self::Lock => "M4.5 7.500V5.500a3.5 3.5 0 0 1 7 0v2M3.5 7.500h9v6h-9z",
            Self::Map => "M2 4l4-1.5 4 1.5 4-1.500v9.500L10 13.5 6 12l-4 1.500zM6 2.500V12M10 4v9.5",
            Self::Minus => "M3.5 8h9",
            Self::Moon => "M13 9.600A5.5 5.5 0 0 1 6.4 3 5.5 5.5 0 1 0 13 9.600z",
            Self::Near => "M6 2.5V6H2.500M10 2.500V6h3.500M13.5 10H10v3.500M6 13.500V10H2.500",
            Self::Next => "M5 3.500l5.5 4.500L5 12.500zM12 3.500v9",
            Self::Pause => "M5.5 3.500v9M10.5 3.500v9",
            Self::Picture => "M2.5 3.500h11v9h-11zM2.5 10.500l3-3 3 3 2-2 3 2.500M10.5 6.200h.01",
            Self::Pictures => {
                "M2.5 2.500h4.500V7H2.500zM9 2.500h4.500V7H9zM2.5 9h4.500v4.500H2.500zM9 9h4.500v4.500H9z"
            }
            Self::Play => "M5 3.500l7 4.5-7 4.500z",
            Self::Plus => "M8 3.500v9M3.5 8h9",
            Self::Previous => "M11 3.500L5.5 8l5.5 4.500zM4 3.500v9",
            Self::Search => "M11.2 7.100a4.1 4.1 0 1 1-8.2 0 4.1 4.1 0 0 1 8.2 0zM10.2 10.200l3.3 3.3",
            Self::Shapes => {
                "M5 7.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9.5 9h4v4.500h-4zM11.5 2.500l2.3 4H9.200zM2.5 11.200h5M5 8.700v5"
            }
            Self::Spark => "M8 2l1.4 4.600L14 8l-4.6 1.400L8 14l-1.4-4.600L2 8l4.6-1.400z",
            Self::Sun => {
                "M10.8 8a2.8 2.8 0 1 1-5.6 0 2.8 2.8 0 0 1 5.6 0zM8 1.500v1.500M8 13v1.500M1.5 8H3M13 8h1.500M3.4 3.400l1.1 1.100M11.5 11.500l1.1 1.100M3.4 12.600l1.1-1.100M11.5 4.500l1.1-1.1"
            }
        }
    }
}

/// An icon as large as the text beside it; it has no words of its own.
#[component]
pub(super) fn Icon(glyph: Glyph) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d=glyph.path()></path>
        </svg>
    }
}

/// The mark: three groups of points.
#[component]
pub(super) fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <g class="mark-a">
                <circle cx="7" cy="7" r="2.6"></circle>
                <circle cx="11.8" cy="5.2" r="1.5"></circle>
                <circle cx="4.8" cy="11.6" r="1.5"></circle>
            </g>
            <g class="mark-b">
                <circle cx="17.6" cy="11" r="2.6"></circle>
                <circle cx="20.6" cy="7" r="1.3"></circle>
                <circle cx="20.8" cy="15" r="1.5"></circle>
            </g>
            <g class="mark-c">
                <circle cx="10" cy="18" r="2.6"></circle>
                <circle cx="14.6" cy="19.6" r="1.5"></circle>
                <circle cx="6.2" cy="20.3" r="1.3"></circle>
            </g>
        </svg>
    }
}
