use crate::args::Command;
use crate::console::Console;
use crate::failure::Failure;
use crate::globals::Globals;

pub(crate) fn run(_: &Globals, _: &Command, _: &mut Console<'_>) -> Result<(), Failure> {
    Err(Failure::refused("This program cannot do that.", ""))
}
