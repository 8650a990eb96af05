//! What is read and written at most.

/// What is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub bytes_max: u64,
    pub rows_max: u64,
    pub columns_max: usize,
    /// Bytes of one cell, decoded; a longer one is an error of its row.
    pub cell_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes_max: 256 * 1024 * 1024,
            rows_max: 1_000_000,
            columns_max: 512,
            cell_bytes_max: 64 * 1024,
        }
    }
}

/// People in a workbook that is written: as many as a sheet has rows, but for the header's.
pub const WORKBOOK_PEOPLE_MAX: u32 = 1_048_575;
