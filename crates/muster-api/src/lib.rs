//! REST, OpenAPI, live events and the page at the root.
