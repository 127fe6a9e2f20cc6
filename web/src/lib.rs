//! gistmap in a browser tab.
