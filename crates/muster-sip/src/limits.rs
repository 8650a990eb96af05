//! Hard limits on lengths and counts. What is beyond them is refused without reading on.

/// Octets of a whole message, head and body. A UDP datagram cannot carry more.
pub const MESSAGE_BYTES: usize = 65_535;
/// Octets of the start line and all headers, with the empty line that ends them.
pub const HEAD_BYTES: usize = 32 * 1024;
/// Header lines, a folded one counted once.
pub const HEADERS: usize = 200;
/// Octets of a header's name.
pub const HEADER_NAME_BYTES: usize = 255;
/// Octets of a header's value after its folds.
pub const HEADER_VALUE_BYTES: usize = 8 * 1024;
/// Octets of a start line.
pub const START_LINE_BYTES: usize = 4 * 1024;
/// Octets of a method's name.
pub const METHOD_BYTES: usize = 64;
/// Values read from the lines of one header (`Contact`, `Route`, `Via`, challenges).
pub const VALUES: usize = 128;
/// Parameters read from one value.
pub const PARAMS: usize = 64;
