//! HTTP: the API, receivers' routes, the first page.
